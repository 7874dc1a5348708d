"""Who may connect, and to whom: passwords and TLS, on a real Mosquitto and a real NATS."""

from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.ingest.connect import open_source
from gateway.ingest.options import BrokerOptions, Protocol, Subscription, TlsOptions
from gateway.ingest.publisher import Publisher
from gateway.ingest.trouble import LinkError, Trouble
from tests.brokers import Certificates, needs_mosquitto, run_mosquitto, run_nats, until
from tests.gateway.ingest.conftest import lane

BOTH: list[Protocol] = ["5", "3.1.1"]


@pytest.mark.parametrize("protocol", [pytest.param(p, marks=needs_mosquitto) for p in BOTH])
async def test_wrong_password_says_so_and_is_tried_again(tmp_path: Path, protocol: Protocol) -> None:
    from gateway.ingest.broker_config import hash_password

    (tmp_path / "pw").write_text(f"gateway:{hash_password('right')}\n")
    config = f"allow_anonymous false\npassword_file {tmp_path}/pw\n"
    async with run_mosquitto(tmp_path / "m", config) as broker:
        wrong = BrokerOptions(port=broker.port, protocol=protocol, username="gateway", password="wrong")
        async with lane(wrong, ready=False) as it:
            await until(lambda: it.source.health().trouble is not None)
            health = it.source.health()
            assert health.trouble in {Trouble.BAD_CREDENTIALS, Trouble.NOT_AUTHORISED}
            assert "user name and password" in health.detail
            assert "wrong" not in health.detail
            assert str(broker.port) in health.detail
            await until(lambda: it.source.health().session > 1, what="a second attempt")
        right = BrokerOptions(port=broker.port, protocol=protocol, username="gateway", password="right")
        async with lane(right):
            pass


async def test_embedded_broker_asks_for_the_password_of_its_file(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text('gateway:s3cr"et\n')
    async with run_nats(tmp_path / "nats", users=users) as broker:
        with pytest.raises(LinkError) as caught:
            async with lane(BrokerOptions(port=broker.port, protocol="3.1.1"), ready=False) as it:
                await it.source.ready(0.5)
        assert caught.value.trouble in {Trouble.NOT_AUTHORISED, Trouble.BAD_CREDENTIALS}
        async with lane(BrokerOptions(port=broker.port, username="gateway", password='s3cr"et')):
            pass
        assert (tmp_path / "nats" / "nats.conf").stat().st_mode & 0o077 == 0


def listener(certificates: Certificates, extra: str = "") -> str:
    """Lines of a TLS listener."""
    return (
        f"cafile {certificates.ca}\ncertfile {certificates.server}\nkeyfile {certificates.server_key}\n{extra}"
        "tls_version tlsv1.2\n"
    )


@pytest.mark.parametrize("protocol", [pytest.param(p, marks=needs_mosquitto) for p in BOTH])
async def test_tls(tmp_path: Path, certificates: Certificates, protocol: Protocol) -> None:
    async with run_mosquitto(tmp_path / "m", "allow_anonymous true", listener=listener(certificates)) as broker:
        options = BrokerOptions(port=broker.port, protocol=protocol, tls=TlsOptions(ca=certificates.ca))
        async with lane(options) as it, Publisher(options) as publisher:
            await publisher.publish("telecare/h/d/help", b"over TLS" * 5000)
            (got,) = await it.receive(1, acknowledge=True)
            assert got.frame.payload == b"over TLS" * 5000

        for tls in (TlsOptions(ca=certificates.other_ca), TlsOptions()):
            with pytest.raises(LinkError, match=r"broker\.tls\.ca") as caught:
                async with lane(BrokerOptions(port=broker.port, protocol=protocol, tls=tls), ready=False) as it:
                    await it.source.ready(0.5)
            assert caught.value.trouble is Trouble.TLS
        unchecked = TlsOptions(ca=certificates.other_ca, insecure=True)
        options = BrokerOptions(port=broker.port, protocol=protocol, tls=unchecked)
        async with lane(options), Publisher(options) as publisher:
            await publisher.publish("telecare/h/d/help", b"x")


@pytest.mark.parametrize("protocol", [pytest.param(p, marks=needs_mosquitto) for p in BOTH])
async def test_client_certificate(tmp_path: Path, certificates: Certificates, protocol: Protocol) -> None:
    lines = listener(certificates, "require_certificate true\n")
    async with run_mosquitto(tmp_path / "m", "allow_anonymous true", listener=lines) as broker:
        own = TlsOptions(ca=certificates.ca, cert=certificates.client, key=certificates.client_key)
        async with lane(BrokerOptions(port=broker.port, protocol=protocol, tls=own)):
            pass
        none = BrokerOptions(port=broker.port, protocol=protocol, tls=TlsOptions(ca=certificates.ca))
        async with lane(none, ready=False) as it:
            with pytest.raises(LinkError):
                await it.source.ready(0.5)


@pytest.mark.parametrize("protocol", [pytest.param(p, marks=needs_mosquitto) for p in BOTH])
async def test_renewed_files_count_from_the_next_connection_on(
    tmp_path: Path, certificates: Certificates, protocol: Protocol
) -> None:
    ca, cert, key = (tmp_path / name for name in ("ca.pem", "client.pem", "client.key"))
    ca.write_bytes(certificates.other_ca.read_bytes())
    cert.write_bytes(certificates.server.read_bytes())
    key.write_bytes(certificates.server_key.read_bytes())
    lines = listener(certificates, "require_certificate true\n")
    async with run_mosquitto(tmp_path / "m", "allow_anonymous true", listener=lines) as broker:
        tls = TlsOptions(ca=ca, cert=cert, key=key)
        options = BrokerOptions(port=broker.port, protocol=protocol, backoff_cap_s=0.1, tls=tls)
        async with lane(options, ready=False) as it, Publisher(options) as publisher:
            await until(lambda: it.source.health().trouble is Trouble.TLS)
            cert.write_bytes(certificates.client.read_bytes())  # for a moment without its key
            await until(lambda: "broker.tls.cert" in it.source.health().detail)
            key.write_bytes(certificates.client_key.read_bytes())
            ca.write_bytes(certificates.ca.read_bytes())
            await it.source.ready(10)
            await until(lambda: publisher.connected)


@pytest.mark.parametrize("field", ["ca", "cert"])
async def test_a_missing_file_is_named_at_once(tmp_path: Path, field: str) -> None:
    options = BrokerOptions(tls=TlsOptions(**{field: tmp_path / "nowhere.pem"}))  # type: ignore[arg-type]
    with pytest.raises(LinkError, match=rf"broker\.tls\.{field}: .*nowhere\.pem"):
        await open_source(options, "alarms", [Subscription("a", "native")], SystemClock())


def test_the_password_is_not_shown() -> None:
    assert "hidden" not in repr(BrokerOptions(username="u", password="hidden"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("port", 0), ("receive_maximum", 0), ("low_water", 9999), ("keep_alive_s", 0), ("password", "x")],
)
def test_options_that_can_not_work_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"expected|needs"):
        BrokerOptions(**{field: value})  # type: ignore[arg-type]
