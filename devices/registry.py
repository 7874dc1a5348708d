"""The formats that the gateway understands, in one visible list.

A new format is a module with ``decode`` and ``address_of``, a line here, a file of cases in tests/vectors and a
section in docs/formats.md. Two formats that claim the same name or the same topic are refused at import.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import combinations
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace

from devices import (
    chirpstack,
    emfit,
    native,
    owntracks,
    profile,
    radar,
    senml,
    shelly,
    state,
    theengs,
    topics,
    traccar,
    tts,
    withings,
    zigbee2mqtt,
)
from devices.errors import AmbiguousFormatError, UnreadableError, Why
from devices.model import Frame, Position, Reading
from devices.refusals import shown

AHEAD: Final = timedelta(hours=24)
"""So far may a device's clock be ahead of ours: a wrong time zone. A time beyond is none, as if the device gave none; a
call for help is told all the same, and as of now, not as of then."""

Decoder: TypeAlias = Callable[[Frame, str | None], tuple[Reading, ...]]


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of sender speaks.

    ``decode(frame, model)`` gives the readings or raises UnreadableError. ``telemetry_topics`` and ``alarm_topics``
    are MQTT filters for the two lanes. ``address_of(topic)`` is the device's address if the topic tells it.
    """

    name: str
    title: str
    decode: Decoder
    address_of: Callable[[str], str | None]
    telemetry_topics: tuple[str, ...] = ()
    alarm_topics: tuple[str, ...] = ()
    text_topics: tuple[str, ...] = ()
    """Those of the filters whose payloads are, or may be, plain text instead of a JSON object."""
    by_model: bool = True
    """Whether ``decode`` looks at the model; where it does not, nobody need look the model up for each message."""
    any_case: bool = False
    """Whether ``decode`` writes addresses in small letters or capitals of its own: two that differ only in these are
    one device."""
    empty_says_nothing: bool = False
    """Whether an empty payload is no message: that is how a kept state is taken back (Zigbee2MQTT clears the topics of
    a device that was renamed, and older versions ``…/action`` after each press)."""

    def is_alarm(self, topic: str) -> bool:
        """Whether the topic belongs to the alarm lane: an unreadable message on it is told to a person."""
        return any(topics.matches(topic_filter, topic) for topic_filter in self.alarm_topics)


FORMATS: tuple[Format, ...] = (
    Format(
        name="native",
        by_model=False,
        title="Own contract, for devices and bridges that can choose",
        decode=native.decode,
        address_of=native.address_of,
        telemetry_topics=native.TELEMETRY_TOPICS,
        alarm_topics=native.ALARM_TOPICS,
    ),
    Format(
        name="owntracks",
        by_model=False,
        title="OwnTracks apps for Android and iOS",
        decode=owntracks.decode,
        address_of=owntracks.address_of,
        telemetry_topics=owntracks.TELEMETRY_TOPICS,
        alarm_topics=owntracks.ALARM_TOPICS,
    ),
    Format(
        name="traccar",
        by_model=False,
        title="Traccar position and event forwarding, for over 200 protocols of trackers",
        decode=traccar.decode,
        address_of=traccar.address_of,
        telemetry_topics=traccar.TELEMETRY_TOPICS,
        alarm_topics=traccar.ALARM_TOPICS,
    ),
    Format(
        name="tts",
        title="The Things Stack v3, with profiles of LoRaWAN devices",
        decode=tts.decode,
        address_of=tts.address_of,
        telemetry_topics=tts.TELEMETRY_TOPICS,
        alarm_topics=tts.ALARM_TOPICS,
    ),
    Format(
        name="chirpstack",
        title="ChirpStack v4, with profiles of LoRaWAN devices",
        decode=chirpstack.decode,
        address_of=chirpstack.address_of,
        any_case=True,
        telemetry_topics=chirpstack.TELEMETRY_TOPICS,
        alarm_topics=chirpstack.ALARM_TOPICS,
    ),
    Format(
        name="profile",
        title="Any JSON, with a profile",
        decode=profile.decode,
        address_of=profile.address_of,
        telemetry_topics=profile.TELEMETRY_TOPICS,
        alarm_topics=profile.ALARM_TOPICS,
    ),
    Format(
        name="senml",
        title="SenML (RFC 8428), with a profile",
        decode=senml.decode,
        address_of=senml.address_of,
        telemetry_topics=senml.TELEMETRY_TOPICS,
        alarm_topics=senml.ALARM_TOPICS,
    ),
    Format(
        name="zigbee2mqtt",
        empty_says_nothing=True,
        title="Zigbee2MQTT: buttons, fall radars, presence, bed and contact sensors",
        decode=zigbee2mqtt.decode,
        address_of=zigbee2mqtt.address_of,
        telemetry_topics=zigbee2mqtt.TELEMETRY_TOPICS,
        alarm_topics=zigbee2mqtt.ALARM_TOPICS,
    ),
    Format(
        name="state",
        empty_says_nothing=True,
        title="State topics of ESPHome, Home Assistant and Tasmota",
        decode=state.decode,
        address_of=state.address_of,
        telemetry_topics=state.TELEMETRY_TOPICS,
        alarm_topics=state.ALARM_TOPICS,
        text_topics=state.TEXT_TOPICS,
    ),
    Format(
        name="shelly",
        empty_says_nothing=True,
        title="Shelly buttons and sensors of all generations",
        decode=shelly.decode,
        address_of=shelly.address_of,
        any_case=True,
        telemetry_topics=shelly.TELEMETRY_TOPICS,
        alarm_topics=shelly.ALARM_TOPICS,
        text_topics=shelly.TEXT_TOPICS,
    ),
    Format(
        name="theengs",
        empty_says_nothing=True,
        title="Bluetooth devices through Theengs Gateway or OpenMQTTGateway, BTHome among them",
        decode=theengs.decode,
        address_of=theengs.address_of,
        any_case=True,
        telemetry_topics=theengs.TELEMETRY_TOPICS,
        alarm_topics=theengs.ALARM_TOPICS,
    ),
    Format(
        name="emfit",
        title="Emfit under-mattress sensors, and others that speak plain JSON",
        decode=emfit.decode,
        address_of=emfit.address_of,
        any_case=True,
        telemetry_topics=emfit.TELEMETRY_TOPICS,
        alarm_topics=emfit.ALARM_TOPICS,
    ),
    Format(
        name="withings",
        title="Withings notifications: in and out of bed, nights",
        decode=withings.decode,
        address_of=withings.address_of,
        telemetry_topics=withings.TELEMETRY_TOPICS,
        alarm_topics=withings.ALARM_TOPICS,
    ),
    Format(
        name="radar",
        title="Radar fall sensors: Vayyar-like life cycles, numbered ones, Milesight VS373 in plain JSON",
        decode=radar.decode,
        address_of=radar.address_of,
        telemetry_topics=radar.TELEMETRY_TOPICS,
        alarm_topics=radar.ALARM_TOPICS,
    ),
)


def refuse_ambiguity(formats: tuple[Format, ...]) -> None:
    """Raise AmbiguousFormatError if a name or a topic could mean two things, or a filter is malformed."""
    for one, other in combinations(formats, 2):
        if one.name == other.name:
            raise AmbiguousFormatError(f"two formats are named {one.name!r}; rename one")
    claims = [(form.name, topic_filter) for form in formats for topic_filter in _filters(form)]
    for name, topic_filter in claims:
        if not topics.is_filter(topic_filter):
            raise AmbiguousFormatError(f"{name}: {topic_filter!r} is no MQTT topic filter")
    for (one_name, one_filter), (other_name, other_filter) in combinations(claims, 2):
        if topics.overlap(one_filter, other_filter):
            raise AmbiguousFormatError(
                f"{one_name} {one_filter!r} and {other_name} {other_filter!r} match the same topics; narrow one"
            )


def find(name: str) -> Format:
    """The format of that name. Raises UnreadableError (UNKNOWN_FORMAT)."""
    form = _BY_NAME.get(name)
    if form is None:
        raise UnreadableError(Why.UNKNOWN_FORMAT, f"{shown(name)}; expected one of {', '.join(_BY_NAME)}")
    return form


def of_topic(topic: str) -> Format | None:
    """The format whose topics include this one; None when nobody claims it. There is never more than one."""
    for form in FORMATS:
        if any(topics.matches(topic_filter, topic) for topic_filter in _filters(form)):
            return form
    return None


def decode(format_name: str, frame: Frame, model: str | None = None) -> tuple[Reading, ...]:
    """The readings of a frame, in the order in which they should be judged; none when it says nothing of use.

    Raises UnreadableError and nothing else: a decoder that fails otherwise is reported as DECODER_FAILED, so that
    one message can never stop the pipeline.
    """
    form = find(format_name)
    if not frame.payload and form.empty_says_nothing:
        return ()
    try:
        readings = form.decode(frame, model)
    except UnreadableError:
        raise
    except Exception as error:
        detail = f"{type(error).__name__} in the decoder of {form.name}; please report it with the message"
        raise UnreadableError(Why.DECODER_FAILED, detail) from error
    latest = frame.received_at + AHEAD
    for reading in readings:
        if (reading.observed_at is not None and reading.observed_at > latest) or (
            reading.__class__ is Position and reading.fixed_at is not None and reading.fixed_at > latest
        ):
            return tuple(_without_future(one, latest) for one in readings)
    return readings


def _without_future(reading: Reading, latest: datetime) -> Reading:
    """The reading without times later than that: a clock a day ahead tells no time."""
    if reading.observed_at is not None and reading.observed_at > latest:
        reading = replace(reading, observed_at=None)
    if isinstance(reading, Position) and reading.fixed_at is not None and reading.fixed_at > latest:
        reading = replace(reading, fixed_at=None)
    return reading


def _filters(form: Format) -> Iterator[str]:
    yield from form.telemetry_topics
    yield from form.alarm_topics


refuse_ambiguity(FORMATS)
_BY_NAME = {form.name: form for form in FORMATS}
