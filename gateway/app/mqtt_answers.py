"""The line on which answers over MQTT come in: taken, stored, acknowledged to the broker, and only then replied to."""

import asyncio
from pathlib import Path

import structlog

from gateway.clock import Clock
from gateway.errors import BrokerError
from gateway.ingest.mqtt_source import MqttSource
from gateway.ingest.options import BrokerOptions, Subscription
from gateway.notify.answering import Answering
from gateway.notify.channels.mqtt import Publisher
from gateway.notify.mqtt_answers import ANSWER_TOPIC, MqttAnswers

_LOG = structlog.get_logger(__name__)

NAME = "answers"
AT_ONCE = 100
MOST_REPLIES = 1000
"""Replies that wait for the broker; an answer counts without one."""
REPLY_WITHIN_S = 10.0


class AnswerLine:
    """A connection of its own, whose session the broker keeps: what is answered while we are away is not lost.

    What comes first after a reconnect may have waited for any time: it counts only when it says when it was pressed.

    Args:
        options: the broker.
        site: the centre's id.
        publisher: for the replies.
        answering: takes the answers.
        clock: the gateway's clock.
        path: the database file.
    """

    def __init__(
        self,
        options: BrokerOptions,
        *,
        site: str,
        publisher: Publisher,
        answering: Answering,
        clock: Clock,
        path: Path,
    ) -> None:
        wanted = [Subscription(ANSWER_TOPIC.format(site=site, carer="+"), NAME)]
        self.source = MqttSource(options, name=NAME, subscriptions=wanted, clock=clock)
        self._publisher = publisher
        self._answers = MqttAnswers(answering, path)
        self._replies: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(MOST_REPLIES)

    async def run(self) -> None:
        """Until cancelled.

        Raises:
            StoreFailedError: (in a group) an answer could not be stored; it was not acknowledged, and comes again.
        """
        try:
            async with self.source, asyncio.TaskGroup() as tasks:
                tasks.create_task(self._reply())
                async for batch in self.source.batches(AT_ONCE):
                    for receipt in batch:
                        frame = receipt.frame
                        reply = await self._answers.take(
                            frame.topic, frame.payload, retained=frame.retained, waited=frame.resumed
                        )
                        self.source.acknowledge([receipt])
                        if reply is not None:
                            self._put(reply)
        finally:
            self._answers.close()

    def _put(self, reply: tuple[str, bytes]) -> None:
        try:
            self._replies.put_nowait(reply)
        except asyncio.QueueFull:
            _LOG.warning("mqtt_answer.no_reply", error="too many wait for the broker")

    async def _reply(self) -> None:
        while True:
            topic, payload = await self._replies.get()
            try:
                await self._publisher.publish(topic, payload, qos=1, retain=False, timeout_s=REPLY_WITHIN_S)
            except (BrokerError, TimeoutError) as error:
                _LOG.warning("mqtt_answer.no_reply", error=type(error).__name__)
