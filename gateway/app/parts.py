"""Settings turned into parts: broker options, subscriptions by lane, channels."""

from gateway.errors import Problem, SettingsError
from gateway.ingest.options import BrokerOptions, Subscription, TlsOptions
from gateway.ingest.publisher import Publisher
from gateway.notify.channel import Channel
from gateway.notify.channels.apprise import AppriseChannel
from gateway.notify.channels.log import LogChannel
from gateway.notify.channels.mqtt import MqttChannel
from gateway.notify.channels.smtp import SmtpChannel
from gateway.notify.channels.webhook import WebhookChannel
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


def make_channels(settings: Settings, publisher: Publisher, *, log: LogChannel) -> dict[str, Channel]:
    """The channels that the settings name, by their word in the centre file."""
    wanted = settings.channels
    channels: list[Channel] = [
        log,
        MqttChannel(publisher, topic=wanted.mqtt.topic, timeout_s=wanted.mqtt.timeout_s),
        AppriseChannel(timeout_s=wanted.apprise.timeout_s),
    ]
    if wanted.smtp is not None:
        smtp = wanted.smtp
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
    if wanted.webhook is not None:
        hook = wanted.webhook
        if hook.secret is None:
            expected = "expected secret_env or secret_file: receivers check our signature with it"
            raise SettingsError([Problem("gateway.toml", "channels.webhook", "(missing)", expected)])
        secret = hook.secret.get_secret_value()
        channels.append(WebhookChannel(secret=secret, allow_private=hook.allow_private, timeout_s=hook.timeout_s))
    return {channel.name: channel for channel in channels}
