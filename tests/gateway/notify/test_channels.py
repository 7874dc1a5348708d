"""Each channel against a real server that accepts, refuses, is slow, or is not there."""

import asyncio
import base64
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from io import StringIO
from pathlib import Path
from typing import Any

import aiomqtt
import httpx
import pytest
import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pytest_httpserver import HTTPServer
from rich.console import Console
from standardwebhooks import Webhook
from werkzeug import Request, Response

from gateway.clock import ManualClock, SystemClock
from gateway.errors import BrokerError
from gateway.ingest.options import BrokerOptions
from gateway.ingest.publisher import Publisher
from gateway.notify.channel import PermanentFailure, TemporaryFailure
from gateway.notify.channels.apprise import AppriseChannel
from gateway.notify.channels.log import LogChannel
from gateway.notify.channels.mqtt import MqttChannel
from gateway.notify.channels.smtp import SmtpChannel
from gateway.notify.channels.webhook import WebhookChannel
from gateway.notify.http import is_public
from tests.brokers import PATIENCE_S, run_nats
from tests.gateway.notify.conftest import START, outgoing

CLOCK = ManualClock(START)
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes, ok").decode()
PRIVATE_WORDS = ("Carmen", "Vella", "walker")


# --- terminal ---------------------------------------------------------------------------------------------------


async def test_log_writes_ids_only_and_the_demo_prints_the_link() -> None:
    message = outgoing(CLOCK, "")
    with structlog.testing.capture_logs() as logs:
        await LogChannel().send(message)
    assert logs[0]["event"] == "notify.told"
    assert logs[0]["alert"] == 3
    assert message.link not in str(logs)
    out = StringIO()
    await LogChannel(console=Console(file=out, width=300)).send(message)
    assert "!!! Room 101: Fall" in out.getvalue()
    assert message.link in out.getvalue()


# --- e-mail -----------------------------------------------------------------------------------------------------


class Mailbox:
    """What a mail server accepted; ``answers`` are its replies to DATA, then 250."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], EmailMessage]] = []
        self.answers: list[str] = []
        self.recipient_answer = "250 ok"
        self.peers: set[Any] = set()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.recipient_answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.peers.add(session.peer)
        if self.answers:
            return self.answers.pop(0)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, mail))
        return "250 kept as 12345"


@contextmanager
def mail_server(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


def smtp(port: int, **options: Any) -> SmtpChannel:
    values: dict[str, Any] = {"host": "127.0.0.1", "port": port, "sender": "gateway@care.example", "security": "none"}
    return SmtpChannel(**(values | options))


async def test_an_e_mail_has_text_and_html_and_our_date_and_key(mailbox: Mailbox) -> None:
    message = outgoing(CLOCK, "nora@example.org", title="!!! Room <1>: Fall")
    with mail_server(mailbox) as port:
        channel = smtp(port)
        sent = await channel.send(message)
        await channel.send(message)
        await channel.close()
    assert "12345" in str(sent.provider_id)
    assert len(mailbox.peers) == 1, "the connection was used again"
    sender, recipients, mail = mailbox.mails[0]
    assert (sender, recipients) == ("gateway@care.example", ["nora@example.org"])
    assert mail["Subject"] == "!!! Room <1>: Fall"
    assert mail["Message-ID"] == "<a1b2c3@care.example>" == mailbox.mails[1][2]["Message-ID"]
    assert parsedate_to_datetime(mail["Date"]) == START
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert message.link in plain.get_content()
    assert f'href="{message.link}"' in html.get_content()
    assert "Room &lt;1&gt;" in html.get_content()


@pytest.mark.parametrize(
    ("where", "answer", "expected"),
    [
        ("data", "451 later", TemporaryFailure),
        ("data", "552 too much", PermanentFailure),
        ("recipient", "450 busy", TemporaryFailure),
        ("recipient", "550 no such user", PermanentFailure),
    ],
)
async def test_a_mail_servers_4xx_may_pass_and_its_5xx_is_for_good(
    mailbox: Mailbox, where: str, answer: str, expected: type[Exception]
) -> None:
    if where == "data":
        mailbox.answers = [answer]
    else:
        mailbox.recipient_answer = answer
    with mail_server(mailbox) as port:
        channel = smtp(port)
        with pytest.raises(expected, match=answer[:3]):
            await channel.send(outgoing(CLOCK, "nora@example.org"))
        mailbox.recipient_answer = "250 ok"
        await channel.send(outgoing(CLOCK, "nora@example.org"))
        await channel.close()
    assert len(mailbox.mails) == 1


async def test_a_mail_server_that_is_not_there_may_come_back(mailbox: Mailbox) -> None:
    with mail_server(mailbox) as port:
        pass
    with pytest.raises(TemporaryFailure, match="can't be used"):
        await smtp(port).send(outgoing(CLOCK, "nora@example.org"))


@pytest.mark.parametrize("address", ["", "no address", "a@b\nBcc: all@example.org", "@", "<>"])
async def test_what_is_no_address_is_refused_for_good(mailbox: Mailbox, address: str) -> None:
    with mail_server(mailbox) as port:
        channel = smtp(port)
        with pytest.raises(PermanentFailure):
            await channel.send(outgoing(CLOCK, address))
        await channel.close()
    assert mailbox.mails == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *names], check=True, capture_output=True)
    return key, cert


async def test_with_starttls_password_and_mail_go_encrypted(mailbox: Mailbox, certificate: tuple[Path, Path]) -> None:
    key, cert = certificate
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(cert, key)

    def check(_server: Any, session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert session.ssl is not None, "the password came in the clear"
        return AuthResult(success=data.password == b"right", handled=False)

    with mail_server(mailbox, tls_context=server, authenticator=check, auth_required=True) as port:
        trusting = ssl.create_default_context(cafile=str(cert))
        options: dict[str, Any] = {"security": "starttls", "username": "gateway", "tls": trusting}
        channel = smtp(port, password="right", **options)
        await channel.send(outgoing(CLOCK, "nora@example.org"))
        await channel.close()
        with pytest.raises(TemporaryFailure, match="sign-in"):
            await smtp(port, password="wrong", **options).send(outgoing(CLOCK, "nora@example.org"))
        with pytest.raises(TemporaryFailure, match="can't be used"):
            await smtp(port, security="starttls").send(outgoing(CLOCK, "nora@example.org"))
    assert len(mailbox.mails) == 1


async def test_without_encryption_on_offer_starttls_sends_nothing(mailbox: Mailbox) -> None:
    with mail_server(mailbox) as port, pytest.raises(TemporaryFailure):
        await smtp(port, security="starttls").send(outgoing(CLOCK, "nora@example.org"))
    assert mailbox.mails == []


# --- webhook ----------------------------------------------------------------------------------------------------


def webhook(*allow: str, **options: Any) -> WebhookChannel:
    return WebhookChannel(secret=SECRET, allow_private=allow, **options)


async def test_a_webhook_is_signed_and_tells_no_more_than_it_should(httpserver: HTTPServer) -> None:
    clock = SystemClock()
    seen: list[Any] = []

    def receive(request: Request) -> Response:
        seen.append(Webhook(SECRET).verify(request.get_data(), dict(request.headers)))
        assert request.headers["webhook-id"] == "msg_a1b2c3"
        assert request.headers["host"] == f"localhost:{httpserver.port}"
        return Response(status=204)

    httpserver.expect_request("/hook", method="POST").respond_with_handler(receive)
    channel = webhook("localhost")
    message = outgoing(clock, f"http://localhost:{httpserver.port}/hook?team=2")
    await channel.send(message)
    await channel.close()
    [body] = seen
    assert body["type"] == "alert.alert"
    assert body["data"]["link"] == message.link
    assert body["data"]["observed_at"] == "2026-03-02T09:29:58Z"
    assert not any(word in json.dumps(body) for word in PRIVATE_WORDS)


@pytest.mark.parametrize(
    ("status", "headers", "expected", "wait"),
    [
        (500, {}, TemporaryFailure, None),
        (503, {"Retry-After": "7"}, TemporaryFailure, 7.0),
        (429, {"Retry-After": "Mon, 02 Mar 2026 09:30:30 GMT"}, TemporaryFailure, 30.0),
        (429, {"Retry-After": "soon"}, TemporaryFailure, None),
        (408, {}, TemporaryFailure, None),
        (400, {}, PermanentFailure, None),
        (401, {}, PermanentFailure, None),
        (404, {}, PermanentFailure, None),
        (410, {}, PermanentFailure, None),
    ],
)
async def test_which_statuses_may_pass(
    httpserver: HTTPServer, status: int, headers: dict[str, str], expected: type[Exception], wait: float | None
) -> None:
    httpserver.expect_request("/").respond_with_data("no", status=status, headers=headers)
    channel = webhook("127.0.0.1")
    with pytest.raises(expected, match=f"status {status}") as caught:
        await channel.send(outgoing(CLOCK, httpserver.url_for("/").replace("localhost", "127.0.0.1")))
    await channel.close()
    assert getattr(caught.value, "retry_after_s", None) == wait


async def test_a_redirect_is_not_followed(httpserver: HTTPServer) -> None:
    other = httpserver.url_for("/inside")
    httpserver.expect_request("/hook").respond_with_data("", status=307, headers={"Location": other})
    channel = webhook("localhost")
    with pytest.raises(PermanentFailure, match="redirects are not followed"):
        await channel.send(outgoing(CLOCK, httpserver.url_for("/hook")))
    await channel.close()
    assert [request.path for request, _ in httpserver.log] == ["/hook"]


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1", "10.1.2.3", "169.254.169.254", "192.168.1.1",
             "[::ffff:127.0.0.1]", "[fd00::1]", "[fe80::1]", "0.0.0.0", "[::]", "100.64.0.1", "224.0.0.1"],
)  # fmt: skip
async def test_private_targets_are_refused(httpserver: HTTPServer, host: str) -> None:
    httpserver.expect_request("/").respond_with_data("ok")
    channel = webhook()
    with pytest.raises(PermanentFailure, match="private network"):
        await channel.send(outgoing(CLOCK, f"http://{host}:{httpserver.port}/"))
    await channel.close()
    assert httpserver.log == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("2002:7f00:1::", False),
        ("2002:5db8:d822::", True),
        ("64:ff9b::7f00:1", False),
        ("fe80::1%eth0", False),
        ("255.255.255.255", False),
    ],
)
def test_what_counts_as_public(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_the_address_that_was_checked_is_the_one_that_is_called(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that changes its address between check and call (DNS rebinding) gains nothing: it is asked once."""
    httpserver.expect_request("/").respond_with_data("ok")
    asked: list[str] = []

    async def rebinding(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr("gateway.notify.http.is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebinding)
    channel = webhook()
    await channel.send(outgoing(CLOCK, f"http://hook.example.org:{httpserver.port}/"))
    await channel.close()
    assert asked == ["hook.example.org"]
    assert httpserver.log[0][0].headers["host"] == f"hook.example.org:{httpserver.port}"


async def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(_host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
    with pytest.raises(PermanentFailure, match="private network"):
        await webhook().send(outgoing(CLOCK, "https://hook.example.org/"))


async def test_tls_is_checked_against_the_name_though_the_call_goes_to_an_address(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, cert = certificate
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    trusting = ssl.create_default_context(cafile=str(cert))
    monkeypatch.setattr(
        "gateway.notify.http.httpx.AsyncClient",
        lambda **options: _client(**{**options, "verify": trusting}),
    )
    with HTTPServer(host="127.0.0.1", port=0, ssl_context=context) as server:
        server.expect_request("/").respond_with_data("ok")
        good = webhook("localhost")
        await good.send(outgoing(CLOCK, f"https://localhost:{server.port}/"))
        await good.close()

        async def also_here(_host: str, port: int, **_: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", also_here)
        wrong = webhook("other.example.org")
        with pytest.raises(TemporaryFailure, match="ConnectError"):
            await wrong.send(outgoing(CLOCK, f"https://other.example.org:{server.port}/"))
        await wrong.close()


_client = httpx.AsyncClient


@pytest.mark.parametrize("address", ["", "hook", "ftp://example.org/", "http://", "http://user:secret@example.org/"])
async def test_what_is_no_web_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        await webhook().send(outgoing(CLOCK, address))
    assert "secret" not in str(caught.value)


async def test_a_receiver_that_is_not_there_or_hangs_up_may_come_back() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    channel = webhook("127.0.0.1")
    with pytest.raises(TemporaryFailure, match="the request failed"):
        await channel.send(outgoing(CLOCK, f"http://127.0.0.1:{port}/"))
    server.close()
    await server.wait_closed()
    with pytest.raises(TemporaryFailure, match="the request failed: ConnectError"):
        await channel.send(outgoing(CLOCK, f"http://127.0.0.1:{port}/"))
    await channel.close()


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    written = 0

    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                written += 65536
                await writer.drain()
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    channel = webhook("127.0.0.1")
    await channel.send(outgoing(CLOCK, f"http://127.0.0.1:{port}/"))
    await channel.close()
    server.close()
    assert written < 50_000_000


# --- MQTT -------------------------------------------------------------------------------------------------------


class FakePublisher:
    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.published: list[tuple[str, dict[str, Any], int, bool]] = []

    async def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, timeout_s: float = 10.0
    ) -> None:
        if self.failure:
            raise self.failure
        self.published.append((topic, json.loads(payload), qos, retain))


async def test_mqtt_has_the_time_of_the_reading_and_is_never_retained() -> None:
    publisher = FakePublisher()
    channel = MqttChannel(publisher)
    await channel.send(outgoing(CLOCK, ""))
    await channel.send(outgoing(CLOCK, "pagers/{carer}/{device}", device=None))
    (topic, body, qos, retain), (second, *_) = publisher.published
    assert (topic, qos, retain, second) == ("telecare/haven/alert/3", 1, False, "pagers/nora/gateway")
    assert body["tst"] == int(datetime(2026, 3, 2, 9, 29, 58, tzinfo=UTC).timestamp())
    assert {key: body[key] for key in ("alert", "notification", "purpose", "device", "rule", "priority")} == {
        "alert": 3, "notification": 7, "purpose": "alert", "device": "gps-r01", "rule": "fall", "priority": "high",
    }  # fmt: skip
    assert not any(word in json.dumps(body) for word in PRIVATE_WORDS)


async def test_mqtt_reaches_a_real_broker_and_says_when_it_is_gone(tmp_path: Path) -> None:
    async with run_nats(tmp_path) as broker:
        options = BrokerOptions(host=broker.host, port=broker.port, protocol="3.1.1", client_id="test")
        heard: list[dict[str, Any]] = []
        async with (
            aiomqtt.Client(broker.host, broker.port, identifier="pager") as pager,
            Publisher(options) as publisher,
        ):
            await pager.subscribe("telecare/haven/alert/#", qos=1)
            channel = MqttChannel(publisher, timeout_s=PATIENCE_S)
            await channel.send(outgoing(CLOCK, ""))
            async with asyncio.timeout(PATIENCE_S):
                got = await anext(aiter(pager.messages))
            assert isinstance(got.payload, bytes)
            heard.append(json.loads(got.payload))
            await broker.kill()
            with pytest.raises(TemporaryFailure):
                await MqttChannel(publisher, timeout_s=0.3).send(outgoing(CLOCK, ""))
    assert heard[0]["alert"] == 3


@pytest.mark.parametrize("topic", ["a/+/b", "#", "$SYS/x", "{unknown}", "{", "{alert.x}"])
async def test_mqtt_refuses_what_is_no_topic(topic: str) -> None:
    with pytest.raises(PermanentFailure):
        await MqttChannel(FakePublisher()).send(outgoing(CLOCK, topic))


async def test_mqtt_tries_again_when_the_broker_is_away() -> None:
    with pytest.raises(TemporaryFailure):
        await MqttChannel(FakePublisher(BrokerError("away"))).send(outgoing(CLOCK, ""))


# --- Apprise ----------------------------------------------------------------------------------------------------


async def test_apprise_posts_to_a_service(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/notify", method="POST").respond_with_data("ok")
    channel = AppriseChannel()
    await channel.send(outgoing(CLOCK, f"json://localhost:{httpserver.port}/notify"))
    await channel.close()
    body = httpserver.log[0][0].get_json()
    assert body["title"] == "!!! Room 101: Fall"
    assert "https://care.example.org/a/token" in body["message"]
    assert body["type"] == "failure"


async def test_apprise_that_fails_may_pass_and_an_address_it_can_not_read_is_for_good(
    httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    httpserver.expect_request("/hunter2").respond_with_data("no", status=500)
    channel = AppriseChannel()
    with pytest.raises(TemporaryFailure):
        await channel.send(outgoing(CLOCK, f"json://localhost:{httpserver.port}/hunter2"))
    for address in ("", "no-such-service://x", "json://", "hunter2"):
        with pytest.raises(PermanentFailure) as caught:
            await channel.send(outgoing(CLOCK, address))
        assert "hunter2" not in str(caught.value)
    await channel.close()
    ours = [record for record in caplog.records if record.name != "werkzeug"]  # the test's own server
    assert "hunter2" not in str(ours)


def test_apprise_destinations_tell_hosts_apart_and_keep_no_token() -> None:
    of = AppriseChannel().destination
    assert of("tgram://123:token/42") != of("tgram://999:token/42")
    assert of("json://user:pass@one.example/") == of("json://one.example/other")
    assert "token" not in of("tgram://123:token/42")
