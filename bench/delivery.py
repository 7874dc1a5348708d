"""From an alarm on the broker to the provider's HTTP request: ``python -m bench.delivery [--repeat 3]``.

Everything is real: a broker, the daemon (``telecare run``, SQLite on disk), and HTTP servers in a process of their own.
Devices send 200 messages a second in an open loop, one in twenty an alarm; each alarm is told by SMS through a
provider's HTTP API. Measured is the time from when the alarm was due until the provider has the whole request.

``well``: nothing else is the matter. ``stuck``: 1,000 alerts are open before, and their carers are behind 30 providers
that take a connection and never answer.
"""

import argparse
import asyncio
import base64
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import tomli_w
from paho.mqtt.enums import CallbackAPIVersion

from bench.__main__ import _broker, _mosquitto, _output, _process, _telecare

RATE = 200
ALARM_EVERY = 20
STUCK = 30
OPEN = 1000
WARM_UP = 20
"""Alarms before those that count: connections are opened, code is loaded."""
SETTLE_S = 12.0
"""After the 1,000: by then each of them is late too, and the failsafe is owed."""
_ROOM = re.compile(rb"m(\d{5})")


def main() -> int:
    """Measure, or be the providers."""
    parser = argparse.ArgumentParser(prog="python -m bench.delivery", description=__doc__)
    parser.add_argument("run", nargs="*", default=["well", "stuck"], help="of: well, stuck")
    parser.add_argument("--seconds", type=int, default=30, help="of measuring")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--broker", choices=["mosquitto", "nats"], default="mosquitto" if _mosquitto() else "nats")
    parser.add_argument("--providers", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.providers is not None:
        asyncio.run(_provide(args.providers))
        return 0
    rows = []
    for name in args.run:
        found = [_measure(name, args.seconds, args.broker) for _ in range(args.repeat)]
        rows.append((name, found))
        for one in found:
            print(json.dumps({"run": name, "broker": args.broker, **one}), file=sys.stderr, flush=True)
    print(f"\n{args.broker}, {RATE} messages/s, median of {args.repeat}; load {os.getloadavg()[0]:.1f}\n")
    print("| run | alarms | p50 ms | p99 ms | max ms | never told |\n|---|---|---|---|---|---|")
    for name, found in rows:
        middle = {key: statistics.median(one[key] for one in found) for key in ("alarms", "p50", "p99", "max")}
        lost = sum(one["lost"] for one in found)
        figures = " | ".join(f"{middle[key]:.1f}" for key in ("p50", "p99", "max"))
        print(f"| {name} | {middle['alarms']:.0f} | {figures} | {lost} |")
    return 0


def _measure(name: str, seconds: int, broker: str) -> dict[str, float]:
    alarms = WARM_UP + seconds * RATE // ALARM_EVERY
    held = OPEN if name == "stuck" else 0
    with tempfile.TemporaryDirectory(prefix="telecare-bench-") as scratch:
        folder = Path(scratch)
        with _providers(STUCK if held else 0) as (ports, heard), _broker(broker, folder, durable=False) as (port, _):
            config = _files(folder, port, "5" if broker == "mosquitto" else "3.1.1", ports, alarms, held)
            _output([_telecare(), "centre", "apply", str(folder / "centre.toml"), "--config", str(config)])
            with (
                _process([_telecare(), "run", "--config", str(config)], folder / "daemon.log"),
                _devices(port) as publish,
            ):
                _until(lambda: (folder / "daemon.log").read_text().count("broker connected") >= 2, 60, "the daemon")
                for number in range(held):
                    publish(*_press(f"s{number:05}"))
                if held:
                    _until(lambda: _open_alerts(folder) >= held, 120, "1,000 open alerts")
                    time.sleep(SETTLE_S)
                due = _play(publish, alarms, seconds)
                _until(lambda: len(heard()) >= alarms, 30, "")
                there = heard()
    late = sorted((there[room] - at) * 1000 for room, at in due.items() if room >= WARM_UP and room in there)
    return {
        "alarms": len(late),
        "p50": round(statistics.median(late), 2),
        "p99": round(late[min(len(late) - 1, int(len(late) * 0.99))], 2),
        "max": round(late[-1], 2),
        "lost": len(due) - len(there),
        "open": held,
    }


def _play(publish: Callable[[str, bytes], None], alarms: int, seconds: int) -> dict[int, float]:
    """200 messages a second, however the gateway does; when each alarm was due."""
    due: dict[int, float] = {}
    begun = time.monotonic() + 0.2
    for number in range(alarms * ALARM_EVERY):
        at = begun + number / RATE
        time.sleep(max(0.0, at - time.monotonic()))
        person = number // ALARM_EVERY
        if number % ALARM_EVERY == ALARM_EVERY - 1:
            due[person] = at
            publish(*_press(f"m{person:05}"))
        else:
            person = number % alarms
            body = {"v": 1, "id": f"p{number}", "lon": 14.4 + number % 7 * 1e-5, "lat": 35.9, "accuracy_m": 8}
            publish(f"telecare/bench/gps-m{person:05}/position", json.dumps(body).encode())
    return due


def _press(resident: str) -> tuple[str, bytes]:
    return f"telecare/bench/sos-{resident}/help", json.dumps(
        {"v": 1, "id": f"h-{resident}", "phase": "pressed"}
    ).encode()


def _files(folder: Path, port: int, protocol: str, ports: list[int], alarms: int, held: int) -> Path:
    """Centre and settings; the first port is the one of the healthy provider."""
    measured = [f"m{number:05}" for number in range(alarms)]
    waiting = [f"s{number:05}" for number in range(held)]
    stuck = [f"stuck{number}" for number in range(len(ports) - 1)]
    begin = "2026-01-01T00:00:00Z"
    devices = [{"id": f"sos-{one}", "type": "sos_button", "format": "native"} for one in measured + waiting]
    devices += [{"id": f"gps-{one}", "type": "tracker", "format": "native"} for one in measured]
    carers: list[dict[str, Any]] = [
        {"id": "nora", "name": "Nora", "role": "carer", "contacts": [{"channel": "sms", "address": "+35679000000"}]},
        {"id": "sam", "name": "Sam", "role": "manager", "contacts": [{"channel": "log"}]},
    ]
    carers += [
        {
            "id": name, "name": name, "role": "carer",
            "contacts": [{"channel": "webhook", "address": f"http://127.0.0.1:{ports[1 + number]}/"}],
        }
        for number, name in enumerate(stuck)
    ]  # fmt: skip
    policies = [{"id": "well", "failsafe": ["sam"], "steps": [{"to": ["nora"], "wait_s": 3600}]}]
    policies += [
        # the failsafe is behind another stuck provider
        {"id": name, "failsafe": [stuck[number - 1]], "steps": [{"to": [name], "wait_s": 3600}]}
        for number, name in enumerate(stuck)
    ]
    plans = [
        {"resident": one, "policy": "well", "consents": {"location": "alarm"}, "rules": [{"rule": "help"}]}
        for one in measured
    ]
    plans += [
        {"resident": one, "policy": stuck[number % len(stuck)], "rules": [{"rule": "help"}]}
        for number, one in enumerate(waiting)
    ]
    centre = {
        "centre": {"id": "bench", "name": "Bench", "timezone": "Europe/Malta", "language": "en"},
        "residents": [{"id": one, "name": one, "room": one} for one in measured + waiting],
        "devices": devices,
        "assignments": [
            {"device": one["id"], "resident": one["id"].partition("-")[2], "from": begin} for one in devices
        ],
        "carers": carers,
        "policies": policies,
        "care_plans": plans,
    }
    text = tomli_w.dumps(centre).replace(f'"{begin}"', begin)
    (folder / "centre.toml").write_text(text)
    sms = {
        "url": f"http://127.0.0.1:{ports[0]}/sms", "body": {"to": "{to}", "text": "{text}", "id": "{id}"},
        "id_pointer": "/id",
    }  # fmt: skip
    os.environ["BENCH_WEBHOOK_SECRET"] = "whsec_" + base64.b64encode(b"of no value outside this bench..").decode()
    config = {
        "gateway": {"data": "data"},
        "broker": {"host": "127.0.0.1", "port": port, "protocol": protocol, "receive_maximum": 2000},
        "console": {"port": 0},
        "channels": {
            "sms": {"http": sms},
            "webhook": {"secret_env": "BENCH_WEBHOOK_SECRET", "allow_private": ["127.0.0.1"]},
        },
    }
    path = folder / "gateway.toml"
    path.write_text(tomli_w.dumps(config))
    return path


@contextmanager
def _devices(port: int) -> Iterator[Callable[[str, bytes], None]]:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bench-devices")
    client.max_inflight_messages_set(500)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:

        def publish(topic: str, payload: bytes) -> None:
            client.publish(topic, payload, qos=1)

        yield publish
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def _providers(stuck: int) -> Iterator[tuple[list[int], Callable[[], dict[int, float]]]]:
    """A process with a healthy provider and so many stuck ones; their ports, and when each room's SMS was there."""
    command = [sys.executable, "-m", "bench.delivery", "--providers", str(stuck)]
    with (
        tempfile.NamedTemporaryFile("w+b", suffix=".jsonl") as kept,
        subprocess.Popen(command, stdout=kept, cwd=Path(__file__).parents[1]) as process,
    ):
        path = Path(kept.name)

        def lines() -> list[Any]:
            whole = path.read_text().rpartition("\n")[0]
            return [json.loads(line) for line in whole.splitlines()]

        def heard() -> dict[int, float]:
            found: dict[int, float] = {}
            for room, at in lines()[1:]:
                found.setdefault(room, at)
            return found

        try:
            _until(lines, 20, "the providers")
            yield lines()[0], heard
        finally:
            process.terminate()


async def _provide(stuck: int) -> None:
    """A healthy provider and stuck ones; prints the ports, then a line for each request: room, and when it was read."""

    async def healthy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                at = time.monotonic()  # the same clock in every process of a machine
                if room := _ROOM.search(body):
                    print(json.dumps([int(room[1]), at]), flush=True)
                writer.write(
                    b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{"id":"1"}'
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def hanging(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass
        writer.close()

    servers = [await asyncio.start_server(healthy, "127.0.0.1", 0)]
    servers += [await asyncio.start_server(hanging, "127.0.0.1", 0) for _ in range(stuck)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await asyncio.Event().wait()


def _open_alerts(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "data" / "gateway.db", timeout=10)) as db:
        return int(db.execute("SELECT count(*) FROM alerts WHERE state != 'closed'").fetchone()[0])


def _until(holds: Callable[[], object], limit_s: float, what: str) -> None:
    end = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > end:
            if not what:
                return
            raise SystemExit(f"not within {limit_s:g} s: {what}")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
