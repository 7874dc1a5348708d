import asyncio
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from gateway.alerts import desk
from gateway.alerts.model import Close, Outcome
from gateway.app.retention import RetentionRun
from gateway.clock import to_ms
from gateway.settings.retention import Retention
from gateway.store import audit, compact, retention
from gateway.store.database import reader
from gateway.store.retention import Kind
from gateway.store.writer import Tx, Writer
from tests.gateway.privacy.life import NOW, Life, integrity

SETTINGS = Retention(positions_days=10, readings_days=20, journal_days=5, quarantine_days=2)


@pytest.fixture
def life(tmp_path: Path) -> Life:
    life = Life(tmp_path)
    life.live()
    return life


def purged(life: Life, settings: Retention = SETTINGS) -> dict[Kind, int]:
    with closing(reader(life.path)) as db:
        cuts = retention.cuts(db, settings, life.clock.now())
    removed = {}
    for cut in cuts:
        gone, more = 0, True
        while more:
            piece = life.write(partial(retention.piece, cut=cut))
            gone, more = gone + piece.removed, piece.more
        life.write(partial(retention.note_run, cut=cut, removed=gone))
        removed[cut.kind] = gone
    return removed


def oldest(life: Life, table: str, condition: str = "1") -> float:
    """Days before NOW of the oldest row."""
    [(ms,)] = life.ask(f"SELECT min(received_at) FROM {table} WHERE {condition}")
    return (to_ms(NOW) - int(ms)) / 86_400_000


def test_each_kind_goes_by_its_own_days(life: Life) -> None:
    removed = purged(life)
    assert oldest(life, "readings", "kind = 'position'") == 10
    assert oldest(life, "readings", "kind != 'position'") == 20
    assert oldest(life, "journal") == 5
    assert removed[Kind.POSITIONS] == 30
    assert removed[Kind.READINGS] == 40
    assert integrity(life.path) == ["ok"]


def test_what_is_noted_of_readings_goes_with_them(life: Life) -> None:
    purged(life)
    lost = "SELECT count(*) FROM reading_places WHERE seq NOT IN (SELECT seq FROM readings)"
    assert life.ask(lost) == [(0,)]
    [(frame,)] = life.ask("SELECT min(frame) FROM readings")
    assert life.ask("SELECT min(frame) FROM event_ids") == [(frame,)]


def test_the_preview_says_what_will_go(life: Life) -> None:
    with closing(reader(life.path)) as db:
        said = {line.cut.kind: line.rows for line in retention.preview(db, SETTINGS, NOW)}
    removed = purged(life)
    # a position older than 20 days is counted as either
    assert said[Kind.POSITIONS] == removed[Kind.POSITIONS]
    assert said[Kind.READINGS] == removed[Kind.READINGS] + 20
    assert said[Kind.JOURNAL] == removed[Kind.JOURNAL] > 0
    with closing(reader(life.path)) as db:
        again = {line.cut.kind: line.rows for line in retention.preview(db, SETTINGS, NOW)}
        runs = {run.kind: run.removed for run in retention.last_runs(db)}
    assert set(again.values()) == {0}
    assert runs["positions"] == 30


def test_places_in_what_rules_knew_and_in_raw_messages_go_with_positions(life: Life) -> None:
    shelf = "INSERT INTO shelves (resident, rule_key, rule, priority, why, who, since, until, ended_at)"
    story = '{"before":"{\\"spot\\":[14.5123456]}","reason":"kept"}'

    def shelve(tx: Tx) -> None:
        for ended in (None, to_ms(NOW)):
            tx.db.execute(f"{shelf} VALUES ('r01', ?, 'zone_exit', 'high', 'w', 'sam', 0, 0, ?)", (str(ended), ended))
        for number in (1, 2):
            tx.db.execute(
                "INSERT INTO shelved (shelf, incident, first_at, last_at, story) VALUES (?, 'i', 0, 0, ?)",
                (number, story),
            )

    life.write(shelve)
    number = life.alert(closed=False)
    life.clock.move(3 * 86_400)
    settings = Retention(positions_days=1)
    removed = purged(life, settings)
    assert removed[Kind.STATES] == 1  # that of the closed one
    spots = "SELECT id FROM alerts WHERE before LIKE '%14.51%'"
    assert life.ask(spots) == [(number,)]
    assert life.ask("SELECT shelf, story LIKE '%14.51%', story LIKE '%kept%' FROM shelved") == [(1, 1, 1), (2, 0, 1)]
    life.write(lambda tx: desk.answer(tx, life.index, number, Close(Outcome.REAL, ""), "nora", "page"))
    purged(life, settings)
    assert life.ask(spots) == []
    assert life.ask("SELECT count(*) FROM journal WHERE payload LIKE '%14.51%'") == [(0,)]


@pytest.mark.parametrize("rule", ["low_battery", "silent", "break_glass"])
def test_a_device_in_a_drawer_keeps_nobodys_positions(life: Life, rule: str) -> None:
    number = life.alert(closed=False, at=NOW - timedelta(days=30))
    life.write(lambda tx: tx.db.execute("UPDATE alerts SET rule = ? WHERE id = ?", (rule, number)))
    purged(life)
    assert oldest(life, "readings", "kind = 'position'") == 10


def test_nothing_goes_from_under_an_open_alert(life: Life) -> None:
    number = life.alert(closed=False, at=NOW - timedelta(days=30))
    with closing(reader(life.path)) as db:
        cuts = {cut.kind: cut for cut in retention.cuts(db, SETTINGS, NOW)}
    assert cuts[Kind.READINGS].held_by == number
    assert cuts[Kind.READINGS].older_than == NOW - timedelta(days=31)
    purged(life)
    assert oldest(life, "readings") == 31
    assert oldest(life, "journal") == 31
    assert life.ask("SELECT state FROM alerts WHERE id = ?", number) != [("closed",)]


def test_an_alert_that_is_raised_during_the_run_keeps_what_led_to_it(life: Life) -> None:
    with closing(reader(life.path)) as db:
        [cut] = [cut for cut in retention.cuts(db, SETTINGS, NOW) if cut.kind is Kind.READINGS]
    assert cut.held_by is None
    life.alert(closed=False, at=NOW - timedelta(days=30))
    life.write(partial(retention.piece, cut=cut))
    assert oldest(life, "readings") == 31


def test_closed_alerts_go_with_everything_about_them(life: Life) -> None:
    life.clock.move(400 * 86400)
    kept = life.alert(closed=False)
    purged(life, Retention(alerts_days=100, notifications_days=100))
    assert life.ask("SELECT id FROM alerts WHERE rule != 'break_glass'") == [(kept,)]
    assert life.ask("SELECT count(*) FROM alert_events WHERE alert NOT IN (SELECT id FROM alerts)") == [(0,)]
    assert integrity(life.path) == ["ok"]


def test_notes_go_but_none_that_a_newer_one_corrects(life: Life) -> None:
    life.clock.move(50 * 86400)
    life.write(
        lambda tx: tx.db.execute(
            "INSERT INTO care_notes (resident, at, who, text, corrects) VALUES ('r02', ?, 'nora', 'It was milk.', 4)",
            (to_ms(tx.now),),
        )
    )
    assert purged(life, Retention(notes_days=30))[Kind.NOTES] == 2
    assert [row[0] for row in life.ask("SELECT id FROM care_notes ORDER BY id")] == [3, 4, 5]


def test_the_audit_goes_from_its_beginning_and_still_holds(life: Life) -> None:
    before = life.ask("SELECT count(*) FROM audit")[0][0]
    life.clock.move(50 * 86400)
    life.alert()
    purged(life, Retention(audit_days=30))
    left = life.ask("SELECT count(*) FROM audit")[0][0]
    assert 0 < left < before
    assert life.ask("SELECT count(*) FROM looks WHERE seq <= (SELECT seq FROM audit_head)") == [(0,)]
    with closing(reader(life.path)) as db:
        assert audit.broken_at(db) is None


def test_nobody_can_take_a_row_out_of_the_middle_of_the_audit(life: Life) -> None:
    with pytest.raises(Exception, match="append-only"):
        life.write(lambda tx: tx.db.execute("DELETE FROM audit WHERE seq = 3"))
    life.write(lambda tx: audit.cut(tx, 2, 500))
    with pytest.raises(Exception, match="append-only"):
        life.write(lambda tx: tx.db.execute("DELETE FROM audit WHERE seq = 3"))
    with pytest.raises(Exception, match="forward"):
        life.write(lambda tx: tx.db.execute("UPDATE audit_head SET seq = 1"))


def test_pieces_are_small(life: Life) -> None:
    for _ in range(3):
        life.write(
            lambda tx: tx.db.executemany(
                "INSERT INTO round_checks (resident, what, since, result, at, who)"
                " VALUES ('r01', 'due', 0, 'done', 0, 'n')",
                [()] * 400,
            )
        )
    with closing(reader(life.path)) as db:
        [cut] = [cut for cut in retention.cuts(db, SETTINGS, NOW) if cut.kind is Kind.ROUNDS]
    pieces = [life.write(partial(retention.piece, cut=cut)) for _ in range(4)]
    assert [piece.removed for piece in pieces] == [500, 500, 200, 0]
    assert [piece.more for piece in pieces] == [True, True, False, False]


def test_what_went_is_gone_from_the_bytes(life: Life) -> None:
    life.clock.move(3600)
    life.reads("bed-1", "bed", NOW, in_bed=False)  # the newest message is kept, whatever it is
    purged(life, Retention(positions_days=1, journal_days=1, readings_days=1))
    compact.empty_log(life.path)
    assert compact.holds(life.path, ["61.25"]) == []


async def test_the_daemon_does_it_once_a_day_at_its_time(life: Life) -> None:
    writer = Writer(life.path, clock=life.clock)
    writing = asyncio.create_task(writer.run())
    run = RetentionRun(writer=writer, index=lambda: life.index, clock=life.clock, path=life.path, settings=SETTINGS)
    try:
        assert await run.look() is None  # noon; it is due at 04:00, and was never done: from the next morning on
        life.clock.move(14 * 3600)
        assert await run.look() is None
        life.clock.move(3600)
        removed = await run.look()
        assert removed is not None
        assert removed["positions"] == 31
        assert await run.look() is None
        again = RetentionRun(
            writer=writer, index=lambda: life.index, clock=life.clock, path=life.path, settings=SETTINGS
        )
        assert await again.look() is None  # a restart does not do it twice
        life.clock.move(86400)
        assert await again.look() is not None
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


def test_keys_of_answers_and_requests_go_by_themselves(life: Life) -> None:
    def work(tx: Tx) -> None:
        for key, days in (("old", 8), ("new", 6)):
            at = to_ms(tx.now - timedelta(days=days))
            tx.db.execute("INSERT INTO answers (key, digest, at, alert) VALUES (?, 'd', ?, 1)", (key, at))
            tx.db.execute(
                "INSERT INTO requests_once (carer, route, key_hash, digest, begun_at) VALUES ('nora', 'r', ?, 'd', ?)",
                (key, at),
            )

    life.write(work)
    with closing(reader(life.path)) as db:
        last = retention.cuts(db, Retention(), life.clock.now())[-1]
    life.write(partial(retention.note_run, cut=last, removed=0))
    assert life.ask("SELECT key FROM answers WHERE digest = 'd'") == [("new",)]
    assert life.ask("SELECT count(*) FROM requests_once") == [(0,)]


def test_an_id_is_free_when_nothing_is_stored_of_who_had_it(life: Life) -> None:
    put = "INSERT INTO former_residents VALUES (?, 'Zoe', 1, 0)"
    life.write(lambda tx: tx.db.executemany(put, [("r01",), ("r77",)]) and None)
    with closing(reader(life.path)) as db:
        last = retention.cuts(db, Retention(), life.clock.now())[-1]
    life.write(partial(retention.note_run, cut=last, removed=0))
    assert life.ask("SELECT resident FROM former_residents") == [("r01",)]


def test_what_had_no_period_goes_too_and_the_name_with_it(life: Life) -> None:
    at = to_ms(NOW)

    def more(tx: Tx) -> None:
        tx.db.execute("INSERT INTO exports (resident, at, who, why) VALUES ('r02', ?, 'sam', 'asked')", (at,))
        for swap in (None, 1):
            tx.db.execute(
                "INSERT INTO shift_changes (role, since, until, leaves, swap, why, who, made_at)"
                " VALUES ('care', ?, ?, 'nora', ?, 'is ill', 'sam', ?)",
                (at, at + 1, swap, at),
            )
        for resident in ("r01", "r02"):
            tx.db.execute(
                "INSERT INTO consent_log (resident, at, who, agreed_by, agreed_name, agreed_on, how, version,"
                " before, after) VALUES (?, ?, 'sam', 'resident', '', '2026-03-01', 'by word', 1, '{}', '{}')",
                (resident, at),
            )
        tx.db.execute("INSERT OR REPLACE INTO protection VALUES ('r01', 'protected', '[]', 0)")
        tx.db.execute("INSERT INTO former_residents VALUES ('r01', 'Somebody', 1, ?)", (at,))
        tx.db.execute("UPDATE alerts SET state = 'closed', closed_at = ?", (at,))

    life.write(more)
    short = Retention.model_validate(dict.fromkeys((one for one in Retention.model_fields if one.endswith("_days")), 1))
    purged(life, short)
    assert life.ask("SELECT resident FROM consent_log ORDER BY id") == [("r01",), ("r02",)]
    life.clock.move(2 * 86400)
    life.write(lambda tx: audit.record(tx, who="sam", action="look", target="board"))  # the newest line always stays
    for _ in range(2):  # the first half of a swap goes after the second
        purged(life, short)
    for table in ("exports", "shift_changes", "rule_states", "protection", "former_residents"):
        assert life.ask(f"SELECT * FROM {table}") == [], table
    assert life.ask("SELECT resident FROM consent_log") == [("r02",)], "who lives in the house"
