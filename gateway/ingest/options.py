"""How to reach the broker: plain values that the settings are turned into."""

from pathlib import Path
from typing import Literal

import msgspec

Protocol = Literal["5", "3.1.1", "auto"]


class TlsOptions(msgspec.Struct, frozen=True, kw_only=True):
    """TLS towards the broker. Files are PEM."""

    ca: Path | None = None
    """Certificate authority that signed the broker's certificate; None: those that the system trusts."""
    cert: Path | None = None
    """The gateway's own certificate, when the broker asks for one."""
    key: Path | None = None
    """Private key of ``cert``; None: it stands in the same file."""
    insecure: bool = False
    """Accept any certificate. For a try-out only: whoever sits in between can read and forge everything."""


class BrokerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """One broker, as a client sees it. Durations are seconds of real time."""

    host: str = "127.0.0.1"
    port: int = 1883
    protocol: Protocol = "auto"
    """``auto`` speaks MQTT 5 and falls back to 3.1.1 when the broker refuses that version."""
    client_id: str = "telecare-gateway"
    """Start of the client names; each lane adds its own (``-alarms``, ``-telemetry``). Must stay the same across
    restarts: the broker keeps the session under it."""
    username: str | None = None
    password: str | None = None
    tls: TlsOptions | None = None
    keep_alive_s: float = 10.0
    """A broker that says nothing for this long is given up (a ping is sent after half of it). 10 s leaves room to
    reconnect inside the 30 s in which an alarm must be told through any single fault. At least 1 s towards a broker,
    which counts in whole seconds; rounded up there."""
    connect_timeout_s: float = 5.0
    """For TCP, TLS, CONNACK and SUBACK together."""
    session_expiry_s: int = 7 * 24 * 3600
    """How long the broker keeps our session while we are away (MQTT 5): a week outlasts a long weekend."""
    receive_maximum: int = 2000
    """How many unacknowledged messages the broker may send (MQTT 5): two batches of 1,000, so that one is on its way
    while the other is written."""
    high_water: int = 4000
    """Frames waiting or unacknowledged above which reading stops: Mosquitto 2.0 sends past the receive maximum after
    a resume, so that alone does not bound memory."""
    low_water: int = 2000
    """Frames below which reading goes on."""
    max_packet_bytes: int = 1024 * 1024
    """A larger message is cut to this and handed on, to be refused as too large; without it one message could fill
    the memory (MQTT allows 256 MiB)."""
    resume_window_s: float = 5.0
    """How long after a reconnect frames are marked ``resumed``; see gateway.ingest.link."""
    backoff_first_s: float = 0.2
    backoff_cap_s: float = 5.0
    """Reconnecting waits a random time between 0 and a bound that doubles from the first to the cap ("full jitter"),
    so that many clients of a restarted broker don't come all at once."""

    def __post_init__(self) -> None:
        """Refuse values that can't work."""
        if not 0 < self.port < 65536:
            raise ValueError(f"port: {self.port}: a number from 1 to 65535 is expected")
        if not 1 <= self.receive_maximum <= 65535:
            raise ValueError(f"receive_maximum: {self.receive_maximum}: 1 to 65535 is expected (MQTT 5, 3.1.2.11.3)")
        if not 0 < self.low_water <= self.high_water:
            raise ValueError(f"low_water: {self.low_water}: 1 to high_water ({self.high_water}) is expected")
        if self.keep_alive_s <= 0:
            raise ValueError(
                f"keep_alive_s: {self.keep_alive_s}: more than 0 is expected, or a hung broker is not seen"
            )
        if self.password is not None and self.username is None:
            raise ValueError("username: missing: a password needs a user name (MQTT 3.1.1, 3.1.2.9)")

    def __repr__(self) -> str:
        """Without the password."""
        return f"BrokerOptions({self.client_id!r} at {self.host}:{self.port}, MQTT {self.protocol})"


class Subscription(msgspec.Struct, frozen=True):
    """A topic filter and the name of the format (devices.registry) that its messages come in."""

    topic_filter: str
    format: str
