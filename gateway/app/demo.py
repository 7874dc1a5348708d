"""The demo: broker, care centre, gateway, simulated residents and carers, and the page, on this machine only."""

import asyncio
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import structlog
from rich.console import Console
from rich.text import Text

from gateway.app.gateway import Gateway, Ready
from gateway.centre.load import load_centre
from gateway.centre.model import Centre
from gateway.clock import SystemClock
from gateway.console import accounts
from gateway.errors import BrokerError, StoreError
from gateway.ingest.embedded import EmbeddedBroker
from gateway.notify.channel import Outgoing, Sent
from gateway.notify.channels.log import LogChannel
from gateway.settings import model
from gateway.store import centres
from gateway.store.database import FILE, prepare
from gateway.store.writer import write_now
from simulators.carer import Carer, Manners
from simulators.link import Broker as SimulatedBroker
from simulators.pace import Pace
from simulators.run import Progress, SimulateOptions, run_centre
from simulators.script import Script, read_script

_LOG = structlog.get_logger(__name__)

SEED = 1
SIGN_IN = "sam"
"""The supervisor of the demo centre: sees everything."""

_ASKS = frozenset({"alert", "reminder", "repeat"})


class Demo:
    """One demo.

    Args:
        speed: simulated seconds in a real one, for residents, carers and the gateway alike.
        port: of the page; 0 takes a free one.
        folder: where its data is kept; None: a temporary folder, gone at the end.
        answers: whether simulated carers answer the alerts; else they are left to whoever looks at the page.
        out: where to print.
    """

    def __init__(self, *, speed: float, port: int, folder: Path | None, answers: bool, out: Console) -> None:
        self._speed = speed
        self._port = port
        self._folder = folder
        self._answers = answers
        self._out = out
        self._password = secrets.token_urlsafe(9)
        self._timezone = ZoneInfo("UTC")
        self._alerts: set[int] = set()
        self._told = 0

    async def run(self, seconds: float | None) -> None:
        """Run for that many real seconds (None: until cancelled), then clean up."""
        with _folder(self._folder) as folder:
            centre_file = demo_files() / "centre.toml"
            centre = load_centre(centre_file)
            self._timezone = ZoneInfo(centre.centre.timezone)
            script = read_script()
            start = script.start(SystemClock().now().date(), self._timezone)
            broker = EmbeddedBroker(folder / "broker", sync_interval="always")
            try:
                async with broker:
                    await self._play(folder, centre_file, centre, script, start, broker, seconds)
            finally:  # Ctrl-C is the usual end
                over = f"The demo is over: {len(self._alerts)} alerts, {self._told} messages to carers."
                self._out.print(over, markup=False)

    async def _play(
        self,
        folder: Path,
        centre_file: Path,
        centre: Centre,
        script: Script,
        start: datetime,
        broker: EmbeddedBroker,
        seconds: float | None,
    ) -> None:
        clock, pace = SystemClock(speed=self._speed, start=start), Pace(start, speed=self._speed)
        self._furnish(folder, centre, clock)
        settings = model.Settings(
            gateway=model.Gateway(data=folder / "gateway"),
            broker=model.Broker(host=broker.host, port=broker.port, protocol="3.1.1"),
            console=model.Console(host="127.0.0.1", port=self._port),
        )
        ready = asyncio.Event()
        carers = _Carers(self, pace)

        def on_ready(page: Ready) -> None:
            self._greet(page, centre, start)
            ready.set()

        gateway = Gateway(settings, clock=clock, speed=self._speed, log=carers, on_ready=on_ready)
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
                tasks.create_task(gateway.run(), name="gateway")
                tasks.create_task(_fail_with(broker), name="broker")
                await ready.wait()
                if self._answers:
                    tasks.create_task(carers.run(), name="carers")
                options = SimulateOptions(
                    broker=SimulatedBroker(host=broker.host, port=broker.port),
                    centre=centre_file,
                    seed=SEED,
                    start=start,
                    speed=self._speed,
                    script=script.events,
                )
                tasks.create_task(self._simulate(options, pace), name="residents")
        except TimeoutError:
            # the time that --for gave is over
            return

    async def _simulate(self, options: SimulateOptions, pace: Pace) -> None:
        await run_centre(options, pace=pace, progress=self._show_device)

    def _furnish(self, folder: Path, centre: Centre, clock: SystemClock) -> None:
        path = folder / "gateway" / FILE
        prepare(path)
        write_now(path, lambda tx: centres.apply(tx, centre, who="demo"), clock=clock)
        write_now(path, lambda tx: accounts.set_password(tx, SIGN_IN, self._password, by="demo"), clock=clock)

    def _greet(self, page: Ready, centre: Centre, start: datetime) -> None:
        local = start.astimezone(self._timezone)
        text = Text.assemble(
            (f"{centre.centre.name}", "bold"),
            f": {len(centre.residents)} residents, {len(centre.devices)} devices, all simulated.\n",
            "The page: ",
            (page.console, "bold underline"),
            "   sign in as ",
            (SIGN_IN, "bold"),
            " with the password ",
            (self._password, "bold"),
            f"\nIt is {local:%H:%M} there; {self._speed:g} simulated seconds pass in a real one. Ctrl-C ends it.\n",
        )
        self._out.print(text)

    def _show_device(self, progress: Progress) -> None:
        if progress.text:
            self._out.print(f"{self._local(progress.at)}         {progress.text}", style="dim", markup=False)

    def note(self, message: Outgoing) -> None:
        """Count and show what a carer was told."""
        self._alerts.add(message.alert)
        self._told += 1
        style = {"high": "bold white on red", "medium": "bold black on yellow"}.get(
            message.priority, "bold black on cyan"
        )
        asks = message.purpose in _ASKS
        line = Text.assemble(
            f"{self._local(message.now)}  ",
            (f" {message.title} ", style if asks else "bold"),
            f" to {message.carer}",
            f": {message.body}" if asks else "",
        )
        self._out.print(line, no_wrap=True, overflow="ellipsis")

    def _local(self, at: datetime) -> str:
        return f"{at.astimezone(self._timezone):%H:%M:%S}"

    def note_answer(self, carer: str, alert: int, words: str) -> None:
        """Show what a simulated carer did."""
        self._out.print(f"          {carer}: alert {alert}: {words}", style="green", markup=False)


class _Carers(LogChannel):
    """The demo's channel ``log``: prints what carers are told, and lets simulated ones follow the link."""

    def __init__(self, demo: Demo, pace: Pace) -> None:
        super().__init__()
        self._demo = demo
        self._pace = pace
        self._inbox: asyncio.Queue[Outgoing] = asyncio.Queue()

    async def send(self, message: Outgoing) -> Sent:
        self._demo.note(message)
        self._inbox.put_nowait(message)
        return Sent()

    async def run(self) -> None:
        """Let each told carer deal with the message, each in their own time."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                message = await self._inbox.get()
                if message.purpose in _ASKS:
                    tasks.create_task(self._attend(message))

    async def _attend(self, message: Outgoing) -> None:
        carer = Carer(rng=Random(f"{SEED}-{message.idempotency}"), manners=Manners(), pace=self._pace)  # noqa: S311
        visit = await carer.attend(message.link)
        words = ", ".join(
            f"{answer.value} ({outcome.value})" if answer else outcome.value for answer, outcome in visit.steps
        )
        self._demo.note_answer(message.carer, message.alert, words)


def demo_files() -> Path:
    """The folder of the demo care centre.

    Raises:
        StoreError: it is not there.
    """
    folder = Path(__file__).resolve().parents[2] / "config" / "demo"
    if not folder.exists():
        raise StoreError(f"{folder}: the demo care centre is missing; run the demo from the project's checkout.")
    return folder


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="telecare-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


async def _fail_with(broker: EmbeddedBroker) -> None:
    raise BrokerError(str(await broker.gone()))
