"""What the tables of gateway.toml have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]


class Table(BaseModel):
    """A table: frozen, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class WithSecret(Table):
    """A table with a secret that never stands in the file; load_settings reads it and keeps it here."""

    _kept: SecretStr | None = PrivateAttr(None)

    def keep_secret(self, secret: SecretStr | None) -> None:
        """Keep the secret that this table's ``…_env`` or ``…_file`` names."""
        self._kept = secret
