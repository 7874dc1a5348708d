"""Channel ``smtp``: e-mail, as text and as simple HTML.

Date and Message-ID come from the gateway's clock and the notification's key: an attempt that is repeated after a crash
carries the same Message-ID, so that mail programs show it once.
"""

import re
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Literal, NamedTuple, TypeAlias

import aiosmtplib

from gateway.clock import monotonic
from gateway.notify.channel import MOST_WORKERS, Outgoing, PermanentFailure, Sent, TemporaryFailure
from gateway.settings.model import is_email

Security: TypeAlias = Literal["starttls", "tls", "none"]

REUSE_WITHIN_S = 5.0
"""A connection is used again for that long: in a storm a message costs 2 ms instead of a handshake, and later the
server may have hung up, which would look like a failed send."""

_IMPORTANCE = {"high": ("high", "1"), "medium": ("normal", "3"), "low": ("low", "5")}


_ADDRESS = re.compile(r"\b(?:https://|geo:)[^\s<>\"]+")


class _Idle(NamedTuple):
    since: float
    client: aiosmtplib.SMTP


class SmtpChannel:
    """Tells by e-mail through one mail server.

    Args:
        host: name of the mail server.
        port: its port.
        sender: address that the e-mails come from.
        security: ``starttls`` and ``tls`` never send in the clear, also when the server offers no encryption.
        username: for signing in; None: without.
        password: belongs to ``username``.
        timeout_s: after how long an attempt counts as failed.
        tls: certificates to trust; None: those of the system.
    """

    name = "smtp"
    workers = MOST_WORKERS

    def __init__(
        self,
        *,
        host: str,
        port: int,
        sender: str,
        security: Security = "starttls",
        username: str | None = None,
        password: str | None = None,
        timeout_s: float = 10.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._security = security
        self._username = username
        self._password = password
        self._tls = tls
        self.timeout_s = timeout_s
        self._idle: list[_Idle] = []

    def destination(self, address: str) -> str:
        """The mail server takes every address."""
        return f"{self._host}:{self._port}"

    async def send(self, message: Outgoing) -> Sent:
        """Hand it to the mail server; 4xx answers and network errors may pass, 5xx are for good."""
        mail = compose(message, self._sender)
        try:
            client = await self._connected()
            kept = False
            try:
                _, answer = await client.send_message(mail, sender=self._sender, recipients=[message.address])
                kept = True
            finally:
                if not kept:
                    client.close()
        except aiosmtplib.SMTPRecipientsRefused as error:
            code = error.recipients[0].code if error.recipients else 550
            raise _failure(code, "the recipient") from error
        except aiosmtplib.SMTPAuthenticationError as error:
            # The server refused the gateway, not this message: it works again when the password does.
            raise TemporaryFailure(f"the mail server refused our sign-in ({error.code})") from error
        except aiosmtplib.SMTPResponseException as error:
            raise _failure(error.code, "the message") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise TemporaryFailure(f"the mail server can't be used: {type(error).__name__}") from error
        except ValueError as error:
            raise PermanentFailure("the contact's address is not an e-mail address") from error
        self._idle.append(_Idle(monotonic(), client))
        return Sent(answer[:200] or None)

    async def close(self) -> None:
        """Hang up."""
        while self._idle:
            self._idle.pop().client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        while self._idle:
            idle = self._idle.pop()
            if idle.client.is_connected and monotonic() - idle.since < REUSE_WITHIN_S:
                return idle.client
            idle.client.close()
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password,
            timeout=self.timeout_s,
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",
            tls_context=self._tls,
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return client


def compose(message: Outgoing, sender: str) -> EmailMessage:
    """The e-mail: title as subject, text and link as plain text, and the same as HTML with one large button.

    Raises:
        PermanentFailure: the address can't stand in an e-mail.
    """
    if not is_email(message.address):
        raise PermanentFailure("the contact's address is not an e-mail address")
    mail = EmailMessage()
    importance, number = _IMPORTANCE.get(message.priority, ("normal", "3"))
    mail["From"] = sender
    mail["To"] = message.address
    mail["Subject"] = message.title
    mail["Date"] = format_datetime(message.now)
    mail["Message-ID"] = f"<{message.idempotency}@{sender.rpartition('@')[2]}>"
    mail["Importance"] = importance
    mail["X-Priority"] = number
    mail["Content-Language"] = message.language
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers to this
    mail.set_content(f"{message.title}\n\n{message.body}\n\n{message.link_words}:\n{message.link}\n")
    mail.add_alternative(
        f'<!doctype html><html lang="{escape(message.language)}"><body style="font:18px sans-serif">'
        f"<h1 style='font-size:24px'>{escape(message.title)}</h1><p>{_html(message.body)}</p>"
        f'<p><a href="{escape(message.link)}" style="display:inline-block;padding:16px 24px;background:#0b3d91;'
        f'color:#fff;text-decoration:none;border-radius:8px">{escape(message.link_words)}</a></p></body></html>\n',
        subtype="html",
    )
    return mail


def _html(text: str) -> str:
    """Lines with their line breaks, and web addresses that can be tapped."""
    shown = [_ADDRESS.sub(r'<a href="\g<0>">\g<0></a>', escape(line)) for line in text.split("\n")]
    return "<br>".join(shown)


def _failure(code: int, what: str) -> TemporaryFailure | PermanentFailure:
    detail = f"the mail server refused {what} ({code})"
    return TemporaryFailure(detail) if 400 <= code < 500 else PermanentFailure(detail)
