"""One seed from beginning to end: the script, the machine, and the oracle that looks at it after every step."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from random import Random

import msgspec

from gateway.alerts import desk, shelving
from gateway.alerts.model import Acknowledge, Answer, Arrive, Close, Decline, Outcome, Reopen
from gateway.centre.index import HOUSE
from gateway.errors import GatewayError
from gateway.pipeline import telling
from gateway.store.database import FILE, prepare
from tests.simulation import machine
from tests.simulation.machine import Killed, Machine, SimClock
from tests.simulation.oracle import Broken, Oracle
from tests.simulation.script import (
    Apply,
    Batch,
    ClockStep,
    Down,
    Freeze,
    Message,
    Person,
    Shelve,
    Step,
    Wait,
    said,
    script,
)
from tests.simulation.world import World, build

OFTEN_SHELVED = frozenset(
    {"zone_exit", "zone_entry", "bed_exit", "not_back", "low_battery", "tamper", "custom", "oxygen"}
)
"""Rules that are shelved where somebody has them: they speak often enough to be held."""


class Told(msgspec.Struct, frozen=True):
    """What came of a run: every verdict (sorted), and the alerts as they stand."""

    verdicts: tuple[tuple[str, ...], ...]
    alerts: tuple[tuple[object, ...], ...]


class Failure(AssertionError):  # noqa: N818 - it fails the test
    """An invariant broke; ``steps`` were taken, the last of them is where it was seen."""

    def __init__(self, text: str, steps: int) -> None:
        super().__init__(text)
        self.steps = steps


def made(seed: int) -> tuple[World, list[Step]]:
    """The world and the steps of a seed."""
    random = Random(seed)
    world = build(random)
    return world, script(random, world)


def simulate(seed: int, *, steps: list[Step] | None = None, trace: Callable[[str], None] = lambda line: None) -> Told:
    """Run a seed, or other steps in its world.

    Raises:
        Failure: something that must always be true was not.
    """
    world, own = made(seed)
    with tempfile.TemporaryDirectory(prefix="telecare-simulation-") as folder:
        path = Path(folder) / FILE
        shutil.copy(_empty(), path)
        one = Simulation(world, path, seed, trace)
        return machine.run(one.run(own if steps is None else steps))


_FOLDER = tempfile.TemporaryDirectory(prefix="telecare-simulation-")
"""For the life of this process."""


@lru_cache(maxsize=1)
def _empty() -> Path:
    """A prepared database with nothing in it."""
    path = Path(_FOLDER.name) / FILE
    prepare(path)
    return path


@contextmanager
def overheard(oracle: Oracle) -> Iterator[None]:
    """The oracle hears what the rules say, on its way to the desk."""
    tell = telling.tell

    def hear(tx: object, index: object, judged: object, **rest: object) -> None:
        oracle.judged(judged)  # type: ignore[arg-type]
        tell(tx, index, judged, **rest)  # type: ignore[arg-type]

    telling.tell = hear  # type: ignore[assignment]
    try:
        yield
    finally:
        telling.tell = tell


class Simulation:
    """A world, its machine and its oracle."""

    def __init__(self, world: World, path: Path, seed: int, trace: Callable[[str], None]) -> None:
        self.world = world
        self.clock = SimClock(world.begins)
        self.oracle = Oracle()
        self.machine = Machine(path, _empty(), self.clock, world.versions[0], seed)
        self.machine.on_end = self._ended
        self._trace = trace
        self._session = 1
        self._waiting: list[tuple[Message, ...]] = []
        self._told = 0
        self._set_back = False

    async def run(self, steps: list[Step]) -> Told:
        taken = 0
        with overheard(self.oracle):
            try:
                await self.machine.start()
                await self.machine.ready()
                for step in steps:
                    taken += 1
                    await self._step(step)
                return self._end()
            except (Broken, machine.StuckError) as error:
                raise Failure(str(error), taken) from error
            finally:
                if self.machine.alive:
                    self.machine.kill()
                await self.machine.buried()

    def _ended(self, committed: bool) -> None:
        self.oracle.ended(self.machine.db, self.clock.now(), committed=committed)

    async def _step(self, step: Step) -> None:
        await self._go_to(step.at)
        self._trace(f"{timedelta(seconds=round(step.at))!s:>8} {self.clock.now():%H:%M:%S} {said(step)}")
        try:
            await self._do(step)
        except Killed:
            await self._restart(0)
        await self._go_to(self.clock.mono)
        self._look()

    async def _go_to(self, mono: float) -> None:
        while True:
            try:
                await self.machine.go_to(mono)
                return
            except Killed:
                await self._restart(0)

    async def _do(self, step: Step) -> None:
        match step:
            case Batch(messages=messages, die=die):
                await self._take(messages, die)
            case Person():
                self._person(step)
                await self.machine.settle()
            case ClockStep(by=by):
                self.clock.set_by(by)
                self._set_back |= by < 0
            case Apply(version=version, seen=seen):
                self.oracle.unsettled()
                await self.machine.apply(self.world.versions[version], seen=seen)
                if not seen:
                    await self._restart(0)
            case Shelve():
                self._shelve(step)
            case Down(lasting=lasting):
                await self._restart(lasting)
            case Freeze(lasting=lasting):
                self.oracle.unsettled()
                self.clock.move_to(self.clock.mono + lasting)
            case Wait():
                pass

    async def _take(self, messages: tuple[Message, ...], die: str | int | None) -> None:
        at = self.clock.now()
        try:
            await self.machine.take(messages, session=self._session, resumed=False, die=die)
        except Killed:
            if die == "after":  # it is on disk, but the broker does not know
                self.oracle.heard(messages, at, self.machine.index, resumed=False)
            self._waiting.append(messages)
            raise
        self.oracle.heard(messages, at, self.machine.index, resumed=False)
        await self.machine.settle()

    async def _restart(self, lasting: float) -> None:
        """Dead, and back; what the broker has kept meanwhile is heard before anybody is told the time."""
        before = self.machine.pipeline._judge.states
        kept = {who: dict(states) for who, states in before.items()}
        dead = self.machine.writer.dead
        self.machine.kill()
        await self.machine.buried()
        if lasting:
            self.oracle.unsettled()
            self.clock.move_to(self.clock.mono + lasting)
        self._session += 1
        self.machine.writer.dead = True
        await self.machine.start()
        # a clock that was set back may have a rule count anew from now on
        as_before = not dead and not lasting and not self._set_back
        if as_before and (states := self.machine.pipeline._judge.states) != kept:
            pairs = [(who, key) for who in kept for key in kept[who] if kept[who][key] != states[who].get(key)]
            raise Broken(f"the states after a restart are not those before: {pairs}")
        waiting, self._waiting = self._waiting, []
        for messages in waiting:
            at = self.clock.now()
            again = tuple(msgspec.structs.replace(message, dup=True) for message in messages)
            await self.machine.take(again, session=self._session, resumed=True, die=None)
            self.oracle.heard(again, at, self.machine.index, resumed=True)
        await self.machine.ready()

    def _person(self, step: Person) -> None:
        wanted = "('closed')" if step.does == "reopen" else "('open', 'acknowledged', 'attended', 'cleared')"
        rows = self.machine.db.execute(f"SELECT id, rule FROM alerts WHERE state IN {wanted} ORDER BY id").fetchall()
        if step.does != "close all":
            rows = rows[step.pick % len(rows) :][:1] if rows else []
        for row in rows:
            number, answer = row["id"], _answer(step)
            try:
                self.machine.do(
                    lambda tx, number=number, answer=answer: desk.answer(  # type: ignore[misc]
                        tx, self.machine.index, number, answer, step.who, "page"
                    )
                )
            except GatewayError as error:
                self._trace(f"{'':17} refused: {error}")
                continue
            self.oracle.answered(
                self.machine.db, number, step.who, closes=isinstance(answer, Close), reopens=isinstance(answer, Reopen)
            )

    def _shelve(self, step: Shelve) -> None:
        index, db = self.machine.index, self.machine.db
        if step.end:
            row = db.execute("SELECT id FROM shelves WHERE ended_at IS NULL ORDER BY id").fetchone()
            if row is not None:
                self.machine.do(lambda tx: shelving.unshelve(tx, index, row[0], who="sam"))
            return
        rules = [(who, key) for who in index.judged for key in index.rules_of(who, self.clock.now()).settings]
        rules = [(who, key) for who, key in rules if key.partition(":")[0] in OFTEN_SHELVED] or rules
        whose, key = rules[step.pick % len(rules)] if rules else ("", "")
        try:
            shelf = self.machine.do(
                lambda tx: shelving.shelve(
                    tx, index, resident=None if whose == HOUSE else whose, rule_key=key,
                    lasting=timedelta(seconds=step.lasting), why="A visit.", who="sam",
                )
            )  # fmt: skip
        except GatewayError as error:
            self._trace(f"{'':17} refused: {error}")
        else:
            self._trace(f"{'':17} shelved: {whose} {key}")
            self.oracle.shelved(shelf.id, whose, key, shelf.priority, shelf.until)

    def _look(self) -> None:
        for line in self.oracle.verdicts[self._told :]:
            self._trace(f"{'':17} -> {' '.join(filter(None, line))}")
        self._told = len(self.oracle.verdicts)
        now = self.clock.now()
        self.oracle.look(self.machine.db, now, self.clock.mono, self.machine.index)
        self.oracle.shelves_over(now)

    def _end(self) -> Told:
        took = Counter(one for provider in self.machine.providers.values() for one in provider.took)
        self.oracle.at_the_end(self.machine.db, took, self.machine.crashes)
        rows = self.machine.db.execute(
            "SELECT incident, rule, priority, state, reason, raised_at, happened_at, repeats, closed_by FROM alerts"
            " ORDER BY raised_at, incident"
        )
        alerts = tuple((*row[:4], str(_plain(row["reason"])), *row[5:]) for row in rows)
        return Told(tuple(sorted(self.oracle.verdicts)), alerts)


def _plain(text: str) -> object:
    """JSON in which 5 and 5.0 are the same, as they are for whoever reads them."""
    return json.loads(text, parse_int=float)


def _answer(step: Person) -> Answer:
    match step.does:
        case "going":
            return Acknowledge(step.minutes)
        case "decline":
            return Decline()
        case "arrive":
            return Arrive()
        case "reopen":
            return Reopen("By mistake.")
        case _:
            return Close(Outcome.REAL)
