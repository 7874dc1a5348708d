"""Publishing with QoS 1: alerts and commands that somebody must get, on a connection of their own.

Never used in the reading path: a handler that waits for its own PUBACK behind a bounded reader stalls for good.
"""

import asyncio
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import aiomqtt
import structlog
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.ingest.link import seconds
from gateway.ingest.options import BrokerOptions
from gateway.ingest.packets import may_be_published
from gateway.ingest.tls import ssl_context
from gateway.ingest.trouble import LinkError, Trouble

_log = structlog.get_logger(__name__)

_MANY_CALLS = 10_000
"""aiomqtt warns above this many waiting calls; our outbox bounds them already."""
_CANCEL_AGAIN_S = 1.0
"""aiomqtt waits with asyncio.wait_for, which in Python 3.11 swallows a cancellation that comes in the very moment when
the connection stands: asked once, the task would stay, and a gateway whose disk has failed would never end."""


T = TypeVar("T")

_OTHER = {
    aiomqtt.ProtocolVersion.V5: aiomqtt.ProtocolVersion.V311,
    aiomqtt.ProtocolVersion.V311: aiomqtt.ProtocolVersion.V5,
}


class _Client(aiomqtt.Client):
    """aiomqtt's client, which does not look at what the broker's confirmation says.

    With MQTT 5 a broker confirms a message and says that it refuses it (its access list does not allow the topic):
    taken for a success, a carer would never be told. The two methods are aiomqtt's own and not public; the version is
    pinned exactly, and a test publishes what a broker refuses.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refused: dict[int, str] = {}

    def _on_publish(
        self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties | None
    ) -> None:
        if reason_code.is_failure:
            self._refused[mid] = str(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, cast("Properties", properties))

    @contextmanager
    def _pending_call(self, mid: int, value: T, pending_dict: dict[int, T]) -> Iterator[None]:
        with super()._pending_call(mid, value, pending_dict):
            yield
        refused = self._refused.pop(mid, None)
        if refused is not None:
            raise _RefusedError(refused)


class _RefusedError(Exception):
    """The broker confirmed a message and refused it."""


class Publisher:
    """Keeps a connection to the broker, and publishes on it.

    ``auto`` tries MQTT 5 first: only there a broker says when it refuses a message. With 3.1.1 a message that the
    broker's access list does not allow is confirmed like any other, and lost.

    Args:
        options: the broker; waits and time-outs are of real time.
        name: end of the client name; two publishers of one broker need two.
    """

    def __init__(self, options: BrokerOptions, *, name: str = "publisher") -> None:
        self._options = options
        self._client_id = f"{options.client_id}-{name}"
        old = options.protocol == "3.1.1"
        self._version = aiomqtt.ProtocolVersion.V311 if old else aiomqtt.ProtocolVersion.V5
        self._client: aiomqtt.Client | None = None
        self._changed = asyncio.Condition()
        self._lost = asyncio.Event()
        self._error: LinkError | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._client is not None

    async def start(self) -> None:
        """Begin to connect, in the background.

        Raises:
            LinkError: a TLS file can't be used.
        """
        if self._options.tls is not None:
            ssl_context(self._options.tls)
        self._task = asyncio.create_task(self._run(), name="mqtt-publisher")

    async def close(self) -> None:
        """End; what is being published fails with LinkError."""
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_CANCEL_AGAIN_S)
        self._lost.set()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, timeout_s: float = 5.0
    ) -> None:
        """Publish, and with QoS 1 wait until the broker has confirmed it.

        Args:
            topic: without wildcards.
            payload: as it is.
            qos: 0 or 1.
            retain: the broker keeps it for those that subscribe later.
            timeout_s: for waiting for a connection and for the confirmation together.

        Raises:
            LinkError: not published, or not confirmed: whoever repeats it may cause a second copy.
        """
        if not may_be_published(topic):
            raise LinkError(Trouble.REFUSED, f"topic {topic!r} can't be published to; a topic has no wildcards")
        try:
            async with asyncio.timeout(timeout_s):
                async with self._changed:
                    await self._changed.wait_for(lambda: self._client is not None)
                client, lost = self._client, self._lost
                if client is None:
                    raise self._not_sent("the connection was lost")
                # aiomqtt would wait for a confirmation also after the connection was lost.
                sending = asyncio.ensure_future(client.publish(topic, payload, qos, retain, timeout=timeout_s))
                losing = asyncio.ensure_future(lost.wait())
                try:
                    await asyncio.wait({sending, losing}, return_when=asyncio.FIRST_COMPLETED)
                    if not sending.done():
                        raise self._not_sent("the connection was lost before the broker confirmed")
                    await sending
                finally:
                    sending.cancel()
                    losing.cancel()
        except TimeoutError:
            raise self._error or LinkError(
                Trouble.TIMEOUT, f"broker {self._where}: not confirmed within {timeout_s:g} s"
            ) from None
        except _RefusedError as error:
            _log.error("publisher.refused", reason=str(error), advice="let the gateway's user write the alert topics")
            raise LinkError(Trouble.REFUSED, f"broker {self._where}: it refuses topic {topic!r}: {error}") from error
        except aiomqtt.MqttError as error:
            raise self._not_sent(str(error)) from error

    @property
    def _where(self) -> str:
        return f"{self._options.host}:{self._options.port}"

    def _not_sent(self, detail: str) -> LinkError:
        return LinkError(Trouble.CLOSED, f"broker {self._where}: not published: {detail}")

    def _new_client(self) -> _Client:
        options = self._options
        newest = self._version is aiomqtt.ProtocolVersion.V5
        client = _Client(
            options.host,
            options.port,
            identifier=self._client_id,
            username=options.username,
            password=options.password,
            protocol=self._version,
            clean_session=None if newest else True,
            keepalive=seconds(options.keep_alive_s),
            timeout=options.connect_timeout_s,
            # Without it a small message may wait 40 ms for the confirmation of the one before it.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            tls_context=ssl_context(options.tls) if options.tls is not None else None,
            tls_insecure=options.tls.insecure if options.tls is not None else None,
        )
        client.pending_calls_threshold = _MANY_CALLS
        return client

    async def _run(self) -> None:
        failures = 0
        while True:
            was_connected = False
            try:
                async with self._new_client() as client:
                    failures = 0
                    was_connected = True
                    self._lost = asyncio.Event()
                    self._error = None
                    await self._set(client)
                    _log.info("publisher connected", client_id=self._client_id)
                    async for _ in client.messages:
                        pass  # none are subscribed to; this ends with an error when the connection does
            except (aiomqtt.MqttError, LinkError) as error:
                if self._options.protocol == "auto" and not was_connected:
                    self._version = _OTHER[self._version]
                    if self._version is aiomqtt.ProtocolVersion.V311:
                        continue  # the broker may just not speak MQTT 5: ask again at once
                failures += 1
                known = self._error is not None
                self._error = LinkError(
                    Trouble.CLOSED, f"broker {self._where}: the publisher has no connection: {error}"
                )
                if not known:
                    _log.warning("publisher has no broker", detail=str(error))
            finally:
                self._lost.set()
                await self._set(None)
            bound = min(self._options.backoff_cap_s, self._options.backoff_first_s * 2.0 ** min(failures, 16))
            await asyncio.sleep(random.uniform(0, bound))  # noqa: S311 - spreads load, guards nothing

    async def _set(self, client: aiomqtt.Client | None) -> None:
        async with self._changed:
            self._client = client
            self._changed.notify_all()
