"""The care centre as data: who lives there, what they wear, who is told, and what each person agreed to.

One Centre is one version of the whole. It is frozen: a change is a new Centre. Times are UTC-aware, geometry
is lon, lat in degrees WGS 84, durations are seconds.
"""

from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from gateway.centre import photos
from gateway.centre.base import HttpsLink, Id, Language, Line, Part, Timezone, Utc
from gateway.centre.policy import Policy, Step, Variant
from gateway.centre.shifts import Shift
from rules.geometry import ZoneShape
from rules.ical import LONGEST_TEXT
from rules.model import DeviceInfo
from rules.night import WallClock
from rules.registry import AnySettings

__all__ = [
    "Assignment", "Calendar", "CarePlan", "Carer", "Centre", "Channel", "CommandName", "Consents", "Contact", "Device",
    "DeviceType", "Downlink", "HousePlan", "Id", "Line", "Policy", "Resident", "Role", "Shift", "Site", "Step", "Utc",
    "Variant", "Zone",
]  # fmt: skip


def _lines(value: str) -> str:
    """Lines end in LF here, whatever they end in on the way."""
    return value.replace("\r\n", "\n").replace("\r", "\n")


DeviceType: TypeAlias = Literal[
    "tracker", "fall_detector", "bed_sensor", "continence_sensor", "sos_button",
    "hub", "door_sensor", "motion_sensor", "room_sensor", "lamp", "probe", "other",
]  # fmt: skip
Role: TypeAlias = Literal["relative", "carer", "manager", "admin"]
CommandName: TypeAlias = Literal[
    "ring", "find", "light-on", "light-off", "light-day", "light-evening", "light-night", "locate"
]
Channel: TypeAlias = Literal[
    "log", "smtp", "webhook", "mqtt", "apprise", "ntfy", "webpush", "telegram", "sms", "voice", "cap", "scaip"
]


LOCK_SCREEN_ONLY: Final = frozenset({"log", "voice", "cap", "scaip"})
"""Channels that never tell more than a lock screen: logs carry no names, anybody may pick up a telephone, and an alarm
receiving centre gets what was agreed with it."""


class Site(Part):
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


class Resident(Part):
    """[[residents]]: a person who is cared for."""

    id: Id = Field(description="Short name, used in the other tables.")
    name: Line = Field(description="The person's name.")
    room: Line = Field(max_length=40, description="Room code; it stands in for the name on lock screens.")
    note: str | None = Field(None, max_length=2000, description="What a carer should know.")
    description: str | None = Field(
        None, max_length=1000, description="What the person looks like and goes by, for a search; docs/search.md."
    )
    photo: Annotated[str, AfterValidator(photos.checked)] | None = Field(
        None,
        max_length=photos.LONGEST,
        description="Photo for a search: the name of a JPEG, PNG or WebP file of at most 200 KiB.",
    )
    relatives: tuple[Id, ...] = Field(
        (), description="Ids of the carers who are the person's relatives, for steps that tell relatives."
    )
    ward: Id | None = Field(None, description="Ward of the house where the person lives, such as north.")
    visit: HttpsLink | None = Field(
        None, description="Web address (https) of the virtual visit: a video link that a carer can open from an alert."
    )


class Downlink(Part):
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


class Device(Part):
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


class Assignment(Part):
    """[[assignments]]: a device belongs to a resident from a time to a time."""

    device: Id = Field(description="Id of the device.")
    resident: Id = Field(description="Id of the resident.")
    start: Utc = Field(alias="from", description="From this time on.")
    end: Utc | None = Field(None, alias="to", description="Until just before this time; default: for ever.")


class Contact(Part):
    """[[carers.contacts]]: one way to reach a carer."""

    channel: Channel = Field(description="Way of telling.")
    address: str = Field(
        "",
        max_length=2000,
        description="Where: e-mail address, web address, topic, telephone number, chat id or Apprise address.",
    )
    shows: Literal["lock_screen", "details"] = Field(
        "lock_screen",
        description="How much a message says: lock_screen (room code and kind), or details too, as far as the carer's "
        "role may see them; only where nobody else reads.",
    )

    @model_validator(mode="after")
    def _read_by_one(self) -> Self:
        if self.shows == "details" and self.channel in LOCK_SCREEN_ONLY:
            raise ValueError(f'expected shows = "lock_screen" for {self.channel}: nobody knows who hears or reads it')
        return self


class QuietHours(Part):
    """quiet of a carer: hours in which only alerts of high priority are told at once; the others follow afterwards."""

    start: WallClock = Field(alias="from", description="From this time of the day on, in the centre's time zone.")
    end: WallClock = Field(alias="until", description="Until this time; across midnight where it is not later.")


class Carer(Part):
    """[[carers]]: somebody who is told, and who answers."""

    id: Id = Field(description="Short name, used in policies.")
    name: Line = Field(description="The carer's name.")
    language: Language | None = Field(
        None, description="Language of the messages to this carer; default: the language of the house."
    )
    role: Role = Field("carer", description="What the carer may do.")
    kind: Literal["person", "alarm_centre"] = Field(
        "person", description="A person, or an alarm receiving centre, for steps that tell the alarm centre."
    )
    wards: tuple[Id, ...] = Field(
        (), description="Wards whose residents the carer works with; default: all. What they are told about they see."
    )
    quiet: QuietHours | None = Field(None, description="Quiet hours; alerts of high priority come all the same.")
    contacts: tuple[Contact, ...] = Field((), description="Ways to reach the carer, in the order to be tried.")


class Consents(Part):
    """[care_plans.consents]: what the resident agreed to. What is not written was not agreed to."""

    location: Literal["alarm", "always", "never"] = Field(
        "never", description="When carers may see where the person is."
    )
    sleep: bool = Field(False, description="Whether carers may see bed and sleep.")
    continence: bool = Field(False, description="Whether carers may see continence.")
    search: bool = Field(False, description="Whether description and photo may be shown in a search for the person.")
    activity: bool = Field(
        False, description="Whether rules may watch when and where the person moves about indoors, and carers be told."
    )
    relatives: tuple[Literal["location", "sleep", "continence", "activity"], ...] = Field(
        (), description="What of this the person's relatives may see too; alerts that they are told about they see."
    )


class CarePlan(Part):
    """[[care_plans]]: what is watched over for one resident, and who is told."""

    resident: Id = Field(description="Id of the resident.")
    policy: Id = Field(description="Id of the policy.")
    consents: Consents = Field(Consents(), description="What the resident agreed to.")
    rules: tuple[AnySettings, ...] = Field((), description="Rules, each with its own settings.")


class HousePlan(Part):
    """[[house_plans]], at most one: what is watched over in the house itself, such as hubs and outer doors."""

    policy: Id = Field(description="Id of the policy: who is told.")
    rules: tuple[AnySettings, ...] = Field((), description="Rules, each with its own settings.")


class Zone(Part):
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


class Calendar(Part):
    """[[calendars]]: times that are planned by date, for the schedules of rules."""

    id: Id = Field(description="Short name, used in schedules.")
    text: Annotated[str, AfterValidator(_lines)] = Field(
        min_length=1,
        max_length=LONGEST_TEXT,
        description="iCalendar text (RFC 5545); or file, the name of a file with it.",
    )


class Centre(Part):
    """A whole care centre; only gateway.centre.load makes one, because it checks how the parts fit together."""

    centre: Site = Field(description="The house itself.")
    residents: tuple[Resident, ...] = ()
    devices: tuple[Device, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    carers: tuple[Carer, ...] = ()
    shifts: tuple[Shift, ...] = ()
    policies: tuple[Policy, ...] = ()
    care_plans: tuple[CarePlan, ...] = ()
    house_plans: tuple[HousePlan, ...] = ()
    zones: tuple[Zone, ...] = ()
    calendars: tuple[Calendar, ...] = ()

    @property
    def id(self) -> str:
        """The centre's id, {site} in topics."""
        return self.centre.id
