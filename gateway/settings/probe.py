"""[probe]: how ``telecare probe`` asks from outside whether the gateway still hears; docs/probe.md."""

from pathlib import Path

from pydantic import Field, SecretStr

from gateway.settings.table import Seconds, WithSecret


class ProbePing(WithSecret):
    """[probe.ping]: an address that is asked for after each answer, so that somebody outside notices silence."""

    url_env: str | None = Field(None, description="Environment variable that holds the address.")
    url_file: Path | None = Field(None, description="File that holds the address; whoever knows it can feign life.")
    timeout_s: Seconds = Field(10.0, description="Seconds until an attempt counts as failed.")

    @property
    def url(self) -> SecretStr | None:
        """The address, read from its environment variable or file when the settings were loaded."""
        return self._kept


class Probe(WithSecret):
    """[probe]: the test messages of ``telecare probe``."""

    device: str | None = Field(
        None, min_length=1, description='Id of the device of type "probe"; default: the only one of the centre.'
    )
    username: str | None = Field(
        None, min_length=1, description="The probe's user name at the broker; default: that of [broker]."
    )
    password_env: str | None = Field(None, description="Environment variable that holds the password.")
    password_file: Path | None = Field(None, description="File that holds the password.")
    every_s: float = Field(60.0, ge=5, le=3600, description="Seconds between two test messages.")
    within_s: float = Field(10.0, gt=0, le=600, description="Seconds until one counts as not acknowledged.")
    failures: int = Field(
        3, ge=1, le=100, description="So many in a row are not acknowledged until the failsafe people are told."
    )
    ping: ProbePing | None = Field(None, description="Somebody outside who notices when the prober is silent.")

    @property
    def password(self) -> SecretStr | None:
        """The password, read from its environment variable or file when the settings were loaded."""
        return self._kept
