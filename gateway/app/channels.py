"""The channels that the settings name, and how their answers come back."""

import hashlib
import sqlite3
from collections.abc import Callable, Coroutine, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import structlog
from litestar import Router

from gateway.app.alarm_centre import Heartbeats, of_alarm_centres
from gateway.centre.index import CentreIndex
from gateway.centre.model import Carer
from gateway.clock import Clock
from gateway.errors import Problem, SettingsError
from gateway.ingest.publisher import Publisher
from gateway.links import Links
from gateway.notify import browsers
from gateway.notify.alarm_centre_answers import cap_route
from gateway.notify.answering import Answering
from gateway.notify.callbacks import receipts_route, sms_route, voice_route
from gateway.notify.channel import Channel, Failure, Outgoing
from gateway.notify.channels.apprise import AppriseChannel
from gateway.notify.channels.log import LogChannel
from gateway.notify.channels.mqtt import MqttChannel
from gateway.notify.channels.ntfy import NtfyChannel
from gateway.notify.channels.scaip import ScaipChannel
from gateway.notify.channels.sms import GammuSmsChannel, HttpSmsChannel, SmsChannel
from gateway.notify.channels.smtp import SmtpChannel
from gateway.notify.channels.telegram import TelegramApi, TelegramChannel
from gateway.notify.channels.voice import VoiceChannel
from gateway.notify.channels.webhook import WebhookChannel
from gateway.notify.dispatcher import Dispatcher
from gateway.notify.sms_answers import GammuInbox, SmsAnswers
from gateway.notify.telegram_answers import HOLD_S, TelegramAnswers
from gateway.notify.template import Template
from gateway.settings import Settings
from gateway.settings.providers import Provider, Receipts
from gateway.store.database import reader
from gateway.store.writer import Tx, Writer, write_now

_LOG = structlog.get_logger(__name__)


def make_channels(
    settings: Settings,
    publisher: Publisher,
    *,
    log: LogChannel,
    links: Links,
    clock: Clock,
    database: Path,
    writer: Writer | None = None,
) -> dict[str, Channel]:
    """The channels that the settings name, by their word in the centre file.

    Args:
        settings: gateway.toml.
        publisher: for MQTT.
        log: the terminal's channel.
        links: makes the addresses at which providers report back.
        clock: the gateway's clock.
        database: where the browsers for Web Push are.
        writer: the daemon's; None in a command line tool.

    Raises:
        SettingsError: a key can't be read.
    """
    wanted = settings.channels
    channels: list[Channel] = [
        log,
        MqttChannel(publisher, topic=wanted.mqtt.topic, timeout_s=wanted.mqtt.timeout_s),
        AppriseChannel(timeout_s=wanted.apprise.timeout_s),
    ]
    if (smtp := wanted.smtp) is not None:
        channels.append(
            SmtpChannel(
                host=smtp.host,
                port=smtp.port,
                sender=smtp.sender,
                security=smtp.security,
                username=smtp.username,
                password=smtp.password.get_secret_value() if smtp.password else None,
                timeout_s=smtp.timeout_s,
            )
        )
    if (hook := wanted.webhook) is not None:
        if hook.secret is None:
            expected = "expected secret_env or secret_file: receivers check our signature with it"
            raise SettingsError([Problem("gateway.toml", "channels.webhook", "(missing)", expected)])
        secret = hook.secret.get_secret_value()
        channels.append(WebhookChannel(secret=secret, allow_private=hook.allow_private, timeout_s=hook.timeout_s))
    channels += _of_telephones(settings, links)
    channels += of_alarm_centres(settings, links)
    if (push := wanted.webpush) is not None:
        from gateway.notify.channels.webpush import WebPushChannel

        channels.append(
            WebPushChannel(
                key_file=push.key_file,
                subject=push.subject,
                browsers=_browsers(database, writer, clock),
                allow_private=push.allow_private,
                timeout_s=push.timeout_s,
            )
        )
    return {channel.name: channel for channel in channels}


def _of_telephones(settings: Settings, links: Links) -> list[Channel]:
    wanted = settings.channels
    channels: list[Channel] = []
    receipt = partial(links.callback, "receipt")
    if (ntfy := wanted.ntfy) is not None:
        token = ntfy.token.get_secret_value() if ntfy.token else None
        channels.append(NtfyChannel(server=ntfy.server, token=token, timeout_s=ntfy.timeout_s))
    if (telegram := telegram_api(settings)) is not None and wanted.telegram is not None:
        channels.append(TelegramChannel(telegram, timeout_s=wanted.telegram.timeout_s))
    if (sms := wanted.sms) is not None and sms.gammu is not None:
        gammu = sms.gammu
        channels.append(
            GammuSmsChannel(
                outbox=gammu.outbox, sent=gammu.sent, errors=gammu.errors, link=sms.link, timeout_s=gammu.timeout_s
            )
        )
    elif sms is not None and sms.http is not None:
        template = template_of(sms.http)
        channels.append(HttpSmsChannel(template, receipt_url=receipt, link=sms.link, timeout_s=sms.http.timeout_s))
    if (voice := wanted.voice) is not None:
        channels.append(
            VoiceChannel(
                template_of(voice),
                answer_url=partial(links.callback, "voice"),
                receipt_url=receipt,
                timeout_s=voice.timeout_s,
            )
        )
    return channels


def template_of(provider: Provider) -> Template:
    """A provider's settings as the template of its requests."""
    return Template(
        url=provider.url,
        method=provider.method,
        headers=provider.headers,
        form=provider.form,
        body=provider.body,
        success=provider.success,
        id_pointer=provider.id_pointer,
        username=provider.username,
        secret=provider.secret.get_secret_value() if provider.secret else "",
    )


def telegram_api(settings: Settings, *, hold_s: float = 0.0) -> TelegramApi | None:
    """The bot API as the settings have it; None: no bot."""
    telegram = settings.channels.telegram
    if telegram is None or telegram.token is None:
        return None
    token = telegram.token.get_secret_value()
    return TelegramApi(server=telegram.server, token=token, timeout_s=telegram.timeout_s, hold_s=hold_s)


class Answers:
    """The ways by which answers and receipts come back: what runs in the daemon, and what listens at the console.

    Args:
        settings: gateway.toml.
        channels: as :func:`make_channels` made them.
        dispatcher: takes receipts.
        writer: the daemon's writer.
        index: gives the centre as it is now.
        links: read the tokens of providers' addresses.
        clock: the gateway's clock.
        database: the database file.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        channels: Mapping[str, Channel],
        dispatcher: Dispatcher,
        writer: Writer,
        index: Callable[[], CentreIndex],
        links: Links,
        clock: Clock,
        database: Path,
    ) -> None:
        wanted = settings.channels
        self._database = database
        self._db: sqlite3.Connection | None = None
        self.answering = Answering(writer=writer, index=index, clock=clock)
        self.running: list[Callable[[], Coroutine[object, object, None]]] = []
        routes: list[Router] = []
        receipts: dict[str, Receipts] = {}
        if (api := telegram_api(settings, hold_s=HOLD_S)) is not None:
            self.running.append(TelegramAnswers(api, self.answering, clock).run)
        if (sms := wanted.sms) is not None:
            channel = channels["sms"]
            assert isinstance(channel, GammuSmsChannel | HttpSmsChannel), "made by make_channels"
            answers = SmsAnswers(
                self.answering, partial(say_by_sms, channel, clock, self.answering), database, country=sms.country
            )
            if sms.gammu is not None:
                self.running.append(GammuInbox(sms.gammu.inbox, answers, clock).run)
            if sms.inbound is not None:
                routes.append(sms_route(sms.inbound, answers))
            if sms.http is not None and sms.http.receipts is not None:
                receipts["sms"] = sms.http.receipts
        if (voice := wanted.voice) is not None:
            routes.append(
                voice_route(
                    voice, links=links, db=self.db, answering=self.answering, report=dispatcher.receipt, clock=clock
                )
            )
            if voice.receipts is not None:
                receipts["voice"] = voice.receipts
        if wanted.cap is not None:
            routes.append(cap_route(links=links, db=self.db, answering=self.answering, report=dispatcher.receipt))
        scaip = channels.get("scaip")
        if isinstance(scaip, ScaipChannel) and wanted.scaip is not None and wanted.scaip.heartbeat_s:
            beats = Heartbeats(scaip, writer=writer, index=index, clock=clock, every_s=wanted.scaip.heartbeat_s)
            self.running.append(beats.run)
        if receipts:
            routes.append(receipts_route(receipts, links, self.db, dispatcher.receipt))
        self.routes = tuple(routes)

    def db(self) -> sqlite3.Connection:
        """A reading connection, opened at the first use."""
        if self._db is None:
            self._db = reader(self._database)
        return self._db

    def close(self) -> None:
        """Close what was opened."""
        if self._db is not None:
            self._db.close()
            self._db = None


async def say_by_sms(
    channel: SmsChannel, clock: Clock, answering: Answering, number: str, carer: Carer | None, text: str, mark: str
) -> None:
    """Answer an SMS; when that fails the answer that was taken stands all the same."""
    now = clock.now()
    # the same for the same answer, so that one that comes again is not answered twice by a modem
    key = f"re-{hashlib.sha256(mark.encode()).hexdigest()[:20]}"
    who = carer.id if carer else "stranger"
    about = Outgoing(
        notification=0, idempotency=key, alert=0, purpose="answer", address=number,
        carer=who, language=answering.index.language_of(carer), title="", body=text, link="",
        link_words="", site="", resident=None,
        room=None, device=None, rule="", priority="low", raised_at=now, observed_at=now, now=now,
    )  # fmt: skip
    try:
        await channel.say(number, text, about)
    except Failure as failure:
        _LOG.warning("sms.reply_not_sent", carer=who, detail=str(failure))


def push_key_of(channels: Mapping[str, Channel]) -> str | None:
    """What browsers need to subscribe; None: Web Push is not set up."""
    return getattr(channels.get("webpush"), "public_key", None)


def _browsers(database: Path, writer: Writer | None, clock: Clock) -> "browsers.Browsers":
    def of(carer: str) -> list[browsers.Subscription]:
        with closing(reader(database)) as db:
            return browsers.of(db, carer)

    async def gone(number: int) -> None:
        def work(tx: Tx) -> None:
            browsers.gone(tx, number)

        if writer is None:
            write_now(database, work, clock=clock)
        else:
            await writer.write(work)

    return browsers.Browsers(of, gone)
