"""What the page of the system says of each part: how it stands, and a sentence."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from babel.numbers import format_decimal

from gateway.console.certificates import SOON, Certificate
from gateway.console.form_fields import WORDS as CHANNELS
from gateway.console.pages import Tongue
from gateway.store.standing import TOO_LITTLE_SPACE, ChannelStanding, StoreStanding
from gateway.words import N_, duration

LITTLE_SPACE: Final = 2 * 2**30
"""Two GiB free: some weeks of a large house, so that somebody can act on a working day."""
QUIET: Final = timedelta(minutes=15)
"""No message at all for so long: in a house with devices something is wrong on the way."""
LATE: Final = timedelta(minutes=1)
"""A message that is due and did not go out for so long is stuck."""
MANY_WAIT: Final = 1000
"""A batch: what is more comes faster than it is worked off."""
WAITS_LONG_S: Final = 10.0
WAITS_TOO_LONG_S: Final = 30.0
"""An alarm is to be told within 30 seconds through any single fault."""

WORDS: Final = {
    "good": N_("works"), "warn": N_("look at it"), "bad": N_("does not work"), "unset": N_("not set up"),
}  # fmt: skip
_TROUBLES: Final = {
    "unreachable": N_("It can’t be reached: is it running?"),
    "tls": N_("Its certificate can’t be used."),
    "bad_credentials": N_("It does not accept the user name or the password."),
    "not_authorised": N_("It does not accept the user name or the password."),
    "not_subscribed": N_("Its access list does not let the gateway listen."),
    "refused": N_("It is there, but does not take the gateway now."),
    "taken_over": N_("Another gateway signs in under the same name."),
    **dict.fromkeys(("timeout", "no_answer"), N_("It does not answer.")),
}
"""gateway.ingest.trouble in words; the rare others are shown as they are."""
_WORST_FIRST: Final = ("bad", "warn", "unset", "good")
_LANES: Final = {"alarms": N_("alarms"), "telemetry": N_("readings")}


class Item(msgspec.Struct, frozen=True):
    """One thing: how it stands (good, warn, bad; unset: it is not set up, which is no fault) and a sentence."""

    title: str
    look: str
    text: str


def worst_first(items: list[Item]) -> list[Item]:
    """What needs a look on top; the others stay in the order of the data's way."""
    return sorted(items, key=lambda item: min(_WORST_FIRST.index(item.look), _WORST_FIRST.index("unset")))


class Health:
    """The gateway's health report, part by part; what is not there is empty."""

    def __init__(self, report: Mapping[str, Any]) -> None:
        self._report = report

    def part(self, name: str) -> Mapping[str, Any]:
        """A table of the report."""
        found = self._report.get(name)
        return found if isinstance(found, Mapping) else {}


def lanes(health: Health, tongue: Tongue) -> Iterator[Item]:
    """The connections to the broker, and what waits on them."""
    for name, lane in health.part("lanes").items():
        if "connected" not in lane:
            continue  # what comes by POST has a line of its own
        title = tongue("Messages of devices: {lane}", lane=tongue(_LANES.get(name, name)))
        if not lane["connected"]:
            yield Item(title, "bad", _cut_off(lane, tongue))
            continue
        waiting, age = int(lane.get("waiting") or 0), float(lane.get("waiting_s") or 0)
        text = tongue(
            "Connected to the broker, MQTT {protocol}. {waiting}.",
            protocol=lane.get("protocol", "?"),
            waiting=_waiting(waiting, tongue),
        )
        if waiting and age >= 1:
            text += " " + tongue("The oldest waits for {time}.", time=duration(age, tongue.language))
        if lane.get("paused"):
            text += " " + tongue("More comes in than can be worked off.")
        busy = lane.get("paused") or waiting > MANY_WAIT or age > WAITS_LONG_S
        yield Item(title, "bad" if age > WAITS_TOO_LONG_S else "warn" if busy else "good", text)


def _cut_off(lane: Mapping[str, Any], tongue: Tongue) -> str:
    since, trouble = lane.get("since"), lane.get("trouble")
    if since:
        at = tongue.at(datetime.fromisoformat(since))
        text = tongue("There is no connection to the broker since {time}.", time=at)
    else:
        text = tongue("There is no connection to the broker.")
    return f"{text} {tongue(_TROUBLES.get(trouble, trouble))}" if trouble else text


def _waiting(number: int, tongue: Tongue) -> str:
    return tongue.many("{n} message waits", "{n} messages wait", number) if number else tongue("No message waits")


def posts(health: Health, tongue: Tongue) -> Iterator[Item]:
    """The listener for devices and clouds that only POST, where there is one."""
    http = health.part("http")
    if not http:
        return
    title = tongue("Messages of devices: over the internet")
    if not http.get("listening"):
        yield Item(title, "bad", tongue("The gateway can’t listen: alarms of these devices can’t come in."))
        return
    waiting = sum(int(lane.get("waiting") or 0) for lane in http.get("lanes", {}).values())
    text = tongue("It listens. {waiting}.", waiting=_waiting(waiting, tongue))
    yield Item(title, "warn" if waiting > MANY_WAIT else "good", text)


def decoders(health: Health, tongue: Tongue) -> Iterator[Item]:
    """JavaScript codecs that were suspended."""
    codecs = health.part("codecs")
    if codecs:
        models = ", ".join(codecs.get("suspended", ()))
        text = tongue("Suspended, so that their messages can’t be read: {models}", models=models)
        yield Item(tongue("Decoders of devices"), "bad" if models else "good", text if models else tongue("All run."))


def probes(health: Health, tongue: Tongue) -> Iterator[Item]:
    """Test messages from outside."""
    found = health.part("probes")
    if not found:
        text = tongue(
            "No probe is set up. A probe asks from another machine whether messages come through, and tells people if "
            "not. Add a device of type “probe” to the centre, and run telecare probe on that machine."
        )
        yield Item(tongue("Probe"), "unset", text)
    for name, probe in found.items():
        title = tongue("Probe: {name}", name=name)
        if probe.get("heard_at") is None:
            yield Item(title, "warn", tongue("Nothing was heard of it yet. Is telecare probe running?"))
            continue
        heard = datetime.fromisoformat(probe["heard_at"])
        if probe.get("late"):
            text = tongue(
                "Not heard since {time}. Its messages don’t come through, or it does not run: look at both.",
                time=tongue.at(heard),
            )
            yield Item(title, "warn", text)
            continue
        text = tongue("Heard {time} ago.", time=tongue.since(heard))
        trip = probe.get("round_trip_ms")
        if trip is not None:
            took = format_decimal(round(trip), locale=tongue.language)
            text += " " + tongue("Its last test message was stored and acknowledged after {n} ms.", n=took)
        yield Item(title, "good", text)


def last_message(found: StoreStanding, tongue: Tongue) -> Iterator[Item]:
    """When a device was heard last; a probe is none."""
    last = found.last_message
    if last is None:
        yield Item(tongue("Last message"), "warn", tongue("No device has sent anything yet."))
    else:
        look = "warn" if tongue.now - last > QUIET else "good"
        yield Item(tongue("Last message"), look, tongue("{time} ago", time=tongue.since(last)))


def store(health: Health, found: StoreStanding, tongue: Tongue) -> list[Item]:
    """The database and its disk, and what could not be read."""
    fine = bool(health.part("store").get("ok", True))
    little = found.free_bytes < LITTLE_SPACE
    text = tongue(
        "The database has {size}; {free} are free on the disk.",
        size=_size(found.database_bytes + found.log_bytes, tongue),
        free=_size(found.free_bytes, tongue),
    )
    if not fine:
        text = tongue("The gateway can’t write: no alarm is taken in. It starts anew by itself.") + " " + text
    if found.free_bytes < TOO_LITTLE_SPACE:
        text += " " + tongue("When the disk is full, no alarm can be taken in: please make room now.")
    look = "bad" if not fine or found.free_bytes < TOO_LITTLE_SPACE else "warn" if little else "good"
    unread = found.quarantined
    return [
        Item(tongue("Store"), look, text),
        Item(
            tongue("Messages that could not be read"),
            "warn" if unread else "good",
            tongue.many("{n} in the last 24 hours", "{n} in the last 24 hours", unread),
        ),
    ]


def channels(
    found: Collection[ChannelStanding], used: Collection[str], there: Collection[str] | None, tongue: Tongue
) -> list[Item]:
    """The ways to carers.

    Args:
        found: what went out on them.
        used: channels that carers have contacts on.
        there: channels that work here; None: all.
        tongue: the reader's.
    """
    known = {one.channel: one for one in found}
    items = []
    for name in sorted({*used, *known}):
        title = tongue("Messages to carers: {channel}", channel=tongue(CHANNELS.get(name, name)))
        if there is not None and name not in there:
            items.append(Item(title, "bad", tongue("Carers have it as a contact, but it is not set up here.")))
            continue
        one = known.get(name)
        if one is None:
            items.append(Item(title, "good", tongue("Nothing was sent in the last 24 hours.")))
            continue
        late = one.oldest_waiting is not None and tongue.now - one.oldest_waiting > LATE
        text = tongue(
            "{told} sent, {failed} failed, {waiting} waiting in the last 24 hours.",
            told=one.told,
            failed=one.failed,
            waiting=one.waiting,
        )
        if one.oldest_waiting is not None and late:
            text += " " + tongue("The oldest waits for {time}.", time=tongue.since(one.oldest_waiting))
        if one.problem is not None:
            text += " " + tongue("The last attempt failed: {problem}", problem=one.problem)
        if one.last_told is not None:
            text += " " + tongue("The last went out at {time}.", time=tongue.at(one.last_told))
        # it refused everything for good: a full mailbox of one carer leaves others who were told
        stuck = late or (one.failed and not one.told)
        items.append(Item(title, "bad" if stuck else "warn" if one.failed or one.problem else "good", text))
    return items


def certificate(one: Certificate, tongue: Tongue) -> Item:
    """How long a certificate is good for."""
    title = tongue("Certificate: {name}", name=one.name)
    if one.until is None:
        return Item(title, "bad", tongue("It can’t be read: {problem}", problem=one.problem or ""))
    look = "bad" if one.until <= tongue.now else "warn" if one.until - tongue.now < SOON else "good"
    text = tongue("Its time was over at {time}.") if look == "bad" else tongue("It is good until {time}.")
    text = text.format(time=tongue.at(one.until))
    if one.other:
        text += " " + tongue("The file holds another one that is not in use: does its key fit?")
        look = "warn" if look == "good" else look
    return Item(title, look, text)


def _size(number: int, tongue: Tongue) -> str:
    """Bytes as people write them, in steps of 1,000 as disks are sold."""
    for unit, step in (("GB", 10**9), ("MB", 10**6)):
        if number >= step:
            return f"{format_decimal(round(number / step, 1), locale=tongue.language)} {unit}"
    return f"{number // 1000} kB"
