from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from gateway.errors import BadAnswerError, NotAllowedError
from gateway.store import audit, compact, erase, erase_rows
from gateway.store.database import reader
from tests.gateway.privacy.life import NEIGHBOUR, NOW, PHOTO, SECRET_NAME, Life, integrity

TRACES = (
    SECRET_NAME, "Ġorġa", "blue key", "Silver hair", PHOTO[40:140], "Rita Zahra-Only", "flat-of-gorga", "Strait Street",
    "14.5123456", "35.8987654", "61.25", "bus stop", "cry out", "lilac room", "hash-of-rita",
)  # fmt: skip


@pytest.fixture
def life(tmp_path: Path) -> Life:
    life = Life(tmp_path)
    life.live()
    return life


def plan(life: Life, resident: str = "r01") -> erase.Plan:
    with closing(reader(life.path)) as db:
        return erase.plan(db, resident, life.clock.now())


def erased(life: Life, *, stop_after: int | None = None) -> dict[str, int]:
    wanted = plan(life)
    life.write(partial(erase.begin, wanted=wanted, who="ada"))
    counts: dict[str, int] = {}
    pieces = 0
    for what, work in erase.works(wanted.person):
        more = True
        while more:
            if stop_after is not None and pieces >= stop_after:
                return counts
            piece = life.write(work)
            counts[what] = counts.get(what, 0) + piece.removed
            more = piece.more
            pieces += 1
    life.write(partial(erase.end, person=wanted.person, counts=counts, who="ada"))
    return counts


def test_before_it_everything_is_in_the_file(life: Life) -> None:
    life.move_out()
    compact.empty_log(life.path)
    assert set(compact.holds(life.path, TRACES)) == set(TRACES)


def test_nothing_is_left_in_any_byte_of_the_file_and_its_log(life: Life) -> None:
    life.move_out()
    counts = erased(life)
    compact.empty_log(life.path)
    assert compact.holds(life.path, TRACES) == []
    assert counts["readings"] == 82
    assert integrity(life.path) == ["ok"]


def test_the_audit_still_holds_and_has_ids_only(life: Life) -> None:
    life.move_out()
    erased(life)
    with closing(reader(life.path)) as db:
        assert audit.broken_at(db) is None
    actions = [row[0] for row in life.ask("SELECT action FROM audit WHERE object = 'resident/r01' ORDER BY seq")]
    assert actions[0] == "glass.break"
    assert actions[-2:] == ["person.erase", "person.erased"]


def test_the_others_keep_what_is_theirs(life: Life) -> None:
    life.move_out()
    erased(life)
    assert life.ask("SELECT count(*) FROM readings") == [(40,)]
    assert life.ask("SELECT DISTINCT device FROM readings") == [("sos-2",)]
    assert life.ask("SELECT note FROM alerts WHERE resident = 'r02'") == [("Sat with (erased).",)]
    assert life.ask("SELECT id, text, corrects FROM care_notes ORDER BY id") == [
        (3, "Had tea with (erased).", None),
        (4, "It was coffee.", 3),
    ]
    index = life.index
    assert list(index.residents) == ["r02"]
    assert index.residents["r02"].name == NEIGHBOUR
    assert index.residents["r02"].note == "Plays cards with (erased)."
    assert list(index.devices) == ["gps-1", "bed-1", "sos-2"]
    assert "rita" not in index.carers


def test_the_bare_line_of_an_alert_stays_for_the_figures(life: Life) -> None:
    life.move_out()
    erased(life)
    kept = life.ask("SELECT rule, rule_key, priority, outcome, closed_by, evidence, note FROM alerts WHERE id = 1")
    assert kept == [("zone_exit", "zone_exit", "high", "other", "nora", "[]", None)]
    assert life.ask("SELECT resident FROM alerts WHERE id = 1") == [("@erased",)]


def test_refused_while_an_alert_is_open(life: Life) -> None:
    life.move_out()
    life.alert(closed=False)
    with pytest.raises(NotAllowedError, match="alert about this person is open"):
        plan(life)


def test_refused_when_an_alert_was_raised_since_the_plan(life: Life) -> None:
    life.move_out()
    wanted = plan(life)
    life.alert(closed=False)
    with pytest.raises(NotAllowedError, match="alert"):
        life.write(partial(erase.begin, wanted=wanted, who="ada"))
    assert "r01" in life.index.residents


def test_refused_while_devices_are_worn(life: Life) -> None:
    with pytest.raises(NotAllowedError, match="still has devices"):
        plan(life)


def test_nobody_of_that_id(life: Life) -> None:
    with pytest.raises(BadAnswerError, match="r99"):
        plan(life, "r99")


def test_versions_are_made_without_the_person_outside_of_the_transaction(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    life.move_out()
    wanted = plan(life)
    life.write(partial(erase.begin, wanted=wanted, who="ada"))
    [versions] = [work for _, work in erase.works(wanted.person) if isinstance(work, erase_rows.Versions)]
    rewritten, more = 0, True
    while more:
        with closing(reader(life.path)) as db:
            versions.prepare(db)
        with monkeypatch.context() as within:
            within.setattr(erase_rows, "without", None)  # nobody may ask for it within the transaction
            piece = life.write(versions)
        rewritten, more = rewritten + piece.removed, piece.more
    assert rewritten > 0
    with closing(reader(life.path)) as db:
        assert not any(SECRET_NAME in row[0] for row in db.execute("SELECT text FROM centre_sheets"))


def test_a_version_that_was_changed_since_it_was_prepared_is_looked_at_again(life: Life) -> None:
    life.move_out()
    wanted = plan(life)
    life.write(partial(erase.begin, wanted=wanted, who="ada"))
    slow, quick = (
        next(work for _, work in erase.works(wanted.person) if isinstance(work, erase_rows.Versions)) for _ in "12"
    )
    with closing(reader(life.path)) as db:
        slow.prepare(db)
    for work in (quick, slow):  # another process was faster
        while life.write(work).more:
            pass
    with closing(reader(life.path)) as db:
        assert not any(SECRET_NAME in row[0] for row in db.execute("SELECT text FROM centre_sheets"))


@pytest.mark.parametrize("pieces", [0, 1, 3, 7, 12, 20, 30])
def test_stopped_in_the_middle_it_is_gone_on_with(life: Life, pieces: int) -> None:
    life.move_out()
    erased(life, stop_after=pieces)
    [(done,)] = life.ask("SELECT done_at FROM erasures")
    assert done is None
    erased(life)
    compact.empty_log(life.path)
    assert compact.holds(life.path, TRACES) == []
    with closing(reader(life.path)) as db:
        found = erase.find(db, "r01")
    assert found is not None
    assert found.done_at == NOW + timedelta(seconds=60)


def test_copies_that_earlier_versions_left_are_cleared_and_other_files_stay(tmp_path: Path) -> None:
    left = tmp_path / f"export-{'0a' * 16}.zip"
    own = tmp_path / "export-carmen.zip"
    for file in (left, own):
        file.write_bytes(b"PK")
    assert compact.clear_copies(tmp_path) == 1
    assert list(tmp_path.iterdir()) == [own]
