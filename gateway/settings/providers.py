"""[channels.*] for telephones and chats: ntfy, Web Push, Telegram, SMS, voice calls; see docs/notifications.md."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from gateway.settings.http import HeaderName
from gateway.settings.table import Seconds, Table, WebAddress, WithSecret

BLANKS = ("to", "text", "id", "carer", "language", "secret", "basic", "receipt_url", "answer_url")
"""What a provider's request can be filled in with."""

_BLANK = re.compile(r"\{([a-z_]*)\}")


def _template(value: str) -> str:
    wrong = [name for name in _BLANK.findall(value) if name not in BLANKS]
    if wrong:
        raise ValueError(f"expected only the blanks {' '.join('{' + name + '}' for name in BLANKS)}")
    return value


def _url_template(value: str) -> str:
    _template(value)
    if not re.match(r"https?://[^/{}?#]+", value):
        raise ValueError("expected a web address such as https://api.example.org/messages, its host without blanks")
    return value


def _fields(value: dict[str, Any]) -> dict[str, Any]:
    for each in value.values():
        _walk(each)
    return value


def _walk(value: object) -> None:
    if isinstance(value, str):
        _template(value)
    elif isinstance(value, dict):
        _fields(value)
    elif isinstance(value, list):
        for each in value:
            _walk(each)
    elif not isinstance(value, int | float):
        raise ValueError("expected texts, numbers, true, false, and tables of them")  # noqa: TRY004 - for pydantic


def _pointer(value: str) -> str:
    if not re.fullmatch(r"(/[^/]+)+", value):
        raise ValueError('expected a JSON pointer such as "/messages/0/id"')
    return value


TemplateText = Annotated[str, AfterValidator(_template)]
UrlTemplate = Annotated[str, AfterValidator(_url_template)]
Fields = Annotated[dict[str, Any], AfterValidator(_fields)]
Pointer = Annotated[str, AfterValidator(_pointer)]


class Ntfy(WithSecret):
    """[channels.ntfy]: the ntfy app."""

    server: WebAddress = Field("https://ntfy.sh", description="The ntfy server.")
    token_env: str | None = Field(None, description="Environment variable that holds the access token.")
    token_file: Path | None = Field(None, description="File that holds the access token.")
    timeout_s: Seconds = Field(10.0, description="Seconds until an attempt counts as failed.")

    @property
    def token(self) -> SecretStr | None:
        """The access token, read when the settings were loaded."""
        return self._kept


class WebPush(Table):
    """[channels.webpush]: messages to the browsers that carers allowed to show them."""

    subject: str = Field(
        pattern=r"^(mailto:[^@\s]+@[^@\s]+|https://\S+)$",
        description="Whom a push service can ask about our messages: mailto:it@care.example.org.",
    )
    key_file: Path = Field(
        Path("webpush.pem"), description="The private key, made by telecare push-keys; relative to this file."
    )
    allow_private: tuple[str, ...] = Field((), description="Push services in private networks that may be called.")
    timeout_s: Seconds = Field(10.0, description="Seconds until an attempt counts as failed.")


class Telegram(WithSecret):
    """[channels.telegram]: a Telegram bot."""

    server: WebAddress = Field("https://api.telegram.org", description="The bot API.")
    token_env: str | None = Field(None, description="Environment variable that holds the bot's token.")
    token_file: Path | None = Field(None, description="File that holds the bot's token.")
    timeout_s: Seconds = Field(10.0, description="Seconds until an attempt counts as failed.")

    @property
    def token(self) -> SecretStr | None:
        """The bot's token, read when the settings were loaded."""
        return self._kept


class Receipts(Table):
    """[channels.sms.receipts] and [channels.voice.receipts]: how a provider reports what became of a message."""

    state: str = Field(min_length=1, description="Form field, or JSON pointer, that holds the state's word.")
    delivered: tuple[str, ...] = Field(("delivered",), description="Words for: it is on the device.")
    read: tuple[str, ...] = Field((), description="Words for: somebody looked at it or took the call.")
    failed: tuple[str, ...] = Field(
        ("failed", "undelivered", "busy", "no-answer", "canceled"),
        description="Words for: it will not arrive, or the call was not taken.",
    )


class Provider(WithSecret):
    """A provider's HTTP API, described by a template."""

    url: UrlTemplate = Field(description="Address of the request; blanks as in the fields.")
    method: Literal["POST", "PUT", "GET"] = Field("POST", description="HTTP method.")
    headers: dict[str, TemplateText] = Field(default_factory=dict, description="Headers, e.g. Authorization.")
    form: Fields | None = Field(None, description="Fields of a form.")
    body: Fields | None = Field(None, description="Fields of a JSON body; tables in tables are taken over.")
    success: tuple[int, ...] = Field((200, 201, 202, 204), description="Statuses that mean: taken over.")
    id_pointer: Pointer | None = Field(None, description="JSON pointer of the provider's own number in its answer.")
    username: str | None = Field(None, min_length=1, description="User name, for the blank {basic}.")
    secret_env: str | None = Field(None, description="Environment variable that holds the key, for {secret}.")
    secret_file: Path | None = Field(None, description="File that holds the key, for {secret}.")
    timeout_s: Seconds = Field(10.0, description="Seconds until an attempt counts as failed.")
    receipts: Receipts | None = Field(None, description="How the provider reports back, at {receipt_url}.")

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.form is not None and self.body is not None:
            raise ValueError("expected form or body, not both")
        return self

    @property
    def secret(self) -> SecretStr | None:
        """The provider's key, read when the settings were loaded."""
        return self._kept


class Gammu(Table):
    """[channels.sms.gammu]: a modem, through the folders of gammu-smsd's files service."""

    outbox: Path = Field(Path("/var/spool/gammu/outbox"), description="Its outboxpath.")
    sent: Path = Field(Path("/var/spool/gammu/sent"), description="Its sentsmspath.")
    errors: Path = Field(Path("/var/spool/gammu/error"), description="Its errorsmspath.")
    inbox: Path = Field(Path("/var/spool/gammu/inbox"), description="Its inboxpath; answers come there.")
    timeout_s: Seconds = Field(60.0, description="Seconds until an SMS that is not sent counts as failed for now.")


class Inbound(WithSecret):
    """[channels.sms.inbound]: SMS that a provider POSTs to {base_url}/sms/{secret}."""

    sender: str = Field(min_length=1, description="Form field, or JSON pointer, that holds the sender's number.")
    text: str = Field(min_length=1, description="Form field, or JSON pointer, that holds the text.")
    id: str | None = Field(None, description="Form field, or JSON pointer, that holds the provider's number of it.")
    at: str | None = Field(
        None,
        min_length=1,
        description="Form field, or JSON pointer, that holds when it was sent: ISO 8601 with an offset, or seconds or "
        "milliseconds since 1970. Without it an SMS that was late counts as sent when it comes.",
    )
    secret_env: str | None = Field(None, description="Environment variable that holds the address's secret part.")
    secret_file: Path | None = Field(None, description="File that holds the address's secret part.")

    @property
    def secret(self) -> SecretStr | None:
        """The secret part of the address, read when the settings were loaded."""
        return self._kept


class Sms(Table):
    """[channels.sms]: SMS through a modem (gammu) or through a provider (http)."""

    gammu: Gammu | None = Field(None, description="A modem at this machine.")
    http: Provider | None = Field(None, description="A provider's HTTP API.")
    inbound: Inbound | None = Field(None, description="Answers that the provider POSTs to us.")
    country: str | None = Field(
        None,
        pattern=r"^\+[1-9][0-9]{0,3}$",
        description="Prefix of senders' numbers that come without their country, such as +356.",
    )
    link: bool = Field(True, description="Put the link into the SMS; without it one SMS is enough in all languages.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.gammu is None) == (self.http is None):
            raise ValueError("expected [channels.sms.gammu] or [channels.sms.http], one of them")
        return self


class Voice(Provider):
    """[channels.voice]: calls through a provider's HTTP API, answered with the keypad."""

    digits: str = Field("Digits", min_length=1, description="Form field, or JSON pointer, that holds the pressed key.")
    ask: str = Field(
        '<?xml version="1.0" encoding="UTF-8"?><Response><Gather numDigits="1" action="{answer_url}" timeout="20">'
        '<Say language="{language}">{text}</Say></Gather></Response>',
        description="What is answered when a call is taken; blanks: {text} {answer_url} {language}.",
    )
    say: str = Field(
        '<?xml version="1.0" encoding="UTF-8"?><Response><Say language="{language}">{text}</Say></Response>',
        description="What is answered after a key was pressed; blanks: {text} {language}.",
    )
    answer_type: str = Field("application/xml", description="Content type of these answers.")
    signature: Literal["none", "twilio", "hmac-sha256"] = Field(
        "none", description="How the provider signs what it sends to us; the key is {secret}."
    )
    signature_header: HeaderName = Field("X-Twilio-Signature", description="Header that holds the signature.")


class HomeAssistant(Table):
    """[channels.mqtt.homeassistant]: open alerts as entities of Home Assistant, by MQTT discovery."""

    prefix: str = Field("homeassistant", pattern=r"^[^+#$]+$", description="Its discovery prefix.")
    states: str = Field(
        "telecare/{site}/homeassistant", pattern=r"^[^+#$]+$", description="Where the states go; blank: {site}."
    )
    answers_as: str | None = Field(
        None,
        min_length=1,
        description="Carer in whose name its buttons answer, with an mqtt contact; none: it only shows. Needs answers.",
    )


class ContactTests(Table):
    """[contact_tests]: a test message to every contact, again and again, so that a dead one is known in time."""

    every_days: int = Field(30, ge=0, le=366, description="Days between two tests of a contact; 0: never by itself.")
    from_hour: int = Field(10, ge=0, le=23, description="Not before this hour, in the centre's time.")
    until_hour: int = Field(16, ge=1, le=24, description="Not from this hour on.")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.until_hour <= self.from_hour:
            raise ValueError("expected until_hour after from_hour")
        return self
