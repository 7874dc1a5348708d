"""gateway.toml: how the gateway runs on this machine. What the care centre is, is in gateway.centre.

A setting comes from the file, and above it from the environment (``TELECARE__BROKER__HOST=…``, two underscores
between the parts). Secrets never stand in the file: ``…_env`` names an environment variable, ``…_file`` a file.
"""

from email.errors import HeaderParseError
from email.headerregistry import Address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from devices import topics
from gateway.settings.alarm_centre import Cap, Scaip
from gateway.settings.commands import Commands
from gateway.settings.duty import Coverage, Shifts
from gateway.settings.http import Http
from gateway.settings.map import Map
from gateway.settings.oidc import Oidc
from gateway.settings.probe import Probe
from gateway.settings.providers import ContactTests, HomeAssistant, Ntfy, Sms, Telegram, Voice, WebPush
from gateway.settings.retention import Retention
from gateway.settings.table import MAP_LINK, Port, Seconds, Table, WebAddress, WithSecret


def _topic_filter(value: str) -> str:
    if not topics.is_filter(value):
        raise ValueError("expected an MQTT topic filter, with + for one level and # only at the end")
    return value


def _topic_template(value: str) -> str:
    try:
        topic = value.format(site="s", alert="a", device="d", resident="r", carer="c")
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ValueError("expected only the blanks {site} {alert} {device} {resident} {carer}") from error
    if not topic or set(topic) & {"+", "#", "\0"} or topic.startswith("$"):
        raise ValueError("expected an MQTT topic without + and #, not beginning with $")
    return value


def _email_address(value: str) -> str:
    if not is_email(value):
        raise ValueError("expected an e-mail address such as telecare@care.example.org")
    return value


def is_email(address: str) -> bool:
    """Whether a text is an e-mail address as RFC 5322 writes them; nothing is looked up."""
    try:
        parsed = Address(addr_spec=address)
    except (HeaderParseError, ValueError, IndexError):
        return False
    return bool(parsed.username) and bool(parsed.domain) and address.isprintable() and " " not in address


EmailAddress = Annotated[str, AfterValidator(_email_address)]
TopicFilter = Annotated[str, AfterValidator(_topic_filter)]
TopicTemplate = Annotated[str, AfterValidator(_topic_template)]


class Gateway(Table):
    """[gateway]: where this gateway keeps its things."""

    data: Path = Field(Path("data"), description="Folder of the database and keys; relative to this file.")


class Tls(Table):
    """[broker.tls]: an encrypted connection to the broker."""

    enabled: bool = Field(False, description="Speak TLS with the broker.")
    ca: Path | None = Field(None, description="PEM file of the authority to trust; default: the system's.")
    cert: Path | None = Field(None, description="PEM file of the gateway's own certificate.")
    key: Path | None = Field(None, description="PEM file of that certificate's private key.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("expected cert and key together, or neither")
        if not self.enabled and (self.ca or self.cert):
            raise ValueError("expected enabled = true when ca or cert is given")
        return self


class Broker(WithSecret):
    """[broker]: the MQTT broker."""

    host: str = Field("localhost", min_length=1, description="Name or address of the broker.")
    tls: Tls = Field(Tls(), description="Encryption.")
    port: Port = Field(
        default_factory=lambda data: 8883 if data.get("tls") and data["tls"].enabled else 1883,
        description="Port of the broker; default: 1883, with TLS 8883.",
    )
    protocol: Literal["auto", "5", "3.1.1"] = Field("auto", description="MQTT version; auto tries 5 first.")
    client_id: str | None = Field(
        None,
        min_length=1,
        max_length=65,
        description="Begin of the MQTT client ids; default: telecare-{site}. The broker keeps our messages under it.",
    )
    username: str | None = Field(None, min_length=1, description="User name at the broker.")
    password_env: str | None = Field(None, description="Environment variable that holds the password.")
    password_file: Path | None = Field(None, description="File that holds the password.")
    keep_alive_s: int = Field(
        10,
        ge=5,
        le=3600,
        description="Seconds between signs of life; a hung broker is noticed after 1.25 times that, "
        "and a person is told 15 s later.",
    )
    session_expiry_s: int = Field(
        7 * 86400,
        ge=60,
        le=0xFFFFFFFE,
        description="How long the broker keeps messages for an absent gateway (MQTT 5).",
    )
    receive_maximum: int = Field(
        1000, ge=1, le=65535, description="Unacknowledged messages allowed on their way to us (MQTT 5)."
    )

    @property
    def password(self) -> SecretStr | None:
        """The password, read from its environment variable or file when the settings were loaded."""
        return self._kept


class Subscription(Table):
    """[[subscriptions]]: which topics carry which format."""

    format: str = Field(description="Name of a device format; telecare decode --help lists them.")
    topics: tuple[TopicFilter, ...] = Field(min_length=1, description="MQTT topic filters.")
    lane: Literal["alarms", "telemetry"] = Field("telemetry", description="Alarms are handled first.")


def _map_template(value: str) -> str:
    if "{lat}" not in value or "{lon}" not in value or not value.startswith(("geo:", "https://")):
        raise ValueError("expected an address that begins with geo: or https://, with the blanks {lat} and {lon}")
    if not value.isprintable() or " " in value:
        raise ValueError("expected an address without spaces")
    return value


class Console(Table):
    """[console]: the web page."""

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    base_url: WebAddress = Field(
        default_factory=lambda data: f"http://{data.get('host', '127.0.0.1')}:{data.get('port', 8080)}",
        description="Public address, used in the links that carers get; default: http://{host}:{port}.",
    )
    map_link: Annotated[str, AfterValidator(_map_template)] = Field(
        MAP_LINK,
        max_length=500,
        description="Address that shows a position, with the blanks {lat} and {lon}; default: the telephone's own map. "
        "The owner of a map on the internet learns the position.",
    )
    secure_cookies: bool = Field(
        default_factory=lambda data: str(data.get("base_url", "")).startswith("https:"),
        description="Send cookies over HTTPS only; default: true when base_url begins with https.",
    )
    secret_file: Path | None = Field(
        None,
        description="File of the key that signs links and sessions; default: console.key in the data folder.",
    )
    map: Map = Field(Map(), description="What lies under the map.")
    oidc: Oidc | None = Field(None, description="Signing in by a provider (OpenID Connect); default: none.")


class Log(Table):
    """[channels.log]: notifications written to the terminal."""


class Smtp(WithSecret):
    """[channels.smtp]: e-mail."""

    host: str = Field(min_length=1, description="Name of the mail server.")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="Encryption.")
    port: Port = Field(
        default_factory=lambda data: {"starttls": 587, "tls": 465}.get(str(data.get("security", "starttls")), 25),
        description="Port; default: 587 for starttls, 465 for tls, 25 for none.",
    )
    sender: EmailAddress = Field(description="Address that the e-mails come from.")
    username: str | None = Field(None, min_length=1, description="User name at the mail server.")
    password_env: str | None = Field(None, description="Environment variable that holds the password.")
    password_file: Path | None = Field(None, description="File that holds the password.")
    timeout_s: Seconds = Field(10.0, description="Seconds until an attempt counts as failed.")

    @property
    def password(self) -> SecretStr | None:
        """The password, read from its environment variable or file when the settings were loaded."""
        return self._kept


class Webhook(WithSecret):
    """[channels.webhook]: signed HTTP POSTs (Standard Webhooks)."""

    secret_env: str | None = Field(None, description="Environment variable that holds the signing secret (whsec_…).")
    secret_file: Path | None = Field(None, description="File that holds the signing secret (whsec_…).")
    allow_private: tuple[str, ...] = Field((), description="Hosts in private networks that may be called all the same.")
    timeout_s: Seconds = Field(10.0, description="Seconds until an attempt counts as failed.")

    @property
    def secret(self) -> SecretStr | None:
        """The signing secret, read from its environment variable or file when the settings were loaded."""
        return self._kept


class Mqtt(Table):
    """[channels.mqtt]: alerts published on the broker."""

    topic: TopicTemplate = Field(
        "telecare/{site}/alert/{alert}", description="Topic; blanks: {site} {alert} {device} {resident} {carer}."
    )
    timeout_s: Seconds = Field(10.0, description="Seconds until an attempt counts as failed.")
    answers: bool = Field(
        False,
        description="Take answers at telecare/{site}/carers/{carer}/answer. Only for a broker with an access list.",
    )
    homeassistant: HomeAssistant | None = Field(None, description="Alerts as entities of Home Assistant.")

    @model_validator(mode="after")
    def _answers(self) -> Self:
        if self.homeassistant is not None and self.homeassistant.answers_as is not None and not self.answers:
            raise ValueError("expected answers = true with homeassistant.answers_as: its buttons answer there")
        return self


class Apprise(Table):
    """[channels.apprise]: the services that Apprise speaks to."""

    timeout_s: Seconds = Field(20.0, description="Seconds until an attempt counts as failed.")


class Channels(Table):
    """[channels]: the ways to tell a carer; all but log, mqtt and apprise only where they are written."""

    log: Log = Field(Log(), description="Terminal.")
    smtp: Smtp | None = Field(None, description="E-mail.")
    webhook: Webhook | None = Field(None, description="Signed HTTP POSTs.")
    mqtt: Mqtt = Field(Mqtt(), description="MQTT messages.")
    apprise: Apprise = Field(Apprise(), description="Apprise.")
    ntfy: Ntfy | None = Field(None, description="The ntfy app.")
    webpush: WebPush | None = Field(None, description="Browsers.")
    telegram: Telegram | None = Field(None, description="A Telegram bot.")
    sms: Sms | None = Field(None, description="SMS.")
    voice: Voice | None = Field(None, description="Voice calls.")
    cap: Cap | None = Field(None, description="Alarm receiving centres by CAP 1.2.")
    scaip: Scaip | None = Field(None, description="Alarm receiving centres by SIP.")


class Devices(Table):
    """[devices]: what the care centre adds for its devices."""

    profiles: tuple[str, ...] = Field(
        (), description='Profile files, such as "my/*.toml"; relative to this file. docs/profiles.md tells how.'
    )
    codecs: dict[str, Path] = Field(
        default_factory=dict,
        description="JavaScript codec of a model's raw LoRaWAN payloads: vendor/model = file, relative to this file.",
    )


class Settings(BaseSettings):
    """Everything in gateway.toml. Constructed directly it reads neither file nor environment."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True)

    gateway: Gateway = Field(Gateway(), description="Where this gateway keeps its things.")
    broker: Broker = Field(default_factory=Broker, description="The MQTT broker.")
    subscriptions: tuple[Subscription, ...] = Field(
        (), description="Topics and formats; default: every format's own topics."
    )
    devices: Devices = Field(Devices(), description="What the care centre adds for its devices.")
    console: Console = Field(default_factory=Console, description="The web page.")
    channels: Channels = Field(Channels(), description="The ways to tell a carer.")
    contact_tests: ContactTests = Field(ContactTests(), description="Test messages to every contact.")
    http: Http = Field(Http(), description="Messages of devices and clouds that only POST.")
    commands: Commands = Field(Commands(), description="Commands back to devices.")
    shifts: Shifts = Field(Shifts(), description="Calendars of shifts that are fetched.")
    coverage: Coverage = Field(Coverage(), description="The look at who would be told in the coming days.")
    probe: Probe = Field(default_factory=Probe, description="Test messages from outside (telecare probe).")
    retention: Retention = Field(Retention(), description="How long each kind of data is kept.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what it is constructed with: load_settings brings file and environment together."""
        return (init_settings,)

    @property
    def secret_file(self) -> Path:
        """The file of the key that signs links and sessions."""
        return self.console.secret_file or self.gateway.data / "console.key"
