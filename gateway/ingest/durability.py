"""Would this broker lose messages that it accepted? What a client can see of that, as named findings.

A broker never says how it stores. What can be seen: whether it keeps a session, for how long, with which quality it
delivers, how much it queues (by trying), and, from Mosquitto, what it says about itself under ``$SYS``.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from enum import StrEnum

import aiomqtt
import msgspec

from gateway.clock import Clock, monotonic
from gateway.ingest.link import Handshake
from gateway.ingest.mqtt_source import MqttSource
from gateway.ingest.options import BrokerOptions, Subscription
from gateway.ingest.publisher import Publisher
from gateway.ingest.tls import ssl_context
from gateway.ingest.trouble import LinkError, Trouble

_NAME = "check"
_VERSION = "$SYS/broker/version"
_DROPPED = "$SYS/broker/publish/messages/dropped"
_SYS_WAIT_S = 0.5
"""Kept messages come right after the subscription; a broker without ``$SYS`` sends none."""
_PROBE_TOGETHER = 50
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class Risk(StrEnum):
    """Named findings; stored and shown, so a value never changes its meaning."""

    SESSION_NOT_KEPT = "session_not_kept"
    SESSION_LOST = "session_lost"
    EXPIRY_SHORTENED = "expiry_shortened"
    QUALITY_LOWERED = "quality_lowered"
    QUEUE_TOO_SHORT = "queue_too_short"
    MESSAGES_DROPPED = "messages_dropped"
    NOT_ENCRYPTED = "not_encrypted"
    CERTIFICATE_NOT_CHECKED = "certificate_not_checked"
    NO_CREDENTIALS = "no_credentials"


class Finding(msgspec.Struct, frozen=True):
    """One thing that could lose or expose messages: its name, what was seen, and what to do."""

    risk: Risk
    words: str
    advice: str


def findings_of_options(options: BrokerOptions) -> list[Finding]:
    """What the settings alone tell: encryption and credentials. A broker on this machine needs no encryption."""
    found = []
    remote = options.host not in _LOCAL
    if remote and options.tls is None:
        found.append(
            Finding(
                Risk.NOT_ENCRYPTED,
                f"Positions, health data and the password go to {options.host} unencrypted.",
                "Use the broker's TLS port and set broker.tls.",
            )
        )
    if options.tls is not None and options.tls.insecure:
        found.append(
            Finding(
                Risk.CERTIFICATE_NOT_CHECKED,
                "The broker's certificate is not checked, so anybody in between can pretend to be the broker.",
                "Set broker.tls.ca and take broker.tls.insecure out.",
            )
        )
    if remote and options.username is None and (options.tls is None or options.tls.cert is None):
        found.append(
            Finding(
                Risk.NO_CREDENTIALS,
                f"The gateway signs in to {options.host} without a password or certificate, so anybody else can too.",
                "Give every device and the gateway a user of its own; telecare broker-config writes them.",
            )
        )
    return found


def findings_of_handshakes(options: BrokerOptions, handshakes: Sequence[Handshake]) -> list[Finding]:
    """What the broker promised at the first and at a later connection (``MqttSource.handshakes``)."""
    found = []
    for handshake in handshakes[-1:]:
        low = sorted(f for f, qos in handshake.granted.items() if qos == 0)
        if low or handshake.maximum_qos == 0:
            found.append(
                Finding(
                    Risk.QUALITY_LOWERED,
                    f"The broker delivers {', '.join(low) or 'everything'} with QoS 0: what is on its way when the "
                    "connection breaks is lost.",
                    "Allow QoS 1 in the broker's configuration.",
                )
            )
        granted = handshake.session_expiry_s
        if granted is not None and granted < options.session_expiry_s:
            found.append(
                Finding(
                    Risk.EXPIRY_SHORTENED,
                    f"The broker forgets our session and all that waits in it after {granted} s; "
                    f"{options.session_expiry_s} s were asked for.",
                    "Raise the broker's limit for the session expiry (Mosquitto: persistent_client_expiration).",
                )
            )
    if len(handshakes) > 1 and not handshakes[-1].session_present:
        found.append(
            Finding(
                Risk.SESSION_LOST,
                "The broker did not know our session any more after a reconnect: what it held for us is lost.",
                "Turn its persistence on (Mosquitto: persistence true, autosave_on_changes true, autosave_interval 1).",
            )
        )
    return found


async def check_durability(
    options: BrokerOptions,
    clock: Clock,
    *,
    probe_topic: str | None = None,
    probe_messages: int = 1500,
    timeout_s: float = 15.0,
) -> list[Finding]:
    """Connect, leave, come again, and say what would be lost; leaves no session behind.

    Args:
        options: the broker as the gateway uses it; the check has a client name of its own (``-check``).
        clock: for the frames' times.
        probe_topic: when given, that many messages are published to it while the check is away, to see whether they
            are all kept: it must be a topic that the gateway may write and read, and that nobody acts on. More than
            1,000 are needed to find Mosquitto's default limit.
        probe_messages: how many.
        timeout_s: for each connection.

    Raises:
        LinkError: the broker can't be reached or refuses us.
    """
    topic = probe_topic or f"telecare/{options.client_id}/check/nothing"
    subscriptions = [Subscription(topic, "native")]
    handshakes = []
    found = findings_of_options(options)
    try:
        async with _open(options, subscriptions, clock) as first:
            await first.ready(timeout_s)
            handshakes.append(first.handshakes[-1])
        if probe_topic is not None:
            await _publish_probe(options, probe_topic, probe_messages, timeout_s)
        async with _open(options, subscriptions, clock) as second:
            await second.ready(timeout_s)
            handshakes.append(second.handshakes[-1])
            if probe_topic is not None and handshakes[-1].session_present:
                found += await _judge_queue(second, probe_messages)
        if not handshakes[-1].session_present:
            found.append(
                Finding(
                    Risk.SESSION_NOT_KEPT,
                    "The broker keeps no session while a client is away: what comes meanwhile is lost.",
                    "Use a broker with persistent sessions, and let this user have one.",
                )
            )
        found += findings_of_handshakes(options, handshakes[:1])
    finally:
        await _forget_session(options)
    found += await _judge_own_words(options, clock, timeout_s)
    return found


def _open(options: BrokerOptions, subscriptions: list[Subscription], clock: Clock) -> MqttSource:
    return MqttSource(options, name=_NAME, subscriptions=subscriptions, clock=clock)


async def _publish_probe(options: BrokerOptions, topic: str, count: int, timeout_s: float) -> None:
    async with Publisher(options, name=f"{_NAME}-publisher") as publisher:
        for start in range(0, count, _PROBE_TOGETHER):
            numbers = range(start, min(count, start + _PROBE_TOGETHER))
            await asyncio.gather(*(publisher.publish(topic, b"%d" % n, timeout_s=timeout_s) for n in numbers))


async def _judge_queue(source: MqttSource, sent: int) -> list[Finding]:
    """Take what was kept, until nothing more comes for a while."""
    kept: set[bytes] = set()
    last = monotonic()
    while len(kept) < sent and monotonic() - last < 4 * _SYS_WAIT_S:
        batch = source.take(sent)
        if batch:
            last = monotonic()
            kept |= {receipt.frame.payload for receipt in batch}
            source.acknowledge(batch)
        await asyncio.sleep(0.01)
    if len(kept) >= sent:
        return []
    return [
        Finding(
            Risk.QUEUE_TOO_SHORT,
            f"Of {sent} messages sent while nobody listened the broker kept {len(kept)} and dropped the rest "
            "without a word.",
            "Lift its queue limit (Mosquitto: max_queued_messages 0).",
        )
    ]


async def _judge_own_words(options: BrokerOptions, clock: Clock, timeout_s: float) -> list[Finding]:
    """What Mosquitto tells under $SYS, when we may read it."""
    said: dict[str, str] = {}
    subscriptions = [Subscription(_VERSION, "native"), Subscription(_DROPPED, "native")]
    try:
        async with _open(options, subscriptions, clock) as source:
            await source.ready(timeout_s)
            end = monotonic() + _SYS_WAIT_S
            while len(said) < len(subscriptions) and monotonic() < end:
                batch = source.take(10)
                said |= {r.frame.topic: r.frame.payload.decode("utf-8", "replace") for r in batch}
                source.acknowledge(batch)
                await asyncio.sleep(0.01)
    except LinkError as error:
        # It may keep $SYS to itself; that is no risk.
        if error.trouble is not Trouble.NOT_SUBSCRIBED:
            raise
    finally:
        await _forget_session(options)
    dropped = said.get(_DROPPED, "0").strip()
    version = said.get(_VERSION, "of a version that it does not tell")
    if dropped.isdecimal() and int(dropped):
        return [
            Finding(
                Risk.MESSAGES_DROPPED,
                f"The broker ({version}) has dropped {dropped} messages since it started.",
                "Lift its queue limits (Mosquitto: max_queued_messages 0), and look for clients that stay away.",
            )
        ]
    return []


async def _forget_session(options: BrokerOptions) -> None:
    """A clean connection under the same name ends the session (MQTT 3.1.1, 3.1.2.4)."""
    client = aiomqtt.Client(
        options.host,
        options.port,
        identifier=f"{options.client_id}-{_NAME}",
        clean_session=True,
        username=options.username,
        password=options.password,
        timeout=options.connect_timeout_s,
        tls_context=ssl_context(options.tls) if options.tls is not None else None,
        tls_insecure=options.tls.insecure if options.tls is not None else None,
    )
    with contextlib.suppress(aiomqtt.MqttError):
        async with client:
            pass
