"""Changes of shifts and copies of calendars in the store."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.centre.index import CentreIndex
from gateway.centre.model import Centre
from gateway.centre.rota import Change
from gateway.errors import BadAnswerError
from gateway.store import centres, rotas, shift_ends
from gateway.store.audit import broken_at
from gateway.store.rotas import Span
from tests.gateway.alerts.ward import Ward
from tests.gateway.centre.roster import DOCUMENT, WEEK, house, ics

DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MONDAY = Span(at("2026-03-02T06:00"), at("2026-03-02T18:00"))
TUESDAY_NIGHT = Span(at("2026-03-03T18:00"), at("2026-03-04T06:00"))


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Ward]:
    ward = Ward(tmp_path / "gateway.db", index=CentreIndex(house()))
    yield ward
    ward.close()


def on(ward: Ward, when: str) -> tuple[str, ...]:
    return rotas.on_shift(ward.db, ward.index, "nurse", at(when))


def change(
    ward: Ward,
    *,
    span: Span = MONDAY,
    role: str = "nurse",
    leaves: str | None = "nora",
    comes: str | None = "ida",
    why: str = "ill",
) -> Change:
    return ward.do(
        lambda tx: rotas.override(tx, ward.index, role=role, span=span, leaves=leaves, comes=comes, why=why, who="sam")
    )


def test_an_override_and_back(night: Ward) -> None:
    made = change(night, why=" ill ")
    assert (made.id, made.why, made.who, made.ended_at) == (1, "ill", "sam", None)
    assert (on(night, "2026-03-02T05:59"), on(night, "2026-03-02T06:00")) == (("ben",), ("ida",))
    assert (on(night, "2026-03-02T17:59"), on(night, "2026-03-03T06:00")) == (("ida",), ("nora",))
    assert [one.ended_by for one in night.do(lambda tx: shift_ends.take_back(tx, 1, who="boss"))] == ["boss"]
    assert on(night, "2026-03-02T06:00") == ("nora",)
    assert rotas.changes(night.db) == []
    [kept] = rotas.changes(night.db, everything=True)
    assert kept.ended_at == night.clock.now()


def test_a_swap_is_two_halves_of_one_thing(night: Ward) -> None:
    first, second = night.do(
        lambda tx: rotas.swap(
            tx, night.index, role="nurse", first=("nora", MONDAY), second=("ben", TUESDAY_NIGHT), why="x", who="sam"
        )
    )
    assert (first.leaves, first.comes, second.leaves, second.comes, second.swap) == ("nora", "ben", "ben", "nora", 1)
    assert (on(night, "2026-03-02T12:00"), on(night, "2026-03-03T20:00")) == (("ben",), ("nora",))
    night.do(lambda tx: shift_ends.take_back(tx, second.id, who="sam"))
    assert (on(night, "2026-03-02T12:00"), on(night, "2026-03-03T20:00")) == (("nora",), ("ben",))
    actions = [row[0] for row in night.db.execute("SELECT action FROM audit WHERE action LIKE 'shift%' ORDER BY seq")]
    assert actions == ["shift.swap", "shift.swap", "shift.take_back", "shift.take_back"]
    assert broken_at(night.db) is None


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"role": "nurs"}, 'did you mean "nurse"?'),
        ({"leaves": None, "comes": None}, "a carer who comes, one who leaves, or both"),
        ({"leaves": "nora", "comes": "nora"}, "somebody else"),
        ({"leaves": "ida", "comes": "nora"}, "on duty for nurse then: nora"),
        ({"comes": "zoe"}, "expected a carer of the centre"),
        ({"comes": "boss"}, "can't be told"),
        ({"comes": "rita"}, "expected staff for nurse; this is a relative"),
        ({"leaves": None, "comes": "arc"}, "expected staff for nurse; this is an alarm centre"),
        ({"why": "  "}, "a few words"),
        ({"span": Span(MONDAY.until, MONDAY.since)}, "a time after the beginning"),
        ({"span": Span(MONDAY.since, MONDAY.since + 93 * DAY)}, "at most 92 days"),
        ({"span": Span(MONDAY.since - 9 * DAY, MONDAY.until - 9 * DAY)}, "not over yet"),
    ],
)
def test_what_can_not_be_changed_is_told(night: Ward, wanted: dict[str, object], words: str) -> None:
    with pytest.raises(BadAnswerError) as refused:
        change(night, **wanted)  # type: ignore[arg-type]
    assert words in str(refused.value)
    assert rotas.changes(night.db, everything=True) == []


def test_a_swap_of_what_is_not_theirs_changes_nothing(night: Ward) -> None:
    with pytest.raises(BadAnswerError, match="on duty for nurse then: nora"):
        night.do(
            lambda tx: rotas.swap(
                tx, night.index, role="nurse", first=("nora", MONDAY), second=("ben", MONDAY), why="x", who="sam"
            )
        )
    assert rotas.changes(night.db, everything=True) == []


def test_a_family_that_takes_turns_by_the_plan_may_change_them(tmp_path: Path) -> None:
    with closing(Ward(tmp_path / "gateway.db", index=CentreIndex(house(shifts=[family_week()])))) as ward:
        change(ward, leaves="rita", comes="nora")
        change(ward, leaves="nora", comes="rita")
        assert on(ward, "2026-03-02T12:00") == ("rita",)


def family_week() -> dict[str, object]:
    """By day the daughter herself."""
    day = {"from": "07:00", "to": "19:00", "carers": ["rita"]}
    return {"id": "nurse", "weekly": [day, {"from": "19:00", "to": "07:00", "carers": ["ben"]}]}


def test_a_relative_whom_only_a_calendar_names_swaps_with_nobody(tmp_path: Path) -> None:
    rota = {"id": "rota", "text": ics(":20260302T060000Z|:20260302T180000Z|Rita")}
    shifts = [{"id": "nurse", "calendar": "rota", "weekly": WEEK["weekly"][1:]}]
    with closing(Ward(tmp_path / "gateway.db", index=CentreIndex(house(shifts=shifts, calendars=[rota])))) as ward:
        assert on(ward, "2026-03-02T12:00") == ("rita",)
        with pytest.raises(BadAnswerError, match="expected staff"):
            ward.do(
                lambda tx: rotas.swap(
                    tx, ward.index, role="nurse", first=("rita", MONDAY), second=("ben", TUESDAY_NIGHT), why="x",
                    who="sam",
                )
            )  # fmt: skip
        change(ward, leaves="rita", comes="nora")  # to take her out is always possible
        assert on(ward, "2026-03-02T12:00") == ("nora",)


@pytest.mark.parametrize("number", [0, 2, -1, 2**70])
def test_a_change_that_is_none_can_not_be_taken_back(night: Ward, number: int) -> None:
    change(night)
    with pytest.raises(BadAnswerError, match="number of a change"):
        night.do(lambda tx: shift_ends.take_back(tx, number, who="sam"))


def test_changes_of_a_time(night: Ward) -> None:
    change(night)
    assert len(rotas.changes(night.db, begin=MONDAY.until - DAY / 24)) == 1
    assert rotas.changes(night.db, begin=MONDAY.until) == []
    assert rotas.changes(night.db, end=MONDAY.since) == []
    assert rotas.changes(night.db, role="cook") == []


def test_both_halves_of_a_swap_are_one_thing_in_the_audit(night: Ward) -> None:
    night.do(
        lambda tx: rotas.swap(
            tx, night.index, role="nurse", first=("nora", MONDAY), second=("ben", TUESDAY_NIGHT), why="x", who="sam"
        )
    )
    rows = night.db.execute(
        "SELECT action, object, json_extract(detail, '$.swap') FROM audit WHERE action LIKE 'shift%' ORDER BY seq"
    )
    assert [tuple(row) for row in rows] == [
        ("shift.swap", "shift_change/1", 1), ("shift.swap", "shift_change/2", 1),
    ]  # fmt: skip


def test_what_is_over_stays_and_what_is_running_ends_now(night: Ward) -> None:
    change(night)
    night.clock.move_to(at("2026-03-02T12:00"))
    [ended] = night.do(lambda tx: shift_ends.take_back(tx, 1, who="sam"))
    assert (ended.until, ended.ended_by) == (at("2026-03-02T12:00"), "sam")
    assert (on(night, "2026-03-02T11:59"), on(night, "2026-03-02T12:00")) == (("ida",), ("nora",))
    with pytest.raises(BadAnswerError, match="not over"):
        night.do(lambda tx: shift_ends.take_back(tx, 1, who="sam"))
    assert on(night, "2026-03-02T11:59") == ("ida",)
    lines = night.db.execute("SELECT json_extract(detail, '$.until') FROM audit WHERE action = 'shift.take_back'")
    assert [row[0] for row in lines] == ["2026-03-02T12:00:00+00:00"]


def test_of_a_swap_the_half_that_was_worked_stays(night: Ward) -> None:
    night.do(
        lambda tx: rotas.swap(
            tx, night.index, role="nurse", first=("nora", MONDAY), second=("ben", TUESDAY_NIGHT), why="x", who="sam"
        )
    )
    night.clock.move_to(at("2026-03-03T00:00"))
    # whichever half is named: the one that is over means the swap, whose other half is ahead
    assert [one.id for one in night.do(lambda tx: shift_ends.take_back(tx, 1, who="sam"))] == [2]
    assert (on(night, "2026-03-02T12:00"), on(night, "2026-03-03T20:00")) == (("ben",), ("ben",))


def without_ida() -> Centre:
    policy = {"id": "standard", "steps": [{"roles": ["nurse"], "wait_s": 120}], "failsafe": ["sam"]}
    return house(carers=[one for one in DOCUMENT["carers"] if one["id"] != "ida"], policies=[policy])


def test_whoever_is_no_carer_any_more_comes_to_nothing(night: Ward) -> None:
    change(night)
    night.index = CentreIndex(without_ida())
    assert on(night, "2026-03-02T12:00") == ("nora",)


def test_with_the_version_that_takes_a_carer_out_what_they_stand_in_for_ends(night: Ward) -> None:
    later = Span(MONDAY.since + DAY, MONDAY.until + DAY)
    change(night, span=Span(at("2026-03-01T18:00"), at("2026-03-02T06:00")), leaves="ben")  # running
    change(night, span=later)
    change(night, span=later, leaves=None, comes="ben")
    change(night, leaves="nora", comes=None)
    night.do(lambda tx: centres.apply(tx, house(), who="sam"))
    assert len(rotas.changes(night.db)) == 4
    night.clock.move_to(at("2026-03-01T23:00"))
    night.do(lambda tx: centres.apply(tx, without_ida(), who="boss"))
    assert [(one.id, one.until == night.clock.now()) for one in rotas.changes(night.db)] == [
        (1, True), (3, False), (4, False),
    ]  # fmt: skip
    rows = night.db.execute("SELECT who, object FROM audit WHERE action = 'shift.comer_gone' ORDER BY seq")
    assert [tuple(row) for row in rows] == [("boss", "shift_change/1"), ("boss", "shift_change/2")]
    # whoever gets the id later is not on duty by it; who was on duty stays as it was
    assert (on(night, "2026-03-03T12:00"), on(night, "2026-03-01T23:30")) == (("ben", "nora"), ("ben",))
    assert on(night, "2026-03-01T22:30") == ("ida",)


ROTA = ics(":20260301T200000Z|:20260302T060000Z|ida")
URL = "https://calendar.example.org/rota.ics"


def test_the_last_good_copy_counts_until_the_address_is_another(night: Ward) -> None:
    night.index = CentreIndex(house(shifts=[{"id": "nurse", "url": URL}]))
    [shift] = night.index.rotas.fetched
    assert (rotas.copies(night.db, night.index), on(night, "2026-03-01T23:00")) == ({}, ())
    night.do(lambda tx: rotas.keep_copy(tx, shift, ROTA))
    kept_at = night.clock.now()
    night.clock.move(60)
    night.do(lambda tx: rotas.could_not_fetch(tx, shift, "status 500"))
    failed_at = night.clock.now()
    night.clock.move(60)
    night.do(lambda tx: rotas.could_not_fetch(tx, shift, "status 502"))
    copy = rotas.copies(night.db, night.index)["nurse"]
    assert (copy.fetched_at, copy.failed_since, copy.problem) == (kept_at, failed_at, "status 502")
    assert on(night, "2026-03-01T23:00") == ("ida",)
    night.index = CentreIndex(house(shifts=[{"id": "nurse", "url": URL + "?new"}]))
    assert (rotas.copies(night.db, night.index), on(night, "2026-03-01T23:00")) == ({}, ())
    night.do(lambda tx: rotas.could_not_fetch(tx, night.index.rotas.fetched[0], "status 404"))
    assert rotas.copies(night.db, night.index)["nurse"].text is None


def test_the_address_is_not_in_the_store(night: Ward) -> None:
    night.index = CentreIndex(house(shifts=[{"id": "nurse", "url": URL + "?key=s3cret"}]))
    night.do(lambda tx: rotas.keep_copy(tx, night.index.rotas.fetched[0], ROTA))
    assert "s3cret" not in "\n".join(night.db.iterdump())


def test_houses_without_shifts_ask_for_nothing(night: Ward) -> None:
    night.index = CentreIndex(
        house(shifts=[], policies=[{"id": "standard", "steps": [{"to": ["nora"], "wait_s": 1}], "failsafe": ["sam"]}])
    )
    assert night.index.rotas.roles == ()
    assert WEEK["id"] not in night.index.rotas.shifts
    with pytest.raises(BadAnswerError, match=r"none, because the centre file has no \[\[shifts\]\]"):
        change(night)
