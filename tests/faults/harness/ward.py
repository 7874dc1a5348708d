"""A care centre for the fault tests: many residents, each with a tracker and a button, and their messages."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import tomli_w

from gateway.clock import SystemClock
from tests.brokers import free_port
from tests.faults.harness.process import telecare
from tests.faults.harness.receivers import SECRET

SITE = "ward"
DAY_S = 24 * 3600
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DEGREE_M = 111_320.0
"""Metres of a degree of latitude, near enough for 'well inside' and 'well outside'."""

Message = tuple[str, bytes]
Contacts = Mapping[str, Sequence[tuple[str, str]]]
"""Carer id -> (channel, address) in the order to be tried."""


def home(number: int) -> tuple[float, float]:
    """Longitude and latitude of a resident's home; the safe zone is a circle of 100 m around it."""
    return 14.0 + 0.01 * (number % 100), 35.0 + 0.01 * (number // 100)


def write_centre(
    folder: Path,
    *,
    residents: int,
    carers: Contacts,
    steps: Sequence[tuple[Sequence[str], int]],
    failsafe: Sequence[str],
    rules: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write centre.toml and zones.geojson.

    Resident ``r7`` wears the tracker ``t7`` (OwnTracks, ``owntracks/ward/t7``) and the button ``b7`` (native), and has
    the zone ``z7``, told at the first position outside.

    Args:
        folder: where to write.
        residents: how many.
        carers: who can be told, and how.
        steps: of the one policy: whom, and how many seconds to wait for them.
        failsafe: who is told at last.
        rules: further rules of everybody.
    """
    numbers = range(residents)
    features = [
        {
            "type": "Feature",
            "properties": {"id": f"z{n}", "name": f"Home {n}", "radius_m": 100},
            "geometry": {"type": "Point", "coordinates": list(home(n))},
        }
        for n in numbers
    ]
    (folder / "zones.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    trackers = [{"id": f"t{n}", "type": "tracker", "format": "owntracks", "address": f"{SITE}/t{n}"} for n in numbers]
    buttons = [{"id": f"b{n}", "type": "sos_button", "format": "native"} for n in numbers]
    document: dict[str, Any] = {
        "centre": {"id": SITE, "name": "Ward", "timezone": "UTC", "language": "en", "zones": "zones.geojson"},
        "residents": [{"id": f"r{n}", "name": f"Resident {n}", "room": str(n)} for n in numbers],
        "devices": trackers + buttons,
        "assignments": [
            {"device": f"{kind}{n}", "resident": f"r{n}", "from": LONG_AGO} for n in numbers for kind in "tb"
        ],
        "carers": [
            {
                "id": name,
                "name": name.title(),
                "language": "en",
                "role": "manager" if name in failsafe else "carer",
                "contacts": [{"channel": channel, "address": address} for channel, address in ways],
            }
            for name, ways in carers.items()
        ],
        "policies": [
            {
                "id": "only",
                "failsafe": list(failsafe),
                "steps": [{"to": list(to), "wait_s": wait_s} for to, wait_s in steps],
            }
        ],
        "care_plans": [
            {
                "resident": f"r{n}",
                "policy": "only",
                "consents": {"location": "always"},
                "rules": [
                    {"rule": "help"},
                    {"rule": "fall"},
                    {"rule": "zone_exit", "zone": f"z{n}", "confirmations": 1},
                    *rules,
                ],
            }
            for n in numbers
        ],
    }
    path = folder / "centre.toml"
    path.write_text(tomli_w.dumps(document))
    return path


def write_config(folder: Path, *, port: int, protocol: str, smtp_port: int | None = None, **more: Any) -> Path:
    """Write gateway.toml for a broker on that port of this machine; its data is in ``folder/data``."""
    (folder / "webhook.key").write_text(SECRET)
    channels: dict[str, Any] = {"webhook": {"secret_file": "webhook.key", "allow_private": ["127.0.0.1"]}}
    if smtp_port is not None:
        channels["smtp"] = {
            "host": "127.0.0.1", "port": smtp_port, "security": "none", "sender": "telecare@example.org",
        }  # fmt: skip
    settings: dict[str, Any] = {
        "gateway": {"data": "data"},
        "broker": {"host": "127.0.0.1", "port": port, "protocol": protocol} | more.pop("broker", {}),
        "console": {"port": free_port()},
        "channels": channels,
    }
    path = folder / "gateway.toml"
    path.write_text(tomli_w.dumps(settings | more))
    return path


async def apply(centre: Path, config: Path) -> None:
    """Put the centre in force, as people do."""
    done = await telecare("centre", "apply", centre, "--config", config)
    assert done.code == 0, done.err


def now_s() -> int:
    """Seconds since 1970."""
    return int(SystemClock().now().timestamp())


def position(number: int, at: int, *, out: bool, serial: int = 0) -> Message:
    """A fix of a resident's phone, 30 m from home or 300 m; ``serial`` makes each payload a different one."""
    lon, lat = home(number)
    metres = 300.0 if out else 30.0
    body = {
        "_type": "location", "tst": at, "lon": lon, "lat": round(lat + (metres + serial * 1e-3) / DEGREE_M, 9),
        "acc": 8, "tid": "t", "t": "u",
    }  # fmt: skip
    return f"owntracks/{SITE}/t{number}", json.dumps(body).encode()


def press(number: int, event_id: str, at: int) -> Message:
    """A resident presses the button."""
    body = {"v": 1, "id": event_id, "t": at * 1000, "phase": "pressed"}
    return f"telecare/{SITE}/b{number}/help", json.dumps(body).encode()


def mixed(residents: int, count: int, *, seed: int) -> list[Message]:
    """Messages for so many residents: half of them leave their zone once, the other half press the button once.

    Every payload is different, and each device's positions are in the order of their times. So there must be exactly
    one alert for each resident.
    """
    rng = Random(seed)
    start = now_s() - count // residents - 5
    presses = {n: rng.randrange(count // residents) for n in range(residents // 2)}
    # Not in the last turn: nobody walks so far in a second, so one position outside is a jump until a second says so.
    leaves = {n: rng.randrange(1, count // residents - 1) for n in range(residents // 2, residents)}
    messages = []
    for turn in range(count // residents):
        for n in range(residents):
            if presses.get(n) == turn:
                messages.append(press(n, f"press-{seed}-{n}", start + turn))
            else:
                out = n in leaves and turn >= leaves[n]
                messages.append(position(n, start + turn, out=out, serial=turn))
    return messages
