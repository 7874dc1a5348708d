"""The care centre as data: who lives there, what they wear, who is told, and what each person agreed to.

One Centre is one version of the whole. It is frozen: a change is a new Centre. Times are UTC-aware, geometry
is lon, lat in degrees WGS 84, durations are seconds.
"""

import re
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema

from gateway.problems import did_you_mean
from rules.geometry import ZoneShape
from rules.ical import LONGEST_TEXT
from rules.model import DeviceInfo
from rules.night import WallClock
from rules.registry import AnySettings

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _id(value: str) -> str:
    if _ID.fullmatch(value) is None:
        raise ValueError("expected 1 to 64 letters a to z, digits, points, underscores, hyphens; no space, no accent")
    return value


def _line(value: str) -> str:
    """Names go into e-mail subjects and terminals: a line break or an escape code there would do harm."""
    if not value.isprintable():
        raise ValueError("expected one line of text without control characters")
    return value


def _lines(value: str) -> str:
    """Lines end in LF here, whatever they end in on the way."""
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        near = did_you_mean(value, available_timezones())
        raise ValueError(f"expected a time zone such as Europe/Malta{near}") from None
    return value


def _language(value: str) -> str:
    try:
        Locale.parse(value, sep="-")
    except (UnknownLocaleError, ValueError):
        raise ValueError("expected a language tag such as en, da or pt-BR") from None
    return value


def _utc(value: datetime) -> datetime:
    if not 2000 <= value.year < 2200:  # a typing error; and the ends of the calendar can't be turned into UTC
        raise ValueError("expected a time from 2000 to 2199")
    return value.astimezone(UTC)


Id = Annotated[str, AfterValidator(_id), WithJsonSchema({"type": "string", "pattern": f"^{_ID.pattern}$"})]
"""A short name for machines. It goes into topics and links."""

Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_line)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Language = Annotated[str, AfterValidator(_language)]
Utc = Annotated[AwareDatetime, AfterValidator(_utc)]

DeviceType: TypeAlias = Literal[
    "tracker", "fall_detector", "bed_sensor", "continence_sensor", "sos_button",
    "hub", "door_sensor", "motion_sensor", "room_sensor", "lamp", "other",
]  # fmt: skip
Role: TypeAlias = Literal["relative", "carer", "manager", "admin"]
CommandName: TypeAlias = Literal[
    "ring", "find", "light-on", "light-off", "light-day", "light-evening", "light-night", "locate"
]
Channel: TypeAlias = Literal["log", "smtp", "webhook", "mqtt", "apprise"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Site(_Part):
    """[centre]: the house itself."""

    id: Id = Field(description="Short name of the centre; also {site} in MQTT topics.")
    name: Line = Field(description="Name of the centre for people.")
    timezone: Timezone = Field(description="Time zone, such as Europe/Malta.")
    language: Language = Field("en", description="Language of the house, such as en or da.")
    rounds: tuple[WallClock, ...] = Field(
        (),
        max_length=24,
        description="Planned rounds of the house, times of the day on the wall; for changes that are due.",
    )


class Resident(_Part):
    """[[residents]]: a person who is cared for."""

    id: Id = Field(description="Short name, used in the other tables.")
    name: Line = Field(description="The person's name.")
    room: Line = Field(max_length=40, description="Room code; it stands in for the name on lock screens.")
    note: str | None = Field(None, max_length=2000, description="What a carer should know.")


class Downlink(_Part):
    """[devices.downlinks.COMMAND]: how a device that does not speak our own contract is told."""

    port: int | None = Field(None, ge=1, le=223, description="LoRaWAN: port of the message (FPort).")
    payload: str | None = Field(
        None,
        pattern=r"^([0-9A-Fa-f]{2}){1,242}$",
        description="LoRaWAN: the maker's bytes for this command, in hex, such as 0201.",
    )
    confirmed: bool = Field(True, description="LoRaWAN: whether the device has to confirm the message.")
    name: str | None = Field(
        None, pattern=r"^[^+#/\s]{1,64}$", description="The device's name in the topic; default: its address."
    )
    set: dict[str, Any] | None = Field(None, min_length=1, description="Zigbee2MQTT: what to set, as a table.")


class Device(_Part):
    """[[devices]]: something that sends readings."""

    id: Id = Field(description="Short name, used in assignments.")
    type: DeviceType = Field(description="What it is.")
    format: str = Field(description="Format that it speaks.")
    address: Line = Field(
        default_factory=lambda data: str(data.get("id", "")),
        description="How its messages name it; default: its id.",
    )
    model: Line | None = Field(None, description="Maker and model, such as milesight/vs373.")
    silent_after_s: float | None = Field(
        None,
        ge=10,
        le=30 * 86400,
        description="Seconds without a message until it counts as silent; default: the rule's.",
    )
    hub: Id | None = Field(None, description="Id of the hub through which its messages come; default: directly.")
    mains: bool = Field(False, description="Whether it is on the mains, not on a battery.")
    room: Line | None = Field(None, max_length=40, description="Room where it is fixed; default: it is worn.")
    carer: Id | None = Field(
        None, description="Id of the carer who carries it, such as a companion's tracker; no resident can have it then."
    )
    commands: tuple[CommandName, ...] | None = Field(
        None, description="What it can be told to do; default: what its format and type can."
    )
    downlinks: dict[CommandName, Downlink] = Field({}, description="How it is told, where its format does not say.")

    def info(self) -> DeviceInfo:
        """What rules may know of it."""
        return DeviceInfo(
            self.id, self.format, self.model, self.silent_after_s, self.type, self.hub, self.mains, self.room
        )


class Assignment(_Part):
    """[[assignments]]: a device belongs to a resident from a time to a time."""

    device: Id = Field(description="Id of the device.")
    resident: Id = Field(description="Id of the resident.")
    start: Utc = Field(alias="from", description="From this time on.")
    end: Utc | None = Field(None, alias="to", description="Until just before this time; default: for ever.")


class Contact(_Part):
    """[[carers.contacts]]: one way to reach a carer."""

    channel: Channel = Field(description="Way of telling.")
    address: str = Field(
        "", max_length=2000, description="Where: e-mail address, web address, topic or Apprise address."
    )


class Carer(_Part):
    """[[carers]]: somebody who is told, and who answers."""

    id: Id = Field(description="Short name, used in policies.")
    name: Line = Field(description="The carer's name.")
    language: Language = Field("en", description="Language of the messages to this carer.")
    role: Role = Field("carer", description="What the carer may do.")
    contacts: tuple[Contact, ...] = Field((), description="Ways to reach the carer, in the order to be tried.")


class Step(_Part):
    """[[policies.steps]]: whom to tell, and how long to wait for an answer."""

    to: tuple[Id, ...] = Field(min_length=1, description="Ids of the carers who are told together.")
    wait_s: float = Field(gt=0, le=86400, description="Seconds to wait for an answer before the next step.")


class Policy(_Part):
    """[[policies]]: in which order people are told."""

    id: Id = Field(description="Short name, used in care plans.")
    steps: tuple[Step, ...] = Field(min_length=1, description="Steps, one after the other.")
    failsafe: tuple[Id, ...] = Field(
        min_length=1, description="Ids of the carers who are told when all steps are over without an answer."
    )


class Consents(_Part):
    """[care_plans.consents]: what the resident agreed to. What is not written was not agreed to."""

    location: Literal["alarm", "always", "never"] = Field(
        "never", description="When carers may see where the person is."
    )
    sleep: bool = Field(False, description="Whether carers may see bed and sleep.")
    continence: bool = Field(False, description="Whether carers may see continence.")
    activity: bool = Field(
        False, description="Whether rules may watch when and where the person moves about indoors, and carers be told."
    )


class CarePlan(_Part):
    """[[care_plans]]: what is watched over for one resident, and who is told."""

    resident: Id = Field(description="Id of the resident.")
    policy: Id = Field(description="Id of the policy.")
    consents: Consents = Field(Consents(), description="What the resident agreed to.")
    rules: tuple[AnySettings, ...] = Field((), description="Rules, each with its own settings.")


class HousePlan(_Part):
    """[[house_plans]], at most one: what is watched over in the house itself, such as hubs and outer doors."""

    policy: Id = Field(description="Id of the policy: who is told.")
    rules: tuple[AnySettings, ...] = Field((), description="Rules, each with its own settings.")


class Zone(_Part):
    """A place: a polygon on the map, several, a circle, a way (corridor), rooms indoors, or a house and its rooms."""

    id: Id = Field(description="Short name, used in rules.")
    name: Line = Field(description="Name of the place for people.")
    geometry: dict[str, Any] | None = Field(
        None,
        description="GeoJSON geometry, lon before lat: Polygon, MultiPolygon, Point with radius_m, LineString or "
        "MultiLineString with width_m; none for a zone of rooms.",
    )
    radius_m: float | None = Field(None, description="Radius of a circle in metres.")
    width_m: float | None = Field(None, description="Whole width of a corridor in metres, from side to side.")
    rooms: tuple[Line, ...] = Field((), description="Rooms that belong to it, as the sensors name them.")
    beacons: tuple[Line, ...] = Field((), description="Beacons that belong to it, as the trackers name them.")

    @cached_property
    def shape(self) -> ZoneShape:
        """The zone ready for measuring; made once.

        Raises:
            BadZoneError: the geometry can't be used. Never of a zone in a Centre, which was checked.
        """
        rooms = (*self.rooms, *self.beacons)
        return ZoneShape.from_geojson(
            self.id, self.name, self.geometry, self.radius_m, width_m=self.width_m, rooms=rooms
        )


class Calendar(_Part):
    """[[calendars]]: times that are planned by date, for the schedules of rules."""

    id: Id = Field(description="Short name, used in schedules.")
    text: Annotated[str, AfterValidator(_lines)] = Field(
        min_length=1,
        max_length=LONGEST_TEXT,
        description="iCalendar text (RFC 5545); or file, the name of a file with it.",
    )


class Centre(_Part):
    """A whole care centre; only gateway.centre.load makes one, because it checks how the parts fit together."""

    centre: Site = Field(description="The house itself.")
    residents: tuple[Resident, ...] = ()
    devices: tuple[Device, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    carers: tuple[Carer, ...] = ()
    policies: tuple[Policy, ...] = ()
    care_plans: tuple[CarePlan, ...] = ()
    house_plans: tuple[HousePlan, ...] = ()
    zones: tuple[Zone, ...] = ()
    calendars: tuple[Calendar, ...] = ()

    @property
    def id(self) -> str:
        """The centre's id, {site} in topics."""
        return self.centre.id
