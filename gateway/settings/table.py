"""What the tables of gateway.toml have in common."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

MAP_LINK = "geo:{lat},{lon}"
"""What opens a position (RFC 5870): the telephone's own map, so that no map service learns where somebody is."""


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("expected a web address such as https://care.example.org")
    return value.rstrip("/")


Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]
WebAddress = Annotated[str, AfterValidator(_web_address)]


class Table(BaseModel):
    """A table: frozen, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class WithSecret(Table):
    """A table with a secret that never stands in the file; load_settings reads it and keeps it here."""

    _kept: SecretStr | None = PrivateAttr(None)

    def keep_secret(self, secret: SecretStr | None) -> None:
        """Keep the secret that this table's ``…_env`` or ``…_file`` names."""
        self._kept = secret
