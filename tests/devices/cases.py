"""Reading test vectors, and readings as plain data."""

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from devices.model import Frame, Reading

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors"
RECEIVED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def frame(topic: str, payload: bytes | dict[str, Any] | list[Any]) -> Frame:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Frame(topic=topic, payload=data, received_at=RECEIVED_AT)


def frame_of(case: dict[str, Any]) -> Frame:
    if "payload_base64" in case:
        return frame(case["topic"], base64.b64decode(case["payload_base64"]))
    if "raw" in case:
        return frame(case["topic"], case["raw"].encode())
    return frame(case["topic"], json.dumps(case["payload"]).encode())


def plain(reading: Reading) -> dict[str, Any]:
    """The reading as JSON data, without what the device did not say."""
    return {key: value for key, value in json.loads(msgspec.json.encode(reading)).items() if value is not None}


def load(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def shared(name: str) -> list[dict[str, Any]]:
    """Recorded payloads kept beside the repository; skips where they are absent."""
    folder = Path(os.environ.get("TELECARE_SHARED_VECTORS") or ROOT.parent / "shared" / "vectors")
    path = folder / f"{name}.jsonl"
    if not path.is_file():
        pytest.skip(f"no recorded payloads: {path} is absent (set TELECARE_SHARED_VECTORS)")
    return load(path)
