"""The blocks of the guides that are marked as tested, run one after the other on the demo house."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.brokers import MOSQUITTO, PATIENCE_S, free_port, needs_mosquitto
from tests.docs.pages import ROOT, blocks

GUIDE, OPERATIONS = ROOT / "docs" / "guide-care-centre.md", ROOT / "docs" / "operations.md"
PATHS = ("/etc/telecare", "/var/lib/telecare", "/var/backups/telecare", "/etc/mosquitto", "/var/lib/mosquitto")
TOOLS = ("openssl", "sqlite3", "curl", "mosquitto_pub")

missing = [tool for tool in TOOLS if shutil.which(tool) is None]
pytestmark = [
    *needs_mosquitto,
    pytest.mark.slow,
    pytest.mark.xdist_group("guides"),  # they share what the first one sets up
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}"),
]


class Machine:
    """A machine of its own under a folder: every path and port of the guides leads there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ports = {port: str(free_port()) for port in ("1883", "8883", "8080")}
        self.env = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TELECARE__BROKER__PORT": self.ports["1883"],
            "TELECARE__CONSOLE__PORT": self.ports["8080"],
            "TELECARE_CONFIG": str(self.path("/etc/telecare/gateway.toml")),
        }
        for path in PATHS:
            self.path(path).mkdir(parents=True)

    def path(self, path: str) -> Path:
        return Path(self.here(path))

    def here(self, text: str) -> str:
        for path in PATHS:
            text = text.replace(path, f"{self.root}{path}")
        return text

    def run(self, block: str, *, stdin: str = "") -> str:
        """What a block prints; fails when one of its commands does."""
        text = self.here(block)
        for port, own in self.ports.items():
            text = text.replace(f":{port}", f":{own}").replace(f"-p {port}", f"-p {own}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            env=self.env, cwd=self.root, input=stdin, capture_output=True, text=True, check=False,
            timeout=2 * PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def process(self, *command: str) -> Iterator[None]:
        log = self.root / f"{Path(command[0]).name}.log"
        with log.open("ab") as out, subprocess.Popen(command, env=self.env, stdout=out, stderr=out) as running:
            try:
                yield
            finally:
                running.send_signal(signal.SIGTERM)
                try:
                    running.wait(PATIENCE_S)
                except subprocess.TimeoutExpired:
                    running.kill()

    @contextmanager
    def broker(self) -> Iterator[None]:
        """Mosquitto with the files that the guide made, at the places where the guide puts them."""
        made, etc = self.path("/etc/telecare/broker"), self.path("/etc/mosquitto")
        for name in ("telecare.passwd", "telecare.acl"):
            shutil.copy(made / name, etc / name)
        config = self.here((made / "mosquitto.conf").read_text())
        for port in ("1883", "8883"):
            config = config.replace(f"listener {port}", f"listener {self.ports[port]}")
        config += "user root\n" if os.getuid() == 0 else ""
        (etc / "mosquitto.conf").write_text(config)
        assert MOSQUITTO is not None
        with self.process(MOSQUITTO, "-c", str(etc / "mosquitto.conf")):
            yield

    @contextmanager
    def gateway(self) -> Iterator[None]:
        with self.process("telecare", "run"):
            until(lambda: self.health().get("ok") is True)
            yield

    def health(self) -> dict[str, object]:
        try:
            with urlopen(f"http://127.0.0.1:{self.ports['8080']}/healthz", timeout=PATIENCE_S) as answer:
                report: dict[str, object] = json.load(answer)
                return report
        except (URLError, OSError):
            return {}


def until(condition: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    for name in ("centre.toml", "zones.geojson", "day-club.ics"):
        shutil.copy(ROOT / "config" / "demo" / name, machine.path("/etc/telecare") / name)
    machine.path("/etc/telecare/secrets").mkdir()
    for path, text in blocks(GUIDE, "file"):
        machine.path(path).write_text(machine.here(text))
    return machine


@pytest.fixture(scope="module")
def told(machine: Machine) -> dict[str, list[str]]:
    """What the guide's blocks printed, by their label."""
    said: dict[str, list[str]] = {}

    def step(label: str, text: str) -> None:
        said.setdefault(label, []).append(machine.run(text, stdin="correct horse battery\n"))

    marked = blocks(GUIDE, "run")
    for label, text in marked:
        if not label:
            step(label, text)
    with machine.broker(), machine.gateway():
        for label, text in marked:
            if label:
                step(label, text)
            if label == "press":
                until(lambda: "Help" in machine.run("telecare alerts"))
        for label, text in blocks(OPERATIONS, "run")[:2]:
            step(label, text)
    return said


def test_the_guide_leads_to_an_alert_that_a_carer_closed(machine: Machine, told: dict[str, list[str]]) -> None:
    assert "No errors" in told[""][1]
    assert '"ok":true' in told["started"][0]
    assert "password of ada" in told["password"][0]
    alerts = told["alerts"][0]
    assert "Help" in alerts
    assert "telecare/haven/sos-r01/help" in alerts
    assert "Alert 1 is acknowledged." in alerts
    assert "Alert 1 is closed." in alerts
    assert "alert.close" in alerts


def test_the_secrets_are_for_root_only(machine: Machine, told: dict[str, list[str]]) -> None:
    for file in ("/etc/telecare/secrets/broker-password", "/etc/telecare/broker/telecare.credentials"):
        assert machine.path(file).stat().st_mode & 0o077 == 0, file


def test_the_file_with_the_password_is_read(machine: Machine, told: dict[str, list[str]]) -> None:
    settings = machine.path("/etc/telecare/gateway.toml").read_text()
    assert '\nusername = "gateway"\npassword_file = "secrets/broker-password"\n' in settings


def test_a_backup_made_while_it_runs_can_be_restored(machine: Machine, told: dict[str, list[str]]) -> None:
    assert told["verify"] == ["ok\n"]
    label, restore = blocks(OPERATIONS, "run")[2]
    assert label == "restore"
    said = machine.run(restore)
    assert "No open alerts." in said
    assert json.loads(machine.run("telecare alerts --all --json").splitlines()[0])["outcome"] == "test"
    with machine.broker(), machine.gateway():
        assert machine.health()["store"]


def test_the_health_report_has_what_the_page_shows(machine: Machine, told: dict[str, list[str]]) -> None:
    page = OPERATIONS.read_text("utf-8").partition("<!-- health -->\n```json\n")[2].partition("```")[0]
    report = json.loads(told["started"][0])
    assert _names(json.loads(page)) <= _names(report)


def _names(value: object, path: str = "") -> set[str]:
    if not isinstance(value, dict):
        return {path}
    # counts of a lane are there from its first message on
    return {name for key, inner in value.items() if key != "frames" for name in _names(inner, f"{path}/{key}")}
