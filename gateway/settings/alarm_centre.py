"""[channels.cap] and [channels.scaip]: alarm receiving centres; docs/alarm-centre.md."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from gateway.settings.table import Port, Seconds, WithSecret


class Cap(WithSecret):
    """[channels.cap]: alerts to an alarm receiving centre as signed CAP 1.2."""

    secret_env: str | None = Field(None, description="Environment variable that holds the signing secret (whsec_…).")
    secret_file: Path | None = Field(None, description="File that holds the signing secret (whsec_…).")
    allow_private: tuple[str, ...] = Field((), description="Hosts in private networks that may be called all the same.")
    timeout_s: Seconds = Field(10.0, description="Seconds until an attempt counts as failed.")

    @property
    def secret(self) -> SecretStr | None:
        """The signing secret, read from its environment variable or file when the settings were loaded."""
        return self._kept


class Scaip(WithSecret):
    """[channels.scaip]: alerts to an alarm receiving centre as SCAIP-shaped XML over SIP."""

    proxy: str = Field(min_length=1, max_length=255, description="Name or address of the SIP proxy.")
    transport: Literal["udp", "tcp", "tls"] = Field("udp", description="How the proxy is spoken to.")
    port: Port = Field(
        default_factory=lambda data: 5061 if data.get("transport") == "tls" else 5060,
        description="Port of the proxy; default: 5060, with tls 5061.",
    )
    sender: str = Field(
        pattern=r"^sips?:[^\s<>]+@[^\s<>]+$", max_length=255, description="SIP address that the messages come from."
    )
    route: bool = Field(
        True, description="Whether messages name the proxy as their route; false when it is the receiver itself."
    )
    controller: str = Field(pattern=r"^[0-9]{1,16}$", description="Number of this house at the alarm centre (cid).")
    callback: str = Field(
        "no-voice:",
        pattern=r"^[\x21-\x7e]{1,256}$",
        description="How the centre calls back (crd), such as gsm:+35621000000.",
    )
    username: str | None = Field(None, min_length=1, description="User name at the proxy.")
    password_env: str | None = Field(None, description="Environment variable that holds the password.")
    password_file: Path | None = Field(None, description="File that holds the password.")
    heartbeat_s: int = Field(
        3600, ge=0, le=7 * 86400, description="Seconds between two signs of life to each centre; 0: none are sent."
    )
    timeout_s: Seconds = Field(20.0, description="Seconds until an attempt counts as failed.")

    @property
    def password(self) -> SecretStr | None:
        """The password, read from its environment variable or file when the settings were loaded."""
        return self._kept
