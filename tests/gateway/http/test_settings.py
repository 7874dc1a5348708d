"""[http] and [commands] in gateway.toml; and the daemon that runs with them."""

import asyncio
import base64
import json
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from gateway.app import parts
from gateway.clock import SystemClock
from gateway.commands import queue
from gateway.errors import SettingsError
from gateway.settings import load_settings
from gateway.store import centres
from gateway.store.database import FILE, prepare, reader
from gateway.store.writer import write_now
from simulators.device import Device, Repeats
from simulators.link import Broker as SimulatedBroker
from tests.brokers import PATIENCE_S, Broker, free_port, nats_broker  # noqa: F401 - one is a fixture
from tests.gateway.app.test_daemon import SCRIPT, running
from tests.gateway.pipeline.chain import with_traccar

SECRET = "a-secret-for-tests-only"
ENV = {"HOOK": SECRET, "SHORT": "x" * 15, "SPACED": "a secret with spaces in it", "SIGNING": "whsec_short"}
SOURCE = '[[http.sources]]\nname = "traccar"\nformat = "traccar"\ntopic = "traccar/events"\n'
GOOD = SOURCE + 'lane = "alarms"\nauth = "header"\nheader = "X-Telecare-Key"\nsecret_env = "HOOK"\n'


def problems(tmp_path: Path, text: str) -> dict[str, str]:
    """Key -> what is expected, of every problem."""
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path, ENV)
    assert SECRET not in str(caught.value)
    assert ENV["SPACED"] not in str(caught.value)
    return {problem.key: problem.expected for problem in caught.value.problems}


def test_a_source_and_its_secret(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    (tmp_path / "key").write_text(SECRET + "\n")
    path.write_text(
        f'{GOOD}[[http.sources]]\nname = "withings"\nformat = "native"\ntopic = "withings/notify"\nauth = "path"\n'
        f'secret_file = "key"\nrate_per_s = 5\nburst = 10\nmax_body_bytes = 4096\n[http]\nport = 9000\n'
    )
    settings = load_settings(path, ENV)
    first, second = settings.http.sources
    assert first.secret is not None
    assert second.secret is not None
    assert first.secret.get_secret_value() == second.secret.get_secret_value() == SECRET
    assert SECRET not in repr(settings)
    listener = parts.http_listener(settings, SystemClock())
    assert listener is not None
    assert sorted(lane.name for lane in listener.lanes) == ["http-alarms", "http-telemetry"]


def test_without_sources_nothing_listens(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("[http]\nport = 9000\n")
    assert parts.http_listener(load_settings(path, {}), SystemClock()) is None


BAD = {
    "no secret": (f'{SOURCE}auth = "bearer"\n', "http.sources[0]", "secret_env or secret_file"),
    "a secret in the file": (
        f'{SOURCE}auth = "bearer"\nsecret = "{SECRET}"\n',
        "http.sources[0].secret",
        "no secret here",
    ),
    "both": (
        f'{SOURCE}auth = "bearer"\nsecret_env = "HOOK"\nsecret_file = "x"\n',
        "http.sources[0].secret_file",
        "not both",
    ),
    "too short": (f'{SOURCE}auth = "bearer"\nsecret_env = "SHORT"\n', "http.sources[0].secret_env", "at least 16"),
    "spaces": (f'{SOURCE}auth = "path"\nsecret_env = "SPACED"\n', "http.sources[0].secret_env", "without spaces"),
    "no signing secret": (
        f'{SOURCE}auth = "signature"\nsecret_env = "SIGNING"\n',
        "http.sources[0].secret_env",
        "whsec_",
    ),
    "not set": (f'{SOURCE}auth = "bearer"\nsecret_env = "NOT_SET"\n', "http.sources[0].secret_env", "that is set"),
    "no file": (f'{SOURCE}auth = "bearer"\nsecret_file = "none"\n', "http.sources[0].secret_file", "can be read"),
    "basic without user": (f'{SOURCE}auth = "basic"\nsecret_env = "HOOK"\n', "http.sources[0]", "expected username"),
    "user without basic": (
        f'{SOURCE}auth = "bearer"\nusername = "x"\nsecret_env = "HOOK"\n',
        "http.sources[0]",
        "username",
    ),
    "no header": (f'{SOURCE}auth = "header"\nsecret_env = "HOOK"\n', "http.sources[0]", "expected header"),
    "bad header": (GOOD.replace("X-Telecare-Key", "X Key"), "http.sources[0].header", "name of a header"),
    "unknown auth": (f'{SOURCE}auth = "none"\nsecret_env = "HOOK"\n', "http.sources[0].auth", "one of"),
    "no auth": (f'{SOURCE}secret_env = "HOOK"\n', "http.sources[0].auth", "this key"),
    "unknown format": (
        GOOD.replace('"traccar"\ntopic', '"tracar"\ntopic'),
        "http.sources[0].format",
        'did you mean "traccar"',
    ),
    "bad name": (GOOD.replace('name = "traccar"', 'name = "a/b"'), "http.sources[0].name", "1 to 64"),
    "bad topic": (GOOD.replace("traccar/events", "traccar/#"), "http.sources[0].topic", "without + and #"),
    "bad blank": (GOOD.replace("traccar/events", "traccar/{x}"), "http.sources[0].topic", "only the blanks"),
    "too large": (f"{GOOD}max_body_bytes = 70000\n", "http.sources[0].max_body_bytes", "at most 65536"),
    "no rate": (f"{GOOD}rate_per_s = 0\n", "http.sources[0].rate_per_s", "greater than 0"),
    "the same name": (GOOD + GOOD, "http", "names of their own"),
    "certificate alone": ('[http]\ncert = "c.pem"\n', "http.cert", "file that is there"),
    "too patient": ("[http]\nanswer_within_s = 60\n", "http.answer_within_s", "at most 15"),
    "commands": ("[commands]\nper_minute = 0\n", "commands.per_minute", "at least 1"),
    "application": ('[commands]\ntts_application = "a/b"\n', "commands.tts_application", "one level"),
    "base": ('[commands]\nzigbee2mqtt = "a/#"\n', "commands.zigbee2mqtt", "one level"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said(tmp_path: Path, case: str) -> None:
    text, key, words = BAD[case]
    found = problems(tmp_path, text)
    assert key in found, found
    assert words in found[key]


def test_commands(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('[commands]\ntts_application = "haven@ttn"\nzigbee2mqtt = "home/zigbee"\nexpires_s = 30\n')
    options = parts.command_options(load_settings(path, {}))
    assert (options.tts_application, options.zigbee2mqtt, options.expires_s) == ("haven@ttn", "home/zigbee", 30)


async def test_a_day_of_the_daemon_with_both(tmp_path: Path, nats_broker: Broker) -> None:  # noqa: F811
    """A cloud POSTs an SOS and is answered when it is an alert; a carer lets the tracker ring."""
    console, hook = free_port(), free_port()
    config = tmp_path / "gateway.toml"
    (tmp_path / "key").write_text(SECRET)
    config.write_text(
        f'[gateway]\ndata = "data"\n[broker]\nhost = "127.0.0.1"\nport = {nats_broker.port}\nprotocol = "3.1.1"\n'
        f"[console]\nport = {console}\n[http]\nport = {hook}\n{SOURCE}"
        'lane = "alarms"\nauth = "basic"\nusername = "traccar"\nsecret_file = "key"\n'
    )
    path = tmp_path / "data" / FILE
    prepare(path)
    write_now(path, lambda tx: centres.apply(tx, with_traccar(), who="cli:test"), clock=SystemClock())
    tracker = Device(
        SimulatedBroker(port=nats_broker.port), site="haven", address="gps-r01", client_id="sim-gps", repeats=Repeats()
    )
    body = {"event": {"type": "alarm", "attributes": {"alarm": "sos"}}, "device": {"uniqueId": "8640001"}}
    try:
        async with running(config, console) as daemon:
            await daemon.healthy()
            await tracker.start(within_s=PATIENCE_S)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{hook}", timeout=PATIENCE_S) as client:
                answer = await client.post("/in/traccar", content=json.dumps(body), auth=("traccar", SECRET))
                assert (answer.status_code, len(daemon.alerts("help"))) == (200, 1)
                head = {"Authorization": "Basic " + base64.b64encode(b"traccar:wrong").decode()}
                assert (await client.post("/in/traccar", content=b"{}", headers=head)).status_code == 401
            asking = await asyncio.create_subprocess_exec(
                SCRIPT, "command", "gps-r01", "ring", "--wait", "--config", str(config), stdout=asyncio.subprocess.PIPE
            )
            out, _ = await asking.communicate()
            assert (asking.returncode, b"was confirmed by the device" in out) == (0, True), out
            assert [told.command for told in tracker.done] == ["ring"]
            with closing(reader(path)) as db:
                assert [made.state for made in queue.commands(db)] == ["confirmed"]
            assert await daemon.end() == 0
            words = daemon.log.read_text()
            assert "Traceback" not in words
            assert SECRET not in words
    finally:
        await tracker.stop()
