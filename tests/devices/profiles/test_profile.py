"""The profile engine: what a TOML file may say, what it does, and what is refused when it is read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from devices.errors import UnreadableError, Why
from devices.profiles import library
from devices.profiles.cases import plain
from devices.profiles.flaws import ProfileError
from devices.profiles.pointers import BadPointerError, compile_each, compile_pointer
from devices.profiles.profile import Profile, parse
from devices.profiles.topics import compile_template, filter_of
from devices.profiles.triggers import keys_of
from devices.profiles.units import FIELDS, TYPES

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
HEAD = 'vendor = "my"\nmodel = "thing"\ntitle = "t"\nsource = "s"\nformats = ["profile"]\n'


def profile(readings: str, head: str = HEAD) -> Profile:
    return parse(head + readings, "my.toml")


def made(readings: str, document: Any) -> list[dict[str, Any]]:
    return [plain(reading) for reading in profile(readings).readings(document, "d", None, None)]


def flaws(text: str) -> list[tuple[str, str]]:
    with pytest.raises(ProfileError) as caught:
        parse(text, "my.toml")
    assert all(flaw.file == "my.toml" for flaw in caught.value.flaws)
    return [(flaw.key, flaw.expected) for flaw in caught.value.flaws]


def field(kind: str, name: str, spec: str, document: Any) -> Any:
    extra = {"position": "lon = 1.0\nlat = 1.0\n"}.get(kind, "")
    found = made(f'[[readings]]\nkind = "{kind}"\n{extra}{name} = {{ at = "/x"{spec and ", " + spec} }}\n', document)
    return found[0].get(name) if found else None


def test_the_table_of_fields_is_that_of_the_readings() -> None:
    assert {kind: set(reading.__struct_fields__) for kind, reading in TYPES.items()} == {
        kind: {"device", "observed_at", "event_id", *fields} for kind, fields in FIELDS.items()
    }


@pytest.mark.parametrize(
    ("kind", "name", "spec", "value", "result"),
    [
        ("position", "speed_mps", 'unit = "knots"', 10, pytest.approx(5.1444444)),
        ("position", "speed_mps", 'unit = "km/h"', 36, pytest.approx(10)),
        ("position", "altitude_m", 'unit = "ft"', 100, pytest.approx(30.48)),
        ("vitals", "temperature_c", 'unit = "F"', 98.6, pytest.approx(37)),
        ("vitals", "temperature_c", 'unit = "K"', 309.65, pytest.approx(36.5)),
        ("vitals", "temperature_c", "scale = 0.1, offset = -50", 870, pytest.approx(37)),
        ("vitals", "heart_rate_bpm", "unknown = [0, 255]", 0, None),
        ("vitals", "heart_rate_bpm", "text = true", "72 bpm", 72),
        ("status", "battery_percent", 'unit = "fraction"', 0.25, 25),
        ("status", "battery_percent", "table = [[3000, 0], [3600, 100]]", 3300, 50),
        ("status", "battery_percent", "table = [[3000, 0], [3600, 100]]", 2000, 0),
        ("status", "battery_percent", "table = [[3000, 0], [3600, 100]]", 9000, 100),
        ("status", "battery_percent", "strict = false", 193, None),
        ("status", "low_battery", "below = 3.0", 2.9, True),
        ("status", "low_battery", "above = 3.0", 2.9, False),
        ("status", "charging", "", 1, True),
        ("status", "charging", "map = { on = true, off = false }", "off", False),
        ("status", "charging", "map = { on = true }, else = false", "who knows", False),
        ("status", "charging", "map = { 0 = false, 1 = true }", 1.0, True),
        ("motion", "steps", "", 812, 812),
        ("continence", "state", 'levels = [[0, "dry"], [30, "some"], [70, "change_due"]]', 69, "some"),
        ("continence", "state", 'levels = [[0, "dry"], [30, "some"], [70, "change_due"]]', 70, "change_due"),
        ("continence", "zones_percent", 'unit = "fraction"', [0, 0.5, 1, 0.25], [0, 50, 100, 25]),
        ("sleep", "start", 'unit = "s"', 1772352000, "2026-03-01T08:00:00Z"),
        ("sleep", "start", 'unit = "ms"', 1772352000000, "2026-03-01T08:00:00Z"),
        ("sleep", "start", "", "2026-03-01T09:00:00+01:00", "2026-03-01T08:00:00Z"),
    ],
)
def test_units_maps_and_thresholds(kind: str, name: str, spec: str, value: Any, result: Any) -> None:
    assert field(kind, name, spec, {"x": value}) == result
    assert field(kind, name, spec, {}) is None


def test_a_field_left_out_has_its_default() -> None:
    assert field("bed", "in_bed", "map = { 0 = false, 1 = true }, missing = 0", {}) is False
    assert field("status", "battery_percent", "missing = 0", {"x": None}) == 0


@pytest.mark.parametrize(
    ("kind", "name", "spec", "value", "why"),
    [
        ("vitals", "heart_rate_bpm", "", "fast", Why.WRONG_TYPE),
        ("vitals", "heart_rate_bpm", "", True, Why.WRONG_TYPE),
        ("vitals", "heart_rate_bpm", "", float("nan"), Why.NOT_FINITE),
        ("vitals", "heart_rate_bpm", "", 2**70, Why.BIG_INTEGER),
        ("vitals", "heart_rate_bpm", "", 501, Why.OUT_OF_RANGE),
        ("position", "source", "", "tea leaves", Why.OUT_OF_RANGE),
        ("status", "charging", "", 2, Why.WRONG_TYPE),
        ("status", "firmware", "", ["1"], Why.WRONG_TYPE),
        ("status", "firmware", "", "\ud800", Why.LONE_SURROGATE),
        ("sleep", "start", "", "2026-03-01 08:00:00", Why.BAD_TIME),
        ("sleep", "start", "", 7, Why.BAD_TIME),
        ("continence", "zones_percent", "", 7, Why.WRONG_TYPE),
    ],
)
def test_what_a_field_cannot_be_is_refused(kind: str, name: str, spec: str, value: Any, why: Why) -> None:
    with pytest.raises(UnreadableError) as caught:
        field(kind, name, spec, {"x": value})
    assert caught.value.why is why
    assert caught.value.field == "x"


FALL = '[[readings]]\nkind = "fall"\nwhen = [{ at = "/a", equals = 1 }]\n'
FALL += 'phase = { at = "/p", map = { on = "detected" } }\n'
VITALS = '[[readings]]\nkind = "vitals"\nheart_rate_bpm = { at = "/hr" }\n'


def test_alarms_come_first_and_survive_what_is_bad_beside_them() -> None:
    fall = {"kind": "fall", "phase": "detected"}
    assert made(VITALS + FALL, {"hr": 70, "a": 1, "p": "on"}) == [fall, {"kind": "vitals", "heart_rate_bpm": 70.0}]
    assert made(VITALS + FALL, {"hr": "fast", "a": 1, "p": "on"}) == [fall]


@pytest.mark.parametrize(("document", "why"), [({"a": 1, "p": "?"}, Why.OUT_OF_RANGE), ({"a": 1}, Why.MISSING_FIELD)])
def test_a_phase_is_never_guessed(document: dict[str, Any], why: Why) -> None:
    with pytest.raises(UnreadableError) as caught:
        made(FALL, document)
    assert caught.value.why is why


def test_a_position_needs_both_halves_and_a_place() -> None:
    text = (
        '[[readings]]\nkind = "position"\nlon = { at = "/lon" }\nlat = { at = "/lat" }\naccuracy_m = { at = "/acc" }\n'
    )
    assert made(text, {}) == []
    assert made(text, {"lon": 0, "lat": 0}) == []
    assert made(text, {"lon": 1, "lat": 2, "acc": 0}) == [{"kind": "position", "lon": 1.0, "lat": 2.0}]
    for document, why in (({"lon": 1}, Why.MISSING_FIELD), ({"lon": 181, "lat": 1}, Why.BAD_POSITION)):
        with pytest.raises(UnreadableError) as caught:
            made(text, document)
        assert caught.value.why is why


def test_each_item_gives_its_reading_and_its_own_event() -> None:
    text = (
        '[[readings]]\nkind = "room"\neach = "/rooms/*"\nwhen = [{ at = "^/on", equals = true }]\n'
        'room = { at = "/name" }\npresent = { at = "/in" }\nobserved_at = { at = "/t", unit = "s" }\n'
    )
    document = {"on": True, "rooms": [{"name": "a", "in": 1, "t": 1772352000}, {"name": "b", "in": 0}, 7]}
    found = profile(text).readings(document, "d", AT, "e")
    assert [(r.room, r.present, r.event_id) for r in found] == [("a", True, "e"), ("b", False, "e#2")]  # type: ignore[union-attr]
    assert found[0].observed_at == found[1].observed_at == AT
    assert made(text, document | {"on": False}) == []


@pytest.mark.parametrize(
    ("condition", "holds", "fails"),
    [
        ('at = "/x", equals = "1"', 1, 2),
        ('at = "/x", one_of = ["a", 0]', 0, "0.5"),
        ('at = "/x", not_one_of = ["a"]', "b", "a"),
        ('at = "/x", not_one_of = ["a"]', "b", None),
        ('at = "/x", present = true', 0, None),
        ('at = "/x", present = false', None, False),
        ('at = "/x", above = 2', 2.5, 2),
        ('at = "/x", below = 2', 1, True),
        ('at = "/x", contains = 7', [1, 7], [1]),
        ('at = "/x", contains = "sos"', "on sos", "so s"),
        ('at = "/x", one_of = [0], missing = 0', None, 1),
        ('at = ["/y", "/x"], equals = 3', 3, 4),
    ],
)
def test_conditions(condition: str, holds: Any, fails: Any) -> None:
    text = f'[[readings]]\nkind = "status"\nwhen = [{{ {condition} }}]\nonline = true\n'
    assert made(text, {"x": holds}) == [{"kind": "status", "online": True}]
    assert made(text, {"x": fails}) == []


def test_pointers() -> None:
    document = {"a/b": {"~": [10, {"k": 1, "v": "one"}, {"k": "2", "v": "two"}]}, "": 5}
    for text, value in (
        ("", document),
        ("/", 5),
        ("/a~1b/~0/0", 10),
        ("/a~1b/~0/[k=1]/v", "one"),
        ("/a~1b/~0/[k=2]/v", "two"),
        ("/a~1b/~0/[k=3]/v", None),
        ("/a~1b/~0/9", None),
        ("/a~1b/~0/-1", None),
        ("/a~1b/x/y", None),
    ):
        assert compile_pointer(text)(document, None) == value, text
    assert compile_pointer("^/x")({}, {"x": 1}) == 1
    assert compile_each("/a~1b/~0/*")(document) == document["a/b"]["~"]  # type: ignore[index,call-overload]
    for bad in ("a", "/a~2", "/*", "^a"):
        with pytest.raises(BadPointerError):
            compile_pointer(bad)


def test_topic_templates() -> None:
    fits = compile_template("sensors/{device}/{any}/state")
    assert fits is not None
    assert fits("sensors/bed-1/x/state") == "bed-1"
    assert fits("sensors//x/state") is None
    assert fits("sensors/bed-1/state") is None
    assert filter_of("sensors/dev-{device}/state") == "sensors/+/state"
    plain_topic = compile_template("all/of/them")
    assert plain_topic is not None
    assert plain_topic("all/of/them") == ""
    assert all(compile_template(bad) is None for bad in ("", "a/+", "{device}/{device}", "a/{who}", "a/#"))


def test_everything_wrong_is_told_at_once() -> None:
    found = dict(
        flaws(
            'vendor = "Big"\nmodel = "m"\ntitle = ""\nformats = ["fax"]\ncolour = 1\nfixed = "yes"\n'
            '[message]\ntopics = ["a/{who}"]\ndevice = "no"\ntime = { at = "/t", unit = "weeks" }\n'
            '[[readings]]\nkind = "fal"\n'
            '[[readings]]\nkind = "fall"\nphase = "fallen"\n'
            '[[readings]]\nkind = "vitals"\nheart_rate_bpm = { at = "hr", unit = "C" }\npulse = 3\n'
            '[[readings]]\nkind = "bed"\n'
            '[[readings]]\nkind = "status"\nonline = { at = "/x", map = { on = "yes" } }\n'
            'when = [{ at = "/x" }, { equals = 1 }, { at = "/x", present = 1 }]\neach = "x"\n'
            'battery_percent = { at = "/b", table = [[2, 0], [1, 100]], surprise = 1 }\n'
            'low_battery = { at = "/b", below = "3" }\n'
            '[[cases]]\nname = "c"\npayload = "{"\nreadings = [1]\n[[cases]]\nname = "d"\nerror = "boom"\n'
        )
    )
    assert set(found) == {
        "vendor", "title", "source", "formats[0]", "colour", "fixed",
        "message.topics[0]", "message.device", "message.time.unit",
        "readings[0].kind", "readings[1].phase", "readings[2].heart_rate_bpm.at", "readings[2].heart_rate_bpm.unit",
        "readings[2].pulse", "readings[3].in_bed", "readings[4].online.map.on", "readings[4].when[0]",
        "readings[4].when[1].at", "readings[4].when[2].present", "readings[4].each",
        "readings[4].battery_percent.table", "readings[4].battery_percent.surprise", "readings[4].low_battery.below",
        "cases[0].payload", "cases[0].readings", "cases[1].payload", "cases[1].error",
    }  # fmt: skip
    assert "suspected, detected" in found["readings[1].phase"]
    assert flaws("= 1")[0][0] == "(the whole file)"
    assert {key for key, _ in flaws("")} == {"vendor", "model", "title", "source", "formats", "readings"}


def test_two_profiles_of_one_name_or_topic_are_refused() -> None:
    one = profile(VITALS)
    other = parse(HEAD.replace("my", "other") + 'names = ["MY Thing"]\n' + VITALS, "other.toml")
    with pytest.raises(ProfileError, match=r"other.toml: names\[0\].*my.toml"):
        library.build([one, other])
    topics = '[message]\ntopics = ["x/{device}"]\n'
    with pytest.raises(ProfileError, match=r"message.topics\[0\]"):
        library.build([profile(topics + VITALS), parse(HEAD.replace("my", "other") + topics + VITALS, "o.toml")])


def test_a_mapping_is_passed_over_only_where_it_can_give_nothing() -> None:
    assert keys_of({"kind": "fall", "each": "/events/*", "phase": "detected"}) == {"events"}
    assert keys_of({"kind": "room", "present": {"at": ["/a/b", "/c"]}}) == {"a", "c"}
    assert keys_of({"kind": "room", "present": {"at": "/a", "missing": 0}}) is None
    assert keys_of({"kind": "help", "phase": "pressed", "when": [{"at": "/a", "one_of": [0], "missing": 0}]}) is None
    assert keys_of({"kind": "help", "phase": "pressed", "when": [{"at": "/a", "present": False}]}) is None
    assert keys_of({"kind": "help", "phase": "pressed", "when": [{"at": "/a~1b", "equals": 1}]}) == {"a/b"}
    assert keys_of({"kind": "status", "each": "/*", "online": True}) is None


def test_what_is_not_there_makes_no_alarm_out_of_nothing() -> None:
    text = '[[readings]]\nkind = "fall"\nwhen = [{ at = "/type", one_of = [0], missing = 0 }]\nphase = "detected"\n'
    for nothing in (None, [], 7, "x"):
        assert profile(text).saved_alarms(nothing, "d", AT, None) == []
