"""For machines that watch the gateway: /healthz and /metrics."""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from gateway.console.deps import Console, ConsoleDeps, console_of
from gateway.console.standing import Standing

OPEN = {"skip_session": True, "exclude_from_csrf": True}
"""Routes without a visitor: no cookie is read or set."""


class Counters:
    """What the console counts about itself, in a registry of its own."""

    def __init__(self, console: Console) -> None:
        self.registry = CollectorRegistry()
        self._sign_ins = Counter(
            "telecare_console_sign_ins_total", "Tries to sign in.", ["outcome"], registry=self.registry
        )
        self._answers = Counter(
            "telecare_console_answers_total", "Answers to alerts.", ["via", "outcome"], registry=self.registry
        )
        self.streams = Gauge("telecare_console_streams", "Open event streams.", registry=self.registry)
        self.registry.register(_Health(console.deps))
        self.registry.register(Standing(console.db, console.deps.clock))

    def signed_in(self, outcome: str) -> None:
        """Count a try: accepted, refused, throttled."""
        self._sign_ins.labels(outcome).inc()

    def answered(self, via: str, outcome: str) -> None:
        """Count an answer: accepted, repeated, too_late."""
        self._answers.labels(via, outcome).inc()


class _Health(Collector):
    """The gateway's health numbers as gauges: ``telecare_`` and the path of their names."""

    def __init__(self, deps: ConsoleDeps) -> None:
        self._deps = deps

    def collect(self) -> Iterator[Metric]:
        health = dict(self._deps.health())
        yield from _probes(health.pop("probes", {}))
        for name, value in _numbers("telecare", health):
            yield GaugeMetricFamily(name, "From the gateway's health report.", value=value)

    def describe(self) -> list[Metric]:
        # Names are only known once the gateway runs: nothing is asked at registration.
        return []


def _probes(found: object) -> Iterator[Metric]:
    """Probes by a label, so that an alert rule fits any name."""
    late = GaugeMetricFamily("telecare_probe_late", "1: the probe was not heard for too long.", labels=["probe"])
    age = GaugeMetricFamily("telecare_probe_age_seconds", "Since the probe was last heard.", labels=["probe"])
    trip = GaugeMetricFamily(
        "telecare_probe_round_trip_seconds", "From its message to the answer, as the probe measured.", labels=["probe"]
    )
    for name, one in found.items() if isinstance(found, Mapping) else ():
        late.add_metric([str(name)], float(bool(one["late"])))
        if one["age_s"] is not None:
            age.add_metric([str(name)], float(one["age_s"]))
        if one["round_trip_ms"] is not None:
            trip.add_metric([str(name)], round(float(one["round_trip_ms"]) / 1000, 6))
    yield from (late, age, trip)


def _numbers(name: str, value: object) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            safe = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in str(key))
            yield from _numbers(f"{name}_{safe}", inner)
    elif isinstance(value, bool | int | float):
        yield name, float(value)


@get("/healthz", opt=OPEN, include_in_schema=False)
async def healthz(request: Request[Any, Any, Any]) -> Response[bytes]:
    """200 while the gateway does its work, 503 when it does not; the body is the whole report for this machine only."""
    report = console_of(request).deps.health()
    ok = bool(report.get("ok"))
    # Others learn only whether it lives: addresses and counts are nobody else's business.
    shown = report if _is_near(request) else {"ok": ok}
    return Response(
        msgspec.json.encode(shown, enc_hook=str), media_type="application/json", status_code=200 if ok else 503
    )


def metrics_route(counters: Counters) -> Any:
    """GET /metrics: Prometheus text, for this machine and the addresses in the settings."""

    @get("/metrics", opt=OPEN, include_in_schema=False)
    async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        if not _is_near(request):
            raise NotFoundException
        return Response(generate_latest(counters.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics


def _is_near(request: Request[Any, Any, Any]) -> bool:
    """From this machine and not through a proxy on it, or from a configured address."""
    host = request.client.host if request.client else ""
    if host in console_of(request).deps.metrics_from:
        return True
    if any(name in request.headers for name in ("x-forwarded-for", "forwarded", "x-real-ip")):
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
