"""Who may POST, and where it is listened; see gateway.settings.http."""

from pathlib import Path

import msgspec

from gateway.ingest.http_auth import HttpAuth


class HttpSender(msgspec.Struct, frozen=True, kw_only=True):
    """One source: a device, a cloud or a bridge that POSTs."""

    name: str
    format: str
    lane: str
    """Name of the HttpSource that takes its messages."""
    topic: str
    """Template, see gateway.settings.topic_template."""
    auth: HttpAuth
    max_body_bytes: int = 64 * 1024
    rate_per_s: float = 100.0
    burst: int = 1000


class HttpOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen, and how patient to be; seconds of real time."""

    host: str = "127.0.0.1"
    port: int = 0
    cert: Path | None = None
    key: Path | None = None
    answer_within_s: float = 10.0
    body_within_s: float = 10.0
