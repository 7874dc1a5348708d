"""Settings turned into parts: broker options, subscriptions by lane, channels."""

from pathlib import Path

from gateway.clock import Clock
from gateway.commands.ways import CommandOptions
from gateway.ingest.http_auth import HttpAuth
from gateway.ingest.http_listener import HttpListener
from gateway.ingest.http_options import HttpOptions, HttpSender
from gateway.ingest.http_source import HttpSource
from gateway.ingest.options import BrokerOptions, Subscription, TlsOptions
from gateway.pipeline.pipeline import HTTP_ALARMS, HTTP_TELEMETRY
from gateway.settings import Settings
from gateway.settings.load import subscriptions_of


def broker_options(settings: Settings, site: str) -> BrokerOptions:
    """How to reach the broker; the client id defaults to ``telecare-<site>``."""
    broker = settings.broker
    tls = TlsOptions(ca=broker.tls.ca, cert=broker.tls.cert, key=broker.tls.key) if broker.tls.enabled else None
    return BrokerOptions(
        host=broker.host,
        port=broker.port,
        protocol=broker.protocol,
        client_id=broker.client_id or f"telecare-{site}",
        username=broker.username,
        password=broker.password.get_secret_value() if broker.password else None,
        tls=tls,
        keep_alive_s=broker.keep_alive_s,
        session_expiry_s=broker.session_expiry_s,
        receive_maximum=broker.receive_maximum,
    )


def subscriptions(settings: Settings, lane: str) -> list[Subscription]:
    """Topic filters of a lane with their formats."""
    return [
        Subscription(topic_filter, entry.format)
        for entry in subscriptions_of(settings)
        if entry.lane == lane
        for topic_filter in entry.topics
    ]


def http_listener(settings: Settings, clock: Clock) -> HttpListener | None:
    """The listener for devices and clouds that only POST, with its lanes; None when nobody may POST."""
    http = settings.http
    names = {"alarms": HTTP_ALARMS, "telemetry": HTTP_TELEMETRY}
    senders = [
        HttpSender(
            name=source.name,
            format=source.format,
            lane=names[source.lane],
            topic=source.topic,
            auth=HttpAuth(
                kind=source.auth,
                secret=source.secret.get_secret_value(),
                username=source.username,
                header=source.header,
            ),
            max_body_bytes=source.max_body_bytes,
            rate_per_s=source.rate_per_s,
            burst=source.burst,
        )
        for source in http.sources
        if source.secret is not None  # load_settings refuses a source without one
    ]
    if not senders:
        return None
    wanted = sorted({sender.lane for sender in senders})
    lanes = {name: HttpSource(name=name, clock=clock, repeat_within_s=http.repeat_within_s) for name in wanted}
    options = HttpOptions(
        host=http.host,
        port=http.port,
        cert=http.cert,
        key=http.key,
        answer_within_s=http.answer_within_s,
        body_within_s=http.body_within_s,
    )
    return HttpListener(options, senders=senders, lanes=lanes)


def command_options(settings: Settings) -> CommandOptions:
    """What the settings say about commands to devices."""
    commands = settings.commands
    return CommandOptions(
        expires_s=commands.expires_s,
        per_minute=commands.per_minute,
        tts_application=commands.tts_application,
        chirpstack_application=commands.chirpstack_application,
        zigbee2mqtt=commands.zigbee2mqtt,
    )


def certificates_in_use(http: HttpListener | None) -> dict[str, bytes]:
    """PEM texts of the certificates that others are shown now, by their key. Those of the broker's clients are read
    from their files at each connection."""
    pem = http.certificate if http is not None else None
    return {} if pem is None else {"http.cert": pem}


def certificate_files(settings: Settings) -> dict[str, Path]:
    """The PEM files of certificates that the settings name, by their key."""
    tls = settings.broker.tls
    named = {"broker.tls.ca": tls.ca, "broker.tls.cert": tls.cert, "http.cert": settings.http.cert}
    return {name: path for name, path in named.items() if path is not None}
