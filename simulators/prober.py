"""A test message of a probe: does the gateway say, after its commit, that it has it? And how long does that take?

An independent path: paho-mqtt, a connection of its own for each message (signing in is tried each time too), and
nothing of the gateway. The message is a ``status`` of a device that nobody wears: it can't become an alert.
"""

import asyncio
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

import msgspec

from simulators.errors import LinkError
from simulators.link import LOOK_EVERY_S, Broker, Link, Reached
from simulators.messages import VERSION, ack_topic, acknowledged_id
from simulators.pace import real_seconds, real_sleep


class Outcome(StrEnum):
    """What came of a test message."""

    ACKNOWLEDGED = "acknowledged"
    """The gateway has committed it, and said so."""
    NO_BROKER = "no_broker"
    """The broker can't be reached from here: it is down, or the way to it is."""
    REFUSED = "refused"
    """The broker does not let the probe in, or does not let it listen: user name, password or access list."""
    NOT_TAKEN = "not_taken"
    """Connected, and the broker did not confirm the message."""
    NOT_ACKNOWLEDGED = "not_acknowledged"
    """The broker has the message; of the gateway nothing was heard in time."""


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """One test message. ``round_trip_ms``: from publishing until the gateway's word; None: it did not come."""

    outcome: Outcome
    round_trip_ms: float | None = None


def message(id: str, at: datetime, before_ms: float | None) -> bytes:  # noqa: A002 - the contract's word
    """The test message; ``before_ms`` is the round trip of the one before it."""
    said: dict[str, object] = {"v": VERSION, "id": id, "t": at}
    if before_ms is not None:
        said["round_trip_ms"] = round(before_ms, 1)
    return msgspec.json.encode(said)


async def ask(
    broker: Broker, *, site: str, device: str, at: datetime, within_s: float, before_ms: float | None = None
) -> Probed:
    """Send one test message and wait for the gateway's acknowledgement.

    Args:
        broker: where, and as whom.
        site: the centre's id.
        device: the probe's address.
        at: now, UTC-aware.
        within_s: real seconds for all of it, connecting included.
        before_ms: round trip of the message before, which this one tells of.
    """
    number = uuid4().hex
    heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def on_message(_topic: str, payload: bytes) -> None:
        if acknowledged_id(payload) == number and not heard.done():
            heard.set_result(real_seconds())

    until = real_seconds() + within_s
    link = Link(broker, f"{device}-{number[:12]}", subscribe=ack_topic(site, device), on_message=on_message)
    try:
        try:
            if await link.start(within_s=within_s) is Reached.AWAY:
                return Probed(outcome=Outcome.NO_BROKER)
        except LinkError:
            return Probed(outcome=Outcome.REFUSED)
        sent = real_seconds()
        outgoing = link.publish(f"telecare/{site}/{device}/status", message(number, at, before_ms))
        while not heard.done() and real_seconds() < until:
            await real_sleep(LOOK_EVERY_S)
        if heard.done():
            return Probed(outcome=Outcome.ACKNOWLEDGED, round_trip_ms=round((heard.result() - sent) * 1000, 1))
        taken = outgoing.delivered
        return Probed(outcome=Outcome.NOT_ACKNOWLEDGED if taken else Outcome.NOT_TAKEN)
    finally:
        await link.stop()
