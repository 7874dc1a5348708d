"""[http]: a listener for devices and clouds that only POST; see docs/http-ingest.md."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from gateway.settings.table import Table, WithSecret
from gateway.settings.topic_template import check_template

MAX_BODY_BYTES = 64 * 1024
"""The largest message that a decoder reads (devices.door); a larger one would be stored only to be unreadable."""

SECRET_LENGTH = 16
"""Characters of a secret at least: whoever guesses is slowed down only a little, so guessing must be hopeless."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110, 5.6.2)."""

AuthKind = Literal["bearer", "basic", "header", "path", "signature"]


def _name(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value) is None:
        raise ValueError("expected 1 to 64 letters a to z, digits, points, underscores, hyphens")
    return value


def _header(value: str) -> str:
    if _TOKEN.fullmatch(value) is None or value.lower() in {"content-length", "transfer-encoding", "host"}:
        raise ValueError("expected the name of a header, such as X-Telecare-Key")
    return value


def _template(value: str) -> str:
    check_template(value)
    return value


Name = Annotated[str, AfterValidator(_name)]
HeaderName = Annotated[str, AfterValidator(_header)]
Template = Annotated[str, AfterValidator(_template)]


class HttpSource(WithSecret):
    """[[http.sources]]: who may POST, how it shows who it is, and what its messages are."""

    name: Name = Field(description="Short name; messages are sent to /in/{name}.")
    format: str = Field(description="Name of a device format; telecare formats lists them.")
    lane: Literal["alarms", "telemetry"] = Field("telemetry", description="Alarms are handled first.")
    topic: Template = Field(
        description="Topic that the messages get; blanks: {path} {query.NAME} {body/KEY/KEY}.",
    )
    auth: AuthKind = Field(description="How the sender shows who it is.")
    username: str | None = Field(None, min_length=1, description="User name, with auth = basic.")
    header: HeaderName | None = Field(None, description="Header that holds the secret, with auth = header.")
    secret_env: str | None = Field(None, description="Environment variable that holds the secret.")
    secret_file: Path | None = Field(None, description="File that holds the secret.")
    max_body_bytes: int = Field(
        MAX_BODY_BYTES, ge=64, le=MAX_BODY_BYTES, description="Largest message in bytes; a larger one is refused."
    )
    rate_per_s: float = Field(100.0, gt=0, le=10_000, allow_inf_nan=False, description="Messages a second for long.")
    burst: int = Field(1000, ge=1, le=100_000, description="Messages that may come at once above that.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.auth == "basic") != (self.username is not None):
            raise ValueError('expected username with auth = "basic", and only there')
        if (self.auth == "header") != (self.header is not None):
            raise ValueError('expected header with auth = "header", and only there')
        return self

    @property
    def secret(self) -> SecretStr | None:
        """The secret, read from its environment variable or file when the settings were loaded."""
        return self._kept


class Http(Table):
    """[http]: a listener for devices and clouds that only POST; it runs when there is a source."""

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8081, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    cert: Path | None = Field(
        None, description="PEM file of the certificate, to speak HTTPS without a proxy. A renewed one is taken up."
    )
    key: Path | None = Field(None, description="PEM file of that certificate's private key.")
    answer_within_s: float = Field(
        10.0, ge=1, le=15, description="Seconds until a sender is told to come again, when its message is not stored."
    )
    body_within_s: float = Field(10.0, ge=1, le=60, description="Seconds that a sender may take for its message.")
    repeat_within_s: float = Field(
        30.0,
        ge=0,
        le=45,
        description="Seconds in which the same message, after one that was not answered, is the same event.",
    )
    sources: tuple[HttpSource, ...] = Field((), description="Who may POST.")

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("expected cert and key together, or neither")
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("expected sources with names of their own")
        return self
