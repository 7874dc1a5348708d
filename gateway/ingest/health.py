"""A lane's health, for metrics, the board and the alarm "broker gone"."""

from datetime import datetime

import msgspec

from gateway.ingest.trouble import Trouble


class SourceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A lane as it is now. Counters run since ``start()``; times are UTC-aware."""

    name: str
    protocol: str
    """``5`` or ``3.1.1``, as far as it is known; ``auto`` before the first answer."""
    connected: bool
    since: datetime
    """Connected, or without a connection, since then."""
    trouble: Trouble | None
    """Why there is no connection; None while there is one, or while the first is made."""
    detail: str
    """The trouble in words, with advice."""
    session: int
    """Number of the connection; the first is 1, 0 while there was none."""
    reconnects: int
    frames: int
    payload_bytes: int
    acked: int
    waiting: int
    """Frames that are not handed out yet."""
    waiting_s: float = 0.0
    """For how long the oldest of them has waited, in seconds."""
    unacknowledged: int
    """Frames of this connection that the broker waits for."""
    salvaged: int
    unpublished: int
    """QoS 0 messages dropped: no connection, no room, or a topic that can't be published to."""
    paused: bool
    pauses: int
    last_frame_at: datetime | None
