"""Who is on duty when: weeks, calendars, both nights when the clocks change, and what people change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.model import Centre
from gateway.centre.rota import Change, Rotas, Turn, changed, on_duty
from gateway.errors import CentreError
from tests.gateway.centre.roster import WEEK, house, ics

DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def there(centre: Centre, when: str, role: str = "nurse", copies: dict[str, str] | None = None) -> tuple[str, ...]:
    now = at(when)
    return on_duty(Rotas(centre).planned(role, now, now + timedelta(seconds=1), copies or {}), now)


@pytest.mark.parametrize(
    ("when", "carer"),
    [
        ("2026-01-15T05:59:59", "ben"),  # 06:59:59 in Malta
        ("2026-01-15T06:00:00", "nora"),
        ("2026-01-15T17:59:59", "nora"),
        ("2026-01-15T18:00:00", "ben"),
        ("2026-07-15T05:00:00", "nora"),  # summer: 07:00 is two hours ahead
        ("2026-07-15T04:59:59", "ben"),
    ],
)
def test_the_week_is_on_the_wall(when: str, carer: str) -> None:
    assert there(house(), when) == (carer,)


@pytest.mark.parametrize("night", ["2026-03-28", "2026-10-24"])
def test_on_the_nights_when_the_clocks_change_nobody_is_missing(night: str) -> None:
    weekly = [
        {"days": "daily", "from": "07:00", "to": "02:30", "carers": ["nora"]},
        {"days": "daily", "from": "02:30", "to": "07:00", "carers": ["ben"]},
    ]
    centre = house(shifts=[{"id": "nurse", "weekly": weekly}])
    begin = at(f"{night}T12:00:00")
    turns = Rotas(centre).planned("nurse", begin, begin + DAY, {})
    minutes = [begin + timedelta(minutes=number) for number in range(24 * 60)]
    assert all(on_duty(turns, minute) for minute in minutes)
    night_shift = sum(on_duty(turns, minute)[-1] == "ben" for minute in minutes)
    # 02:30 to 07:00: spring loses an hour of it, autumn has one more, from the first 02:30 on
    assert night_shift == {"2026-03-28": 210, "2026-10-24": 330}[night]


def test_a_shift_of_another_time_zone() -> None:
    weekly = [{"days": "daily", "from": "09:00", "to": "17:00", "carers": ["ida"]}]
    centre = house(shifts=[WEEK, {"id": "desk", "timezone": "America/New_York", "weekly": weekly}])
    assert there(centre, "2026-01-15T14:00:00", "desk") == ("ida",)
    assert there(centre, "2026-01-15T13:59:59", "desk") == ()


def test_several_people_and_several_shifts_of_one_role() -> None:
    more = {"id": "extra", "role": "nurse", "weekly": [{"from": "10:00", "to": "12:00", "carers": ["ida", "sam"]}]}
    centre = house(shifts=[WEEK, more])
    assert there(centre, "2026-01-15T09:30:00") == ("nora", "ida", "sam")
    assert there(centre, "2026-01-15T12:00:00") == ("nora",)


def test_a_role_that_nobody_has() -> None:
    assert there(house(), "2026-01-15T09:30:00", "cook") == ()


CALENDAR = ics(
    ";TZID=Europe/Malta:20260105T070000|;TZID=Europe/Malta:20260105T190000|Nora|RRULE:FREQ=WEEKLY;BYDAY=MO",
    ":20260106T060000Z|:20260106T180000Z|On call: ben, Ida",
    ":20260107T060000Z|:20260107T180000Z|Late shift|ATTENDEE;CN=Sam:mailto:SAM@x.org",
    ":20260108T060000Z|:20260108T180000Z|Zoe|STATUS:CONFIRMED",
    ":20260109T060000Z|:20260109T180000Z|nora|STATUS:CANCELLED",
    ";VALUE=DATE:20260110|;VALUE=DATE:20260111|nora / Zoe",
)


@pytest.mark.parametrize(
    ("when", "carers"),
    [
        ("2026-01-12T06:00:00", ("nora",)),
        ("2026-07-13T05:00:00", ("nora",)),
        ("2026-01-06T10:00:00", ("ben", "ida")),
        ("2026-01-07T10:00:00", ("sam",)),
        ("2026-01-08T10:00:00", ()),
        ("2026-01-09T10:00:00", ()),
        ("2026-01-09T23:00:00", ("nora",)),  # a whole day in Malta
    ],
)
def test_a_calendar_names_carers_by_id_name_or_address(when: str, carers: tuple[str, ...]) -> None:
    centre = house(shifts=[{"id": "nurse", "calendar": "rota"}], calendars=[{"id": "rota", "text": CALENDAR}])
    assert there(centre, when) == carers


def test_names_that_are_nobodys_are_found() -> None:
    centre = house(shifts=[{"id": "nurse", "calendar": "rota"}], calendars=[{"id": "rota", "text": CALENDAR}])
    found = Rotas(centre).unknown("nurse", at("2026-01-05"), at("2026-01-12"), {})
    assert [(one.start.isoformat()[:10], one.name) for one in found] == [("2026-01-08", "Zoe"), ("2026-01-09", "Zoe")]


def marias(summary: str, more: str = "") -> Centre:
    """Two carers of one name, of whom ``later`` stands last; nora and ben share a mailbox."""
    people = [
        {"id": one, "name": name, "contacts": [{"channel": "smtp", "address": f"{mailbox}@x.org"}]}
        for one, name, mailbox in (
            ("first", "Maria Borg", "first"), ("later", "maria borg", "later"), ("nora", "Nora", "ward"),
            ("ben", "Ben", "ward"), ("ida", "Ida", "ida"), ("rita", "Rita", "rita"), ("sam", "Sam", "sam"),
        )
    ]  # fmt: skip
    text = ics(f":20260106T060000Z|:20260106T180000Z|{summary}{more}")
    shifts = [{"id": "nurse", "calendar": "rota"}]
    return house(carers=people, shifts=shifts, calendars=[{"id": "rota", "text": text}])


@pytest.mark.parametrize(
    ("summary", "more", "carers", "doubtful"),
    [
        ("Maria Borg", "", ("first", "later"), [("Maria Borg", ("first", "later"))]),
        ("On call: Maria Borg\\, nora", "", ("first", "later", "nora"), [("Maria Borg", ("first", "later"))]),
        ("Late", "|ATTENDEE:mailto:ward@x.org", ("ben", "nora"), [("ward@x.org", ("nora", "ben"))]),
        # what says which of them it is
        ("later", "", ("later",), []),
        ("Maria Borg", "|ATTENDEE:mailto:LATER@x.org", ("later",), []),
        ("Late: Maria Borg", "|ATTENDEE:mailto:later@x.org", ("later",), []),
    ],
)
def test_two_carers_of_one_name_are_both_on_duty_and_it_is_told(
    summary: str, more: str, carers: tuple[str, ...], doubtful: list[tuple[str, tuple[str, ...]]]
) -> None:
    centre = marias(summary, more)
    assert there(centre, "2026-01-06T10:00:00") == carers
    found = Rotas(centre).unknown("nurse", at("2026-01-05"), at("2026-01-12"), {})
    assert [(one.name, one.carers) for one in found] == doubtful


def test_a_fetched_calendar_counts_by_its_copy() -> None:
    centre = house(shifts=[{"id": "nurse", "url": "https://calendar.example.org/rota.ics"}])
    assert there(centre, "2026-01-12T06:00:00", copies={"nurse": CALENDAR}) == ("nora",)
    assert there(centre, "2026-01-12T06:00:00") == ()
    assert there(centre, "2026-01-12T06:00:00", copies={"nurse": "BEGIN:NONSENSE"}) == ()


def change(number: int, since: int, until: int, leaves: str | None, comes: str | None, role: str = "nurse") -> Change:
    start = at("2026-01-15")
    hour = timedelta(hours=1)
    return Change(
        id=number, role=role, since=start + since * hour, until=start + until * hour, leaves=leaves, comes=comes,
        why="x", who="sam", made_at=start,
    )  # fmt: skip


def turn(carer: str, start: int, end: int) -> Turn:
    hour = timedelta(hours=1)
    return Turn(at("2026-01-15") + start * hour, at("2026-01-15") + end * hour, "nurse", carer, "nurse")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ([change(1, 8, 10, "nora", "ida")], [("nora", 6, 8), ("ida", 8, 10), ("nora", 10, 18)]),
        ([change(1, 0, 24, "nora", "ida")], [("ida", 6, 18)]),
        ([change(1, 8, 10, "nora", None)], [("nora", 6, 8), ("nora", 10, 18)]),
        ([change(1, 8, 10, None, "ida")], [("nora", 6, 18), ("ida", 8, 10)]),
        ([change(1, 8, 10, "ben", "ida")], [("nora", 6, 18)]),
        ([change(1, 8, 10, "nora", "ida", "cook")], [("nora", 6, 18)]),
        (
            [change(2, 8, 10, "ida", "sam"), change(1, 6, 18, "nora", "ida")],
            [("ida", 6, 8), ("sam", 8, 10), ("ida", 10, 18)],
        ),
    ],
)
def test_changes(made: list[Change], expected: list[tuple[str, int, int]]) -> None:
    hours = [
        (
            one.carer,
            int((one.start - at("2026-01-15")) / timedelta(hours=1)),
            int((one.end - at("2026-01-15")) / timedelta(hours=1)),
        )
        for one in changed([turn("nora", 6, 18)], made)
    ]
    assert hours == sorted(expected, key=lambda one: (one[1], one[2]))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 23),
            st.integers(1, 12),
            st.sampled_from(["nora", "ben", "ida"]),
            st.sampled_from(["sam", "zoe"]),
        ),
        max_size=6,
    )
)
def test_a_replacement_never_leaves_a_gap(changes: list[tuple[int, int, str, str]]) -> None:
    made = [change(number, since, since + span, out, comes) for number, (since, span, out, comes) in enumerate(changes)]
    after = changed([turn("nora", 6, 18), turn("ben", 18, 30)], made)
    for hour in range(6, 30):
        assert on_duty(after, at("2026-01-15") + timedelta(hours=hour)), hour


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"shifts": [{"id": "nurse"}]}, "somebody has to be on duty"),
        ({"shifts": [WEEK | {"calendar": "x", "url": "https://a.example.org"}]}, "not both"),
        ({"shifts": [WEEK | {"url": "ftp://a.example.org"}]}, "web address"),
        ({"shifts": [WEEK | {"url": "https://me:word@a.example.org/x"}]}, "without a user name"),
        ({"shifts": [WEEK | {"calendar": "rotta"}]}, "the id of a calendar"),
        ({"shifts": [WEEK, WEEK]}, "an id of its own"),
        ({"shifts": [WEEK | {"weekly": [{"from": "07:00", "to": "19:00", "carers": ["norra"]}]}]}, 'mean "nora"?'),
        ({"shifts": [WEEK | {"weekly": [{"from": "07:00", "to": "19:00", "carers": ["boss"]}]}]}, "can't be told"),
        ({"shifts": [WEEK | {"weekly": [{"from": "07:00", "to": "19:00", "carers": []}]}]}, "at least 1 of them"),
        ({"shifts": [{"id": "cook", "weekly": WEEK["weekly"]}]}, "the role of a [[shifts]]"),
        ({"residents": [{"id": "r01", "name": "C", "room": "1", "relatives": ["ritta"]}]}, 'did you mean "rita"?'),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(tables: dict[str, Any], words: str) -> None:
    with pytest.raises(CentreError) as caught:
        house(**tables)
    assert words in str(caught.value)


def variant(**fields: Any) -> dict[str, Any]:
    when = {"id": "night", "steps": [{"to": ["ben"], "wait_s": 60}], **fields}
    return {
        "policies": [{"id": "standard", "steps": [{"to": ["nora"], "wait_s": 1}], "failsafe": ["sam"], "when": [when]}]
    }


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "the others never count"),
        ({"rules": ["fal"]}, 'did you mean "fall"?'),
        ({"priorities": ["urgent"]}, "when[0].priorities[0]"),
        (
            {"priorities": ["high"], "steps": [{"wait_s": 60}]},
            "at least one carer, or roles, relatives or alarm_centre",
        ),
        ({"priorities": ["high"], "steps": [{"roles": ["cook"], "wait_s": 60}]}, "the role of a [[shifts]]"),
        ({"schedule": {"calendar": "holidays"}}, "the id of a calendar"),
        ({"schedule": {"weekly": [{"days": "someday", "from": "07:00", "to": "08:00"}]}}, "daily"),
    ],
)
def test_a_variant_that_can_not_count_is_told(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(CentreError) as caught:
        house(**variant(**fields))
    assert words in str(caught.value)


def test_two_variants_of_one_name_are_told() -> None:
    tables = variant(priorities=["high"])
    tables["policies"][0]["when"] *= 2
    with pytest.raises(CentreError, match="an id of its own in this policy"):
        house(**tables)


def test_all_words_of_the_gateways_own_alerts_can_be_named() -> None:
    from gateway.words import RULE_TITLES

    tables = variant(rules=sorted(RULE_TITLES))
    assert house(**tables).policies[0].when[0].rules == tuple(sorted(RULE_TITLES))


@pytest.mark.parametrize(
    ("planned", "first", "second", "expected"),
    [
        ([("nora", 7, 15), ("ben", 13, 21)], (7, 15), (13, 21), {("ben", 7, 15), ("nora", 13, 21)}),
        ([("nora", 7, 15), ("ben", 7, 15)], (7, 15), (7, 15), {("ben", 7, 15), ("nora", 7, 15)}),
        (
            [("nora", 7, 15), ("ben", 13, 21)], (12, 15), (13, 16),
            {("nora", 7, 12), ("ben", 12, 15), ("nora", 13, 16), ("ben", 16, 21)},
        ),
    ],
)  # fmt: skip
def test_a_swap_of_turns_that_overlap_takes_nobody_off_duty(
    planned: list[tuple[str, int, int]],
    first: tuple[int, int],
    second: tuple[int, int],
    expected: set[tuple[str, int, int]],
) -> None:
    halves = [change(1, *first, "nora", "ben"), msgspec.structs.replace(change(2, *second, "ben", "nora"), swap=1)]
    start, hour = at("2026-01-15"), timedelta(hours=1)
    after = changed([turn(*one) for one in planned], halves)
    assert {(one.carer, (one.start - start) // hour, (one.end - start) // hour) for one in after} == expected
    # a later change is about what the swap has made of the turns
    late = changed([turn(*one) for one in planned], [*halves, change(3, 0, 24, "ben", "ida")])
    assert {one.carer for one in late} == {"nora", "ida"}


def test_turns_that_differ_in_their_shift_only_are_put_in_order() -> None:
    # ida is on duty by the plan, and comes in place of nora at the very same time
    after = changed([turn("nora", 6, 18), turn("ida", 6, 18)], [change(1, 6, 18, "nora", "ida")])
    assert [(one.carer, one.shift) for one in after] == [("ida", None), ("ida", "nurse")]


def test_who_stands_in_and_is_on_duty_anyway_is_on_duty_once() -> None:
    """Ben comes for Nora, and has the same turn by the plan: two turns that differ in their shift only."""
    planned = [turn("nora", 6, 18), turn("ben", 6, 18)._replace(shift="day")]
    after = changed(planned, [change(1, 6, 18, "nora", "ben")])
    assert {one.carer for one in after} == {"ben"}
    assert on_duty(after, planned[0].start) == ("ben",)
