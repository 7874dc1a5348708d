"""Generic JSON: any device or bridge whose documents a profile describes.

A message comes on ``profile/{vendor}/{model}/{device}``, which names its profile and its device, or on topics of the
site's own, which a profile's topic templates name. A care centre adds a profile without code (docs/profiles.md).

A profile with ``[raw]`` is a network's envelope of bytes: it is found by the topic, or by its looks when ``model``
names a model that speaks LoRaWAN. What the bytes mean say that model's codec and profile.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from devices import door, lorawan
from devices.errors import UnreadableError, Why
from devices.lorawan import Uplink
from devices.model import Fall, Frame, Help, Reading
from devices.profiles import library
from devices.profiles.library import Library
from devices.profiles.pointers import word
from devices.profiles.profile import Profile
from devices.refusals import is_broken_text, shown

ALARM_TOPICS = ("profile/+/+/+",)
TELEMETRY_TOPICS: tuple[str, ...] = ()
MAX_ID = 128
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_LONG = re.compile(rb"[0-9]{19}")


def decode(frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a document; ``model`` is ``vendor/model`` and beats what the topic says.

    Raises UnreadableError: UNKNOWN_MODEL, MISSING_FIELD when nothing names the device, MISSING_DECODER for raw bytes of
    a model without a codec, or whatever the profile's fields can't be.
    """
    try:
        document = _document(frame.payload)
    except UnreadableError as error:
        saved = _save_alarms(frame, model)
        if not saved:
            raise error from None
        return saved
    return tuple(_readings(frame, model, document))


def _readings(frame: Frame, model: str | None, document: Any) -> Sequence[Reading]:
    known = library.installed()
    parts = frame.topic.split("/")
    if model is None and len(parts) == 4 and parts[0] == "profile" and parts[3]:
        named = known.find((f"{parts[1]}/{parts[2]}",), "profile")
        if named is not None and named.raw is None:
            return named.readings(document, parts[3], None, id_in(named, document))
    if known.envelopes and (envelope := _envelope(known, frame.topic, model, document)) is not None:
        profile, device = envelope
        if model and library.key_of(model) == library.key_of(profile.name):
            model = None  # it names the envelope, not what is in it
        return of_raw(profile, device, model, document, frame.received_at)
    profile, device = which(frame.topic, model, "profile")
    device = device or device_in(profile, document)
    return profile.readings(document, device, None, id_in(profile, document))


def _envelope(known: Library, topic: str, model: str | None, document: Any) -> tuple[Profile, str | None] | None:
    """The envelope of raw bytes that a message is, and its device if the topic tells it."""
    parts = topic.split("/")
    is_named = len(parts) == 4 and parts[0] == "profile"
    named = known.find((f"{parts[1]}/{parts[2]}",), "profile") if is_named else None
    if named is not None:
        return (named, parts[3] or None) if named.raw is not None else None
    by_topic = known.of_topic(topic, "profile")
    if by_topic is not None:
        return (by_topic[0], by_topic[1] or None) if by_topic[0].raw is not None else None
    profile = known.find((model,), "profile")
    if profile is not None:
        return None if profile.raw is None else (profile, None)
    for candidate in known.envelopes:
        device = candidate.message.device
        if candidate.raw is None or device is None or device(document, document) is None:
            continue
        if candidate.raw.fits(document):
            return candidate, None
    return None


_LORAWAN = ("tts", "chirpstack", "profile")
"""Where a model's profile may say that it applies to an uplink; mostly all of the first two."""


def of_raw(
    profile: Profile, device: str | None, model: str | None, document: Any, received_at: datetime
) -> tuple[Reading, ...]:
    """The readings of a network's envelope of raw bytes (``profile.raw``), through the model's codec and profile.

    ``device`` is what the topic tells, ``model`` what the centre says. A time that can't be read costs only itself.
    Raises UnreadableError: MISSING_DECODER, UNKNOWN_MODEL, MISSING_FIELD, WRONG_TYPE, or whatever is wrong inside.
    """
    raw = profile.raw
    assert raw is not None
    try:
        at = None if profile.message.time is None else profile.message.time(document, document, None)
    except UnreadableError:
        at = None
    names = (model or raw.model_in(document),)
    known = library.installed()
    form = next((form for form in _LORAWAN if known.find(names, form) is not None), _LORAWAN[0])
    return lorawan.readings(
        Uplink(
            form=form,
            device=device or device_in(profile, document),
            names=names,
            at=at,
            received_at=received_at,
            event_id=id_in(profile, document),
            port=raw.port_in(document),
            object=None,
            raw=None,
            payload=raw.payload(document),
        )
    )


def _document(payload: bytes) -> dict[str, Any]:
    """The document as a dict; searched for integers beyond 63 bits only if it has that many digits in a row."""
    return door.untyped(payload) if _LONG.search(payload) else door.read(_OBJECT, payload)


def address_of(topic: str) -> str | None:
    """The device in the topic, if it has the form of this format or fits a template that names one."""
    return address("profile", topic)


def address(root: str, topic: str) -> str | None:
    """The device in ``root/{vendor}/{model}/{device}``, or in a topic of a profile's own."""
    parts = topic.split("/")
    if len(parts) == 4 and parts[0] == root and all(parts[1:]):
        return parts[3]
    found = library.installed().of_topic(topic, root)
    return None if found is None else found[1] or None


def which(topic: str, model: str | None, form: str) -> tuple[Profile, str | None]:
    """The profile for a message, and its device if the topic tells it. Raises UnreadableError (UNKNOWN_MODEL)."""
    known = library.installed()
    parts = topic.split("/")
    named = f"{parts[1]}/{parts[2]}" if len(parts) == 4 and parts[0] == form else None
    device = parts[3] if named is not None and parts[3] else None
    by_topic = known.of_topic(topic, form)
    if by_topic is not None and device is None:
        device = by_topic[1] or None
    if model:
        profile = known.find((model,), form)
    else:
        profile = known.find((named,), form) or (None if by_topic is None else by_topic[0])
    if profile is None:
        raise library.unknown_model((model or named or topic,))
    return profile, device


def device_in(profile: Profile, document: Any) -> str:
    """The device that the document names. Raises UnreadableError (MISSING_FIELD)."""
    value = None if profile.message.device is None else profile.message.device(document, document)
    text = word(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text or len(text) > MAX_ID or is_broken_text(text):
        raise UnreadableError(Why.MISSING_FIELD, f"{shown(value)}; expected the device in the topic or in the message")
    return text


def id_in(profile: Profile, document: Any) -> str | None:
    """The sender's id of the message, if the profile says where it stands."""
    value = None if profile.message.id is None else profile.message.id(document, document)
    text = word(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text[:MAX_ID] if text and not is_broken_text(text) else None


def _save_alarms(frame: Frame, model: str | None) -> tuple[Reading, ...]:
    """The alarms of a document that is bad elsewhere; nothing when there are none."""
    at: datetime | None = None
    try:
        document = door.read_loosely(frame.payload)
        envelope = _envelope(library.installed(), frame.topic, model, document)
        if envelope is not None:
            found = _readings(frame, model, document)
            return tuple(reading for reading in found if isinstance(reading, Help | Fall))
        profile, device = which(frame.topic, model, "profile")
        device = device or device_in(profile, document)
    except UnreadableError:
        return ()
    return tuple(profile.saved_alarms(document, device, at, id_in(profile, document)))
