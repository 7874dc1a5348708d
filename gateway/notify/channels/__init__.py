"""The channels, one file each. A new one is a file here, a line in ``build``, and its table in gateway.settings."""

from rich.console import Console

from gateway.errors import GatewayError
from gateway.notify.channel import Channel
from gateway.notify.channels.apprise import AppriseChannel
from gateway.notify.channels.log import LogChannel
from gateway.notify.channels.mqtt import MqttChannel, Publisher
from gateway.notify.channels.smtp import SmtpChannel
from gateway.notify.channels.webhook import WebhookChannel
from gateway.settings.model import Channels

NAMES: tuple[str, ...] = ("log", "smtp", "webhook", "mqtt", "apprise")
"""Their words in a centre file."""


def build(
    settings: Channels, *, publisher: Publisher | None = None, console: Console | None = None
) -> dict[str, Channel]:
    """The channels that gateway.toml allows, by name.

    Args:
        settings: the [channels] tables.
        publisher: publishes on the broker; None: no ``mqtt``.
        console: where ``log`` prints whole messages; None: it writes ids to the gateway's log.

    Raises:
        GatewayError: [channels.webhook] has no secret.
    """
    channels: list[Channel] = [LogChannel(console=console), AppriseChannel(timeout_s=settings.apprise.timeout_s)]
    if settings.smtp:
        smtp = settings.smtp
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
    if settings.webhook:
        webhook = settings.webhook
        if webhook.secret is None:
            raise GatewayError("[channels.webhook] needs secret_env or secret_file: receivers check the signature.")
        channels.append(
            WebhookChannel(
                secret=webhook.secret.get_secret_value(),
                allow_private=webhook.allow_private,
                timeout_s=webhook.timeout_s,
            )
        )
    if publisher is not None:
        channels.append(MqttChannel(publisher, topic=settings.mqtt.topic, timeout_s=settings.mqtt.timeout_s))
    return {channel.name: channel for channel in channels}
