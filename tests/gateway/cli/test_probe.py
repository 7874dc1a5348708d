"""telecare probe, as far as it needs no broker; the whole round trip is in tests/gateway/app/test_prober.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.app.prober import RULE
from gateway.app.shout import Tried, Words
from gateway.cli import probe
from gateway.clock import SystemClock
from gateway.errors import SettingsError
from gateway.settings import load_settings
from gateway.store import centres, probes
from gateway.store.database import connect
from gateway.store.writer import write_now
from tests.brokers import free_port
from tests.gateway.cli.desk import House
from tests.gateway.pipeline.test_probes import with_probe


@pytest.fixture
def watched(house: House) -> Iterator[House]:
    """The demo centre with a probe, and no broker."""
    write_now(house.path, lambda tx: centres.apply(tx, with_probe(), who="cli:test"), clock=SystemClock())
    with house.config.open("a", encoding="utf-8") as file:
        file.write(f'[broker]\nhost = "127.0.0.1"\nport = {free_port()}\n[probe]\nwithin_s = 0.3\n')
    return house


def test_a_centre_without_a_probe_says_how(house: House) -> None:
    house.run("probe", "--once").is_bad_input('add a device of type "probe"')
    assert "No probe is set up: docs/probe.md" in house.run("status").out


def test_an_unknown_probe_is_bad_input(watched: House) -> None:
    with watched.config.open("a", encoding="utf-8") as file:
        file.write('device = "inside"\n')
    watched.run("probe", "--once").is_bad_input("probe.device: inside: expected one of outside")


def test_without_a_broker_it_ends_with_1(watched: House) -> None:
    ran = watched.run("probe", "--once")
    assert (ran.code, ran.out) == (1, "")
    assert "the broker can't be reached from here" in ran.err
    ran = watched.run("probe", "--once", "--json", "--centre", Path("no.toml"))
    ran.is_bad_input("no.toml")


async def test_the_failsafe_people_are_told_by_the_channels_of_the_settings(watched: House) -> None:
    settings = load_settings(watched.config, {})
    index = probe._index(watched.path, None)
    words = Words(RULE, "!!! The telecare gateway does not answer", "{since}", {"since": SystemClock().now()})
    with capture_logs() as logs:
        tries = await probe._tell(settings, watched.path, index, words)
    (failsafe,) = index.policy_of(None).failsafe
    assert tries == [Tried("log", failsafe, None)]
    assert [(line["event"], line["carer"], line["rule"]) for line in logs] == [("notify.told", failsafe, RULE)]
    assert not settings.secret_file.exists()  # the key of the gateway's links is the gateway's


def test_who_can_not_be_told_is_known_at_the_start(watched: House, capsys: pytest.CaptureFixture[str]) -> None:
    index = probe._index(watched.path, None)
    assert {contact.channel for _, contact in probe._failsafe(index)} == {"log", "webhook"}
    probe._can_tell(index, {"log", "webhook"})
    assert capsys.readouterr().err == ""
    probe._can_tell(index, {"log"})
    warned = capsys.readouterr().err
    assert "[channels.webhook] is not set up here" in warned
    assert "wakes nobody" in warned
    with pytest.raises(SettingsError, match="failsafe people"):
        probe._can_tell(index, {"smtp"})


def test_status_tells_of_the_probe(watched: House) -> None:
    assert "! Probe outside: not heard yet. Is telecare probe running?" in watched.run("status").out
    now = SystemClock().now()
    heard(watched, int(now.timestamp() * 1000), b'{"round_trip_ms":41.6}')
    assert "its last round trip took 42 ms" in watched.run("status").out
    heard(watched, int(now.timestamp() * 1000) - 200_000, b"{}")
    assert "! Probe outside: not heard since " in watched.run("status").out


def heard(house: House, at_ms: int, payload: bytes) -> None:
    """The probe's one message, as the gateway stores it."""
    db = connect(house.path)
    with db:
        for table in ("journal", "event_ids"):
            db.execute(f"DELETE FROM {table}")
        db.execute(
            "INSERT INTO journal (seq, format, topic, payload, received_at) VALUES (1, 'native', 't', ?, ?)",
            (payload, at_ms),
        )
        db.execute("INSERT INTO event_ids (device, event_id, frame) VALUES ('native:gate', 'status:a', 1)")
    assert probes.last(db, "gate") is not None
    db.close()
