"""A profile: how the documents of one model become readings. Made from its TOML file by ``parse``."""

import re
import tomllib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from devices import topics as mqtt
from devices.errors import UnreadableError
from devices.model import Fall, Help, Reading
from devices.profiles.cases import Case, compile_cases
from devices.profiles.flaws import Flaws, ProfileError
from devices.profiles.mapping import Make, compile_mapping
from devices.profiles.pointers import Get
from devices.profiles.raw import Raw, compile_raw
from devices.profiles.reader import Read, compile_field, compile_get
from devices.profiles.topics import compile_template, filter_of
from devices.profiles.triggers import Index, Keys, keys_of
from devices.profiles.units import Field

FORMATS = ("tts", "chirpstack", "profile", "senml")
KEYS = (
    "vendor", "model", "title", "source", "names", "formats", "fixed", "note", "message", "raw", "readings", "cases",
)  # fmt: skip
MESSAGE_KEYS = ("topics", "device", "id", "time")
NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
_TIME = Field("time")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says of itself: its sender, its number, its time."""

    templates: tuple[str, ...] = ()
    device_of: tuple[Callable[[str], str | None], ...] = ()
    device: Get | None = None
    id: Get | None = None
    time: Read | None = None

    def address(self, topic: str) -> str | None:
        """The device in the topic: "" if a template fits that has none, None if no template fits."""
        for device_of in self.device_of:
            address = device_of(topic)
            if address is not None:
                return address
        return None

    def filters(self) -> tuple[str, ...]:
        """The MQTT topic filters of its templates."""
        return tuple(filter_of(template) for template in self.templates)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One model's mapping. ``fixed`` says that the device hangs on a wall, so where it was heard says nothing new."""

    vendor: str
    model: str
    title: str
    source: str
    file: str
    names: tuple[str, ...]
    formats: tuple[str, ...]
    fixed: bool
    message: Message
    raw: Raw | None
    """Set for a network's envelope of raw bytes, which has no mappings."""
    alarms: tuple[Make, ...]
    alarm_index: Index
    others: tuple[Make, ...]
    other_index: Index
    asides: frozenset[int]
    """Which of the others are aside: what can't be read there costs only itself."""
    cases: tuple[Case, ...]

    @property
    def name(self) -> str:
        """``vendor/model``."""
        return f"{self.vendor}/{self.model}"

    def readings(self, document: Any, device: str, at: datetime | None, event_id: str | None) -> list[Reading]:
        """The readings of a document, alarms first.

        ``at`` is the message's time if the document has none. Raises UnreadableError; never if an alarm was read.
        """
        error: UnreadableError | None = None
        if self.message.time is not None:
            try:
                at = self.message.time(document, document, at) or at
            except UnreadableError as bad_time:
                error = bad_time
        found: list[Reading] = []
        for place in self.alarm_index.places(document):
            try:
                found += self.alarms[place](document, device, at, event_id, False)
            except UnreadableError as bad_alarm:
                error = error or bad_alarm
                found += self.alarms[place](document, device, at, event_id, True)  # the other items of its list
        if error is not None and not found:
            raise error
        has_alarm = bool(found)
        for place in self.other_index.places(document):
            try:
                found += self.others[place](document, device, at, event_id, has_alarm)
            except UnreadableError as bad:
                if place in self.asides:
                    found += self.others[place](document, device, at, event_id, True)
                    error = error or bad
                elif not has_alarm:
                    raise
        if error is not None and not found:
            raise error
        return found if event_id is None or len(found) < 2 else _told_apart(found)

    def saved_alarms(self, document: Any, device: str, at: datetime | None, event_id: str | None) -> list[Reading]:
        """Only the alarms of a document that is bad elsewhere; none if they can't be read either."""
        found: list[Reading] = []
        if not isinstance(document, dict):  # defaults for absent fields must not make an alarm out of nothing
            return found
        for make in self.alarms:
            found += make(document, device, at, event_id, True)
        return _told_apart(found)


def parse(text: str, file: str) -> Profile:
    """The profile in a TOML text; ``file`` is the name used in errors. Raises ProfileError with every flaw."""
    flaws = Flaws(file)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        flaws.add("(the whole file)", "(not TOML)", f"TOML: {error}")
        raise ProfileError(flaws.found) from error
    flaws.table(data, "", KEYS)
    vendor, model = _name(data, "vendor", flaws), _name(data, "model", flaws)
    formats = flaws.texts(data, "formats", "")
    for index, name in enumerate(formats):
        if name not in FORMATS:
            flaws.add(f"formats[{index}]", name, f"one of {', '.join(FORMATS)}")
    if not formats and "formats" not in data:
        flaws.missing("formats", f"a list with at least one of {', '.join(FORMATS)}")
    names = flaws.texts(data, "names", "")
    for index, name in enumerate(names):
        if not any(letter.isascii() and letter.isalnum() for letter in name):
            flaws.add(f"names[{index}]", name, "letters or digits: case, spaces and punctuation don't count")
    fixed = data.get("fixed", False)
    if not isinstance(fixed, bool):
        flaws.add("fixed", fixed, "true or false")
    message = _message(data.get("message", {}), flaws)
    raw = compile_raw(data["raw"], flaws) if "raw" in data else None
    if "raw" in data and "readings" in data:
        flaws.add("readings", data["readings"], "no [[readings]] beside [raw]: the model's own profile has them")
    if "raw" in data and formats != ("profile",):
        flaws.add("formats", list(formats), 'formats = ["profile"] with [raw]')
    alarms, others, asides = ([], [], []) if "raw" in data else _mappings(data.get("readings"), flaws)
    profile = Profile(
        vendor=vendor,
        model=model,
        title=flaws.text(data, "title", ""),
        source=flaws.text(data, "source", ""),
        file=file,
        names=names,
        formats=formats,
        fixed=fixed is True,
        message=message,
        raw=raw,
        alarms=tuple(make for make, _ in alarms),
        alarm_index=Index(keys for _, keys in alarms),
        others=tuple(make for make, _ in others),
        other_index=Index(keys for _, keys in others),
        asides=frozenset(asides),
        cases=compile_cases(data.get("cases", []), flaws),
    )
    if flaws.found:
        raise ProfileError(flaws.found)
    return profile


def _name(data: dict[str, Any], key: str, flaws: Flaws) -> str:
    name = flaws.text(data, key, "")
    if name and not NAME.fullmatch(name):
        flaws.add(key, name, "small letters, digits, dots and hyphens")
    return name


def _message(spec: Any, flaws: Flaws) -> Message:
    if not flaws.table(spec, "message", MESSAGE_KEYS):
        return Message()
    templates = flaws.texts(spec, "topics", "message.")
    device_of = []
    for index, template in enumerate(templates):
        compiled = compile_template(template)
        if compiled is None or not mqtt.is_filter(filter_of(template)):
            expected = "a topic with at most one {device}, such as sensors/{device}/state; {any} for any other level"
            flaws.add(f"message.topics[{index}]", template, expected)
        else:
            device_of.append(compiled)
    gets = {key: compile_get(spec[key], f"message.{key}", flaws) for key in ("device", "id") if key in spec}
    time = compile_field("time", spec["time"], _TIME, "message.time", flaws) if "time" in spec else None
    return Message(
        templates=templates, device_of=tuple(device_of), device=gets.get("device"), id=gets.get("id"), time=time
    )


def _mappings(spec: Any, flaws: Flaws) -> tuple[list[tuple[Make, Keys]], list[tuple[Make, Keys]], list[int]]:
    """The mappings that make alarms, and the others, each with the keys that it needs; which others are aside."""
    if not isinstance(spec, list) or not spec:
        flaws.missing("readings", "at least one [[readings]] table")
        return [], [], []
    alarms: list[tuple[Make, Keys]] = []
    others: list[tuple[Make, Keys]] = []
    asides: list[int] = []
    for index, entry in enumerate(spec):
        compiled = compile_mapping(entry, f"readings[{index}]", flaws)
        if compiled is not None:
            is_alarm, make = compiled
            if entry.get("aside") and not is_alarm:
                asides.append(len(others))
            (alarms if is_alarm else others).append((make, keys_of(entry)))
    return alarms, others, asides


def _told_apart(found: list[Reading]) -> list[Reading]:
    """Two readings of one kind in one message are two events: the second and later ones get a number to their id."""
    if len(set(map(type, found))) == len(found):
        return found
    seen: dict[tuple[type, str | None], int] = {}
    for index, reading in enumerate(found):
        key = (type(reading), reading.phase if isinstance(reading, Help | Fall) else None)
        count = seen.get(key, 0) + 1
        seen[key] = count
        if count > 1 and reading.event_id is not None:
            found[index] = msgspec.structs.replace(reading, event_id=f"{reading.event_id}#{count}")
    return found
