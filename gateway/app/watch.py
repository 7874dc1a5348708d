"""The watch: a broker that is gone is an alarm too, the supervisor hears a heartbeat, and health can be asked for."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import sdnotify
import structlog

from gateway.alerts import desk
from gateway.alerts.model import Incident
from gateway.centre.index import CentreIndex
from gateway.clock import monotonic
from gateway.codecs import Codecs
from gateway.ingest.http_listener import HttpListener
from gateway.ingest.mqtt_source import MqttSource
from gateway.notify.dispatcher import Dispatcher
from gateway.pipeline.lanes import Lane
from gateway.store.writer import Tx, Writer
from rules.model import Priority, Reason

_LOG = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
"""Real seconds between looks; systemd's WatchdogSec must be several times that."""

BROKER_GONE_S = 15.0
"""Real seconds without a broker until a person is told: a restart of the broker takes some 5 s, and a fault must be
known to a person within 30 s, of which a hung broker takes 12.5 until it is found out (keep_alive_s)."""

RULE = "broker_gone"
_GONE = Reason("The gateway has no connection to the broker since {since_at}: no alarm can come in.")
_BACK = Reason("The broker is back. Look after anybody who may have called meanwhile.")


HTTP_RULE = "http_gone"
_DEAF = Reason("The gateway can't listen for devices that report over the internet: their alarms can't come in.")
_HEARS = Reason("The gateway listens again. Look after anybody who may have called meanwhile.")


CODEC_RULE = "codec_suspended"
_SUSPENDED = Reason(
    "The decoder of {model} does not end in time and is suspended: messages of these devices can't be read. "
    "Tell a technician."
)
_RUNS = Reason("The decoder of {model} works again.")


class Watch:
    """Looks after the parts; ``run()`` until cancelled."""

    def __init__(
        self,
        *,
        sources: Sequence[MqttSource],
        lanes: Mapping[str, Lane],
        writer: Writer,
        dispatcher: Dispatcher,
        index: Callable[[], CentreIndex],
        version: Callable[[], int],
        http: HttpListener | None = None,
        codecs: Codecs | None = None,
        probes: Callable[[], Mapping[str, object]] = dict,
        messages: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self._probes = probes
        self._messages = messages
        self._http = http
        self._codecs = codecs
        self._suspended: frozenset[str] | None = None
        self._sources = sources
        self._lanes = lanes
        self._writer = writer
        self._dispatcher = dispatcher
        self._index = index
        self._version = version
        self._down_since: dict[str, float] = {}
        self._told: set[str] = set()
        self._seen: set[str] = set()
        self._supervisor = sdnotify.SystemdNotifier()

    async def run(self) -> None:
        """Until cancelled."""
        self._supervisor.notify("READY=1")
        try:
            while True:
                await self._look()
                if self._writer.failed is None:
                    self._supervisor.notify("WATCHDOG=1")
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._supervisor.notify("STOPPING=1")

    def health(self) -> dict[str, object]:
        """``ok`` and the numbers behind it, for /healthz and /metrics."""
        lanes = {}
        for source in self._sources:
            seen = source.health()
            lane = self._lanes.get(source.name)
            lanes[source.name] = {
                "connected": seen.connected,
                "protocol": seen.protocol,
                "trouble": seen.trouble.value if seen.trouble else None,
                "reconnects": seen.reconnects,
                "since": seen.since.isoformat(),
                "waiting": seen.waiting,
                "waiting_s": round(seen.waiting_s, 1),
                "unacknowledged": seen.unacknowledged,
                "paused": seen.paused,
                **(dict(lane.counts) if lane else {}),
            }
        for name, lane in self._lanes.items():
            lanes.setdefault(name, dict(lane.counts))
        connected = all(source.connected for source in self._sources)
        listening = self._http is None or self._http.listening
        messages = self._messages()
        # Whoever watches from outside may be the only one who can still tell a person.
        reaching = not messages.get("untold")
        return {
            "ok": connected and listening and self._writer.failed is None and reaching,
            "lanes": lanes,
            "store": {"ok": self._writer.failed is None, "commits": self._writer.commits},
            "notifications": {"in_hand": self._dispatcher.in_hand, **messages},
            **({} if self._http is None else {"http": {"listening": listening, "lanes": self._posted()}}),
            **({} if self._codecs is None else {"codecs": {"suspended": sorted(self._codecs.suspended)}}),
            "probes": self._probes(),
            "centre": {"version": self._version(), "residents": len(self._index().residents)},
        }

    def _posted(self) -> dict[str, dict[str, int]]:
        """What came by POST, lane by lane."""
        found = {}
        for source in self._http.lanes if self._http is not None else ():
            seen = source.health()
            found[source.name] = {
                "requests": seen.frames,
                "answered": seen.acked,
                "unanswered": seen.unanswered,
                "waiting": seen.waiting,
            }
        return found

    async def _look(self) -> None:
        now = monotonic()
        if self._codecs is not None:
            await self._look_at_codecs(self._codecs)
        if self._http is not None:
            await self._look_at_http(now, listening=self._http.listening)
        for source in self._sources:
            if source.connected:
                self._down_since.pop(source.name, None)
                if source.name in self._told or source.name not in self._seen:
                    # The first time too: the process before us may have told that the broker is gone.
                    self._told.discard(source.name)
                    self._seen.add(source.name)
                    await self._tell_back(source.name)
            elif now - self._down_since.setdefault(source.name, now) >= BROKER_GONE_S and source.name not in self._told:
                self._told.add(source.name)
                await self._tell_gone(source)

    async def _look_at_codecs(self, codecs: Codecs) -> None:
        suspended, before = codecs.suspended, self._suspended
        if suspended == before:
            return
        # The first time too: the process before us may have told that one is suspended.
        for model in sorted(codecs.models if before is None else before - suspended):
            reason = Reason(_RUNS.text, {"model": model})
            await self._tell_back(model, rule=CODEC_RULE, reason=reason)
        for model in sorted(suspended - (before or frozenset())):
            _LOG.error("codec.suspended", model=model)
            await self._writer.write(partial(self._tell_suspended, model=model), urgent=True)
        self._suspended = suspended

    def _tell_suspended(self, tx: Tx, *, model: str) -> None:
        incident = Incident(
            rule=CODEC_RULE,
            rule_key=CODEC_RULE,
            subject=model,
            priority=Priority.MEDIUM,
            reason=Reason(_SUSPENDED.text, {"model": model}),
            happened_at=tx.now,
        )
        desk.raise_incident(tx, self._index(), incident)

    async def _look_at_http(self, now: float, *, listening: bool) -> None:
        if listening:
            self._down_since.pop(HTTP_RULE, None)
            if HTTP_RULE in self._told or HTTP_RULE not in self._seen:
                self._told.discard(HTTP_RULE)
                self._seen.add(HTTP_RULE)
                await self._tell_back("", rule=HTTP_RULE, reason=_HEARS)
        elif now - self._down_since.setdefault(HTTP_RULE, now) >= BROKER_GONE_S and HTTP_RULE not in self._told:
            self._told.add(HTTP_RULE)
            await self._writer.write(
                lambda tx: desk.raise_incident(
                    tx,
                    self._index(),
                    Incident(
                        rule=HTTP_RULE,
                        rule_key=HTTP_RULE,
                        priority=Priority.HIGH,
                        reason=_DEAF,
                        happened_at=tx.now,
                    ),
                ),
                urgent=True,
            )

    async def _tell_gone(self, source: MqttSource) -> None:
        health = source.health()
        _LOG.error("broker.gone", lane=source.name, trouble=health.trouble.value if health.trouble else None)
        incident = Incident(
            rule=RULE,
            rule_key=RULE,
            subject=source.name,
            priority=Priority.HIGH,
            reason=Reason(_GONE.text, {"since_at": int(health.since.timestamp() * 1000)}),
            happened_at=health.since,
        )
        await self._writer.write(lambda tx: desk.raise_incident(tx, self._index(), incident), urgent=True)

    async def _tell_back(self, subject: str, *, rule: str = RULE, reason: Reason = _BACK) -> None:
        await self._writer.write(
            lambda tx: desk.clear_incident(
                tx, self._index(), resident=None, rule_key=rule, subject=subject, reason=reason
            ),
            urgent=True,
        )
