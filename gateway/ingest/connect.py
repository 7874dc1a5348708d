"""Open a lane: the one function that the app needs."""

import asyncio
from collections.abc import Sequence

from gateway.clock import Clock
from gateway.ingest.mqtt_source import MqttSource
from gateway.ingest.options import BrokerOptions, Subscription


async def open_source(
    options: BrokerOptions,
    name: str,
    subscriptions: Sequence[Subscription],
    clock: Clock,
    *,
    wake: asyncio.Event | None = None,
) -> MqttSource:
    """A started source. It connects in the background; ``ready()`` waits for that, ``close()`` ends it.

    Args:
        options: the broker; its protocol decides between MQTT 5, 3.1.1, and whichever the broker speaks.
        name: ``alarms`` or ``telemetry``.
        subscriptions: topic filters with their formats.
        clock: gives ``received_at``.
        wake: set whenever frames arrive; one for several lanes lets a pipeline wait for all of them.

    Raises:
        LinkError: what no retry would mend (TLS files, an unfit paho). A broker that is not there is no error here.
        ValueError: no subscriptions.
    """
    source = MqttSource(options, name=name, subscriptions=list(subscriptions), clock=clock, wake=wake)
    await source.start()
    return source
