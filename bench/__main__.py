"""``python -m bench``: one broker, the real daemon, a load from outside; prints a table. See bench/README.md."""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomli_w

from bench.centre import ALERT_TOPIC, write_centre

RUNS: dict[str, list[str]] = {
    # as fast as the broker takes it: readings a second, all alerts counted
    "throughput": ["--count", "60000", "--window", "2000"],
    # an ordinary big day: 200 readings a second, open loop
    "latency": ["--count", "4000", "--rate", "200", "--exits", "0.05"],
    # everything at once: how late is an alert when 100,000 readings are waiting
    "flood": ["--count", "100000", "--window", "20000"],
}

MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
{durable}
max_queued_messages 0
max_inflight_messages 2000
set_tcp_nodelay true
log_dest none
"""


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("run", nargs="*", default=list(RUNS), help=f"of: {', '.join(RUNS)}")
    parser.add_argument("--loadgen", type=Path, default=_loadgen(), help="the load generator (loadgen.py)")
    parser.add_argument("--broker", choices=["mosquitto", "nats"], default=None, help="default: mosquitto if installed")
    parser.add_argument("--durable-broker", action="store_true", help="Mosquitto saves to disk at every change")
    parser.add_argument("--protocol", choices=["5", "3.1.1"], default=None, help="default: 5 on Mosquitto")
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; medians are shown")
    parser.add_argument("--json", action="store_true", help="one JSON line a run instead of the table")
    args = parser.parse_args()
    if args.loadgen is None or not args.loadgen.exists():
        print("No load generator: name it with --loadgen or in TELECARE_LOADGEN.", file=sys.stderr)
        return 2
    broker = args.broker or ("mosquitto" if _mosquitto() else "nats")
    protocol = args.protocol or ("5" if broker == "mosquitto" else "3.1.1")
    rows = []
    for name in args.run:
        results = [_measure(args, broker, protocol, name) for _ in range(args.repeat)]
        if args.json:
            for result in results:
                print(json.dumps({"run": name, "broker": broker, "protocol": protocol, **result}), flush=True)
        rows.append(_row(name, results))
    if not args.json:
        _table(rows, f"{broker}, MQTT {protocol}, {args.devices} devices, median of {args.repeat}")
    return 0


def _measure(args: argparse.Namespace, broker: str, protocol: str, name: str) -> dict[str, Any]:
    print(f"{name}: {broker}, MQTT {protocol} ...", file=sys.stderr, flush=True)
    zones = json.loads(_output([sys.executable, str(args.loadgen), "zones", "--devices", str(args.devices)]))
    with tempfile.TemporaryDirectory(prefix="telecare-bench-") as scratch:
        folder = Path(scratch)
        centre = write_centre(folder, zones, contact={"channel": "mqtt", "address": ALERT_TOPIC})
        with _broker(broker, folder, durable=args.durable_broker) as (port, broker_pid):
            config = _write_config(folder, port, protocol)
            _output([_telecare(), "centre", "apply", str(centre), "--config", str(config)])
            log = folder / "daemon.log"
            with _process([_telecare(), "run", "--config", str(config)], log) as daemon, _said(log):
                text = _output(
                    [
                        sys.executable, str(args.loadgen), "run", "--port", str(port),
                        "--devices", str(args.devices), "--tst-base", "now",
                        "--pid", str(daemon), "--broker-pid", str(broker_pid), *RUNS[name],
                    ]
                )  # fmt: skip
    result: dict[str, Any] = json.loads(text)
    return result


def _write_config(folder: Path, port: int, protocol: str) -> Path:
    config = {
        "gateway": {"data": "data"},
        "broker": {"host": "127.0.0.1", "port": port, "protocol": protocol, "receive_maximum": 2000},
        "console": {"port": 0},
        "subscriptions": [{"format": "owntracks", "topics": ["owntracks/+/+"], "lane": "telemetry"}],
    }
    path = folder / "gateway.toml"
    path.write_text(tomli_w.dumps(config))
    tomllib.loads(path.read_text())
    return path


@contextmanager
def _broker(kind: str, folder: Path, *, durable: bool) -> Iterator[tuple[int, int]]:
    port = _free_port()
    home = folder / "broker"
    home.mkdir()
    if kind == "mosquitto":
        config = home / "mosquitto.conf"
        durability = "autosave_on_changes true\nautosave_interval 1" if durable else ""
        config.write_text(
            MOSQUITTO.format(port=port, folder=home, durable=durability) + ("user root\n" if os.getuid() == 0 else "")
        )
        command = [_mosquitto() or "mosquitto", "-c", str(config)]
    else:
        config = home / "nats.conf"
        config.write_text(
            json.dumps(
                {
                    "server_name": "bench",
                    "host": "127.0.0.1",
                    "port": _free_port(),
                    "jetstream": {"store_dir": str(home)},
                    "mqtt": {"host": "127.0.0.1", "port": port, "ack_wait": "2s", "max_ack_pending": 2000},
                }
            )
        )
        command = [str(Path(sys.executable).with_name("nats-server")), "-c", str(config)]
    with _process(command, folder / "broker.log") as pid:
        _wait_for_port(port)
        yield port, pid


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[int]:
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def _said(log: Path) -> Iterator[None]:
    """When a run fails, show the daemon's last words: the folder with its log is gone a moment later."""
    try:
        yield
    except SystemExit:
        print("The daemon's last words:", *log.read_text().splitlines()[-15:], sep="\n  ", file=sys.stderr)
        raise


def _wait_for_port(port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit("the broker does not listen")


def _output(command: list[str]) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _telecare() -> str:
    return str(Path(sys.executable).with_name("telecare"))


def _mosquitto() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def _loadgen() -> Path | None:
    if "TELECARE_LOADGEN" in os.environ:
        return Path(os.environ["TELECARE_LOADGEN"])
    beside = Path(__file__).resolve().parents[2] / "shared" / "bench" / "loadgen.py"
    return beside if beside.exists() else None


def _row(name: str, results: list[dict[str, Any]]) -> list[str]:
    def median(key: str) -> str:
        values = [result[key] for result in results if result.get(key) is not None]
        return f"{statistics.median(values):,.6g}" if values else "-"

    lost = sum(result["alerts_missed"] for result in results)
    extra = sum(result["alerts_duplicated"] + result["alerts_spurious"] for result in results)
    return [
        name,
        median("throughput_per_s"),
        median("latency_ms_p50"),
        median("latency_ms_p99"),
        median("latency_ms_max"),
        median("cpu_s_per_1k"),
        median("rss_peak_mib"),
        f"{lost}/{extra}",
    ]


def _table(rows: list[list[str]], title: str) -> None:
    head = ["run", "readings/s", "alert p50 ms", "p99 ms", "max ms", "CPU s/1,000", "RSS MiB", "missed/extra"]
    print(f"\n{title}\n")
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    sys.exit(main())
