"""A simulated device: it sends its events, repeats an alarm until it is acknowledged, and obeys commands."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from devices.model import Position, Reading, Status
from simulators.link import Broker, Link, Outgoing, Reached
from simulators.messages import (
    Command,
    Event,
    ack_topic,
    acknowledged_id,
    command_topic,
    payload,
    told,
    topic,
)
from simulators.pace import wall_now

COMMANDS_REMEMBERED = 100
"""A repeat of a command that was done is answered again, and not done again."""


class Repeats(msgspec.Struct, frozen=True, kw_only=True):
    """When an alarm is said again, in real seconds: the first wait, how waits grow, the longest."""

    first_s: float = 3.0
    factor: float = 1.6
    longest_s: float = 60.0

    def waits(self) -> Iterator[float]:
        """The waits between repeats, without end."""
        wait = self.first_s
        while True:
            yield wait
            wait = min(self.longest_s, wait * self.factor)


class Device:
    """One device on its own connection.

    Args:
        site: the centre's word in topics.
        address: the device's word in topics.
        repeats: how an unacknowledged alarm is repeated.
        now: the device's time, by which it leaves a command that came too late undone.
        resident: who wears it, for the events that it makes itself.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        site: str,
        address: str,
        client_id: str,
        repeats: Repeats,
        memory: int = 10_000,
        now: Callable[[], datetime] = wall_now,
        resident: str = "",
    ) -> None:
        self._site = site
        self._repeats = repeats
        self._answered: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.address = address
        self._now = now
        self._resident = resident
        self._place: Position | None = None
        self._obeyed: OrderedDict[str, Event] = OrderedDict()
        self.done: list[Command] = []
        """Commands that it obeyed, each once."""
        self.link = Link(
            broker,
            client_id,
            subscribe=(ack_topic(site, address), command_topic(site, address)),
            on_message=self._heard,
            memory=memory,
        )
        self.repeated = 0
        """How often an alarm was said again."""
        self.app_acks = 0
        """Acknowledgements of the gateway, of alarms and of anything else."""

    @property
    def unacknowledged(self) -> tuple[str, ...]:
        """Ids of the alarms that the gateway has not acknowledged yet."""
        return tuple(self._answered)

    async def start(self, *, within_s: float = 5.0) -> Reached:
        """Connect; see Link.start."""
        return await self.link.start(within_s=within_s)

    def send(self, event: Event) -> None:
        """Say an event; an alarm is repeated in the background until it is acknowledged. Never waits."""
        if isinstance(event.reading, Position):
            self._place = event.reading
        message = topic(self._site, event), payload(event)
        outgoing = self.link.publish(*message)
        if event.is_alarm:
            self._answered[event.id] = asyncio.Event()
            task = asyncio.create_task(self._repeat(event.id, message, outgoing))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Stop repeating and disconnect."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.link.stop()

    async def _repeat(self, event_id: str, message: tuple[str, bytes], outgoing: Outgoing) -> None:
        for wait in self._repeats.waits():
            try:
                async with asyncio.timeout(wait):
                    await self._answered[event_id].wait()
            except TimeoutError:
                if not (outgoing.delivered or outgoing.dropped):
                    continue  # the link still keeps it and will send it: no need to pile up copies
                outgoing = self.link.publish(*message)
                self.repeated += 1
            else:
                del self._answered[event_id]
                return

    def _heard(self, heard: str, message: bytes) -> None:
        if heard == command_topic(self._site, self.address):
            self._obey(message)
        else:
            self._acknowledged(heard, message)

    def _obey(self, message: bytes) -> None:
        """Do what is told, and say so with a message that has the command's id; a repeat is only answered again."""
        command = told(message)
        if command is None:
            return
        answer = self._obeyed.get(command.id)
        if answer is None:
            at = self._now()
            if command.expires_at <= at:
                return  # who asked for it is not waiting any more
            answer = Event(at=at, id=command.id, resident=self._resident, reading=self._answer(command, at))
            self._obeyed[command.id] = answer
            if len(self._obeyed) > COMMANDS_REMEMBERED:
                self._obeyed.popitem(last=False)
            self.done.append(command)
        self.send(answer)

    def _answer(self, command: Command, at: datetime) -> Reading:
        """Where it is, if that was asked for and it has ever known; else a sign of life."""
        if command.command == "locate" and self._place is not None:
            return msgspec.structs.replace(self._place, observed_at=at, event_id=command.id)
        return Status(device=self.address, observed_at=at, event_id=command.id)

    def _acknowledged(self, _topic: str, message: bytes) -> None:
        event_id = acknowledged_id(message)
        if event_id is None:
            return
        self.app_acks += 1
        if (answered := self._answered.get(event_id)) is not None:
            answered.set()
