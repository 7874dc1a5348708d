"""Findings on brokers that would lose messages, and none on those that would not."""

from pathlib import Path

import msgspec
import pytest

from gateway.clock import SystemClock, monotonic
from gateway.ingest.durability import Risk, check_durability, findings_of_handshakes, findings_of_options
from gateway.ingest.link import Handshake
from gateway.ingest.options import BrokerOptions, TlsOptions
from tests.brokers import run_mosquitto, send, until
from tests.gateway.ingest.conftest import Backend, lane

GOOD = Handshake(protocol="5", session_present=True, session_expiry_s=604800, maximum_qos=1, granted={"a/#": 1})


async def test_a_durable_broker_has_no_findings(backend: Backend) -> None:
    found = await check_durability(backend.options(), SystemClock(), probe_topic="telecare/probe", probe_messages=100)
    assert found == []
    # Nothing is left behind: the check's session is gone.
    async with lane(backend.options(), "check") as it:
        assert not it.source.handshakes[0].session_present


@pytest.mark.mosquitto
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_mosquittos_default_queue_is_found(tmp_path: Path, protocol: str) -> None:
    config = "allow_anonymous true\nsys_interval 1\nmax_inflight_messages 20\n"
    async with run_mosquitto(tmp_path / "m", config) as broker:
        options = BrokerOptions(port=broker.port, protocol=protocol)  # type: ignore[arg-type]
        found = await check_durability(options, SystemClock(), probe_topic="telecare/probe")
        assert Risk.QUEUE_TOO_SHORT in {f.risk for f in found}
        words = next(f.words for f in found if f.risk is Risk.QUEUE_TOO_SHORT)
        assert "Of 1500 messages" in words


@pytest.mark.mosquitto
async def test_dropped_messages_are_read_from_mosquitto(tmp_path: Path) -> None:
    config = "allow_anonymous true\nsys_interval 1\nmax_queued_messages 10\nmax_inflight_messages 5\n"
    async with run_mosquitto(tmp_path / "m", config) as broker:
        options = BrokerOptions(port=broker.port, protocol="5")
        async with lane(options, "away"):
            pass
        await send(broker.port, [("telecare/x", b"x")] * 40)
        end = monotonic() + 10
        found = await check_durability(options, SystemClock())
        while not found and monotonic() < end:  # $SYS is written once a second
            found = await check_durability(options, SystemClock())
        assert {f.risk for f in found} == {Risk.MESSAGES_DROPPED}
        assert "mosquitto version" in found[0].words


@pytest.mark.mosquitto
async def test_a_broker_that_forgets_its_sessions_is_found_after_a_restart(tmp_path: Path) -> None:
    async with run_mosquitto(tmp_path / "m", "allow_anonymous true\npersistence false\n") as broker:
        options = BrokerOptions(port=broker.port, protocol="5", backoff_cap_s=0.1)
        async with lane(options) as it:
            assert findings_of_handshakes(options, it.source.handshakes) == []
            await broker.kill()
            await broker.start()
            await until(lambda: it.source.health().reconnects == 1)
            found = findings_of_handshakes(options, it.source.handshakes)
            assert [f.risk for f in found] == [Risk.SESSION_LOST]
            assert "autosave_on_changes" in found[0].advice


@pytest.mark.parametrize(
    ("change", "risk"),
    [
        ({"session_expiry_s": 3600}, Risk.EXPIRY_SHORTENED),
        ({"maximum_qos": 0}, Risk.QUALITY_LOWERED),
        ({"granted": {"a/#": 1, "b/#": 0}}, Risk.QUALITY_LOWERED),
    ],
)
def test_promises_below_what_was_asked(change: dict[str, object], risk: Risk) -> None:
    handshake = msgspec.structs.replace(GOOD, **change)
    assert [f.risk for f in findings_of_handshakes(BrokerOptions(), [handshake])] == [risk]
    assert findings_of_handshakes(BrokerOptions(), [GOOD]) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (BrokerOptions(host="127.0.0.1"), set()),
        (BrokerOptions(host="broker.example"), {Risk.NOT_ENCRYPTED, Risk.NO_CREDENTIALS}),
        (BrokerOptions(host="broker.example", username="u", tls=TlsOptions()), set()),
        (BrokerOptions(host="b.example", username="u", tls=TlsOptions(insecure=True)), {Risk.CERTIFICATE_NOT_CHECKED}),
        (BrokerOptions(host="b.example", tls=TlsOptions(cert=Path("c.pem"))), set()),
    ],
)
def test_settings_that_expose_data(options: BrokerOptions, expected: set[Risk]) -> None:
    assert {f.risk for f in findings_of_options(options)} == expected
