"""ntfy, Telegram, SMS, voice and Web Push against local servers that answer as the real ones do."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from gateway.alerts.codes import HOW_MANY, code_of
from gateway.clock import ManualClock
from gateway.notify.browsers import Browsers, Subscription
from gateway.notify.channel import PermanentFailure, TemporaryFailure
from gateway.notify.channels.ntfy import NtfyChannel
from gateway.notify.channels.sms import GammuSmsChannel, HttpSmsChannel
from gateway.notify.channels.telegram import TelegramApi, TelegramChannel
from gateway.notify.channels.voice import VoiceChannel
from gateway.notify.channels.webpush import WebPushChannel, write_key
from gateway.notify.template import Posted, Template
from simulators.receiver import Request, Response, receiving
from tests.gateway.notify.conftest import START, outgoing

CLOCK = ManualClock(START)
ASKS = {"going_words": "I am going", "cant_words": "I can’t", "urgency": 5}
PRIVATE_WORDS = ("Carmen", "Vella", "walker")


class Server:
    """Keeps what it got; ``answers`` come one after the other, the last one for ever."""

    def __init__(self, *answers: Response) -> None:
        self.got: list[Request] = []
        self.answers = list(answers) or [Response(status=200)]
        self.url = ""

    async def handle(self, request: Request) -> Response:
        self.got.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        async with receiving(self.handle) as self.url:
            yield self.url


def answer(body: object, status: int = 200, **headers: str) -> Response:
    content = json.dumps(body).encode()
    return Response(status=status, body=content, headers={"content-type": "application/json", **headers})


# --- ntfy -------------------------------------------------------------------------------------------------------


async def test_ntfy_publishes_with_buttons_that_answer_and_the_token() -> None:
    server = Server(answer({"id": "sPs71M8A2T"}))
    async with server.running() as url:
        channel = NtfyChannel(server=url, token="tk_secret")
        sent = await channel.send(outgoing(CLOCK, "nora-7f3kq", **ASKS))
        await channel.send(outgoing(CLOCK, "nora-7f3kq", purpose="taken", urgency=2))
        await channel.close()
    assert sent.provider_id == "sPs71M8A2T"
    body = json.loads(server.got[0].body)
    assert server.got[0].headers["authorization"] == "Bearer tk_secret"
    assert (body["topic"], body["priority"], body["tags"]) == ("nora-7f3kq", 5, ["rotating_light"])
    going, cant, view = body["actions"]
    assert (going["action"], going["method"], going["body"]) == ("http", "POST", "answer=going:10")
    assert going["url"] == view["url"] == body["click"] == "https://care.example.org/a/token"
    assert cant["body"] == "answer=decline"
    assert not any(word in json.dumps(body) for word in PRIVATE_WORDS)
    told = json.loads(server.got[1].body)
    assert [one["action"] for one in told["actions"]] == ["view"]
    assert told["priority"] == 2


@pytest.mark.parametrize(
    ("status", "expected", "wait"),
    [
        (429, TemporaryFailure, 7.0),
        (503, TemporaryFailure, 7.0),
        (403, PermanentFailure, None),
        (302, PermanentFailure, None),
    ],
)
async def test_which_refusals_of_ntfy_may_pass(status: int, expected: type[Exception], wait: float | None) -> None:
    headers = {"retry-after": "7", "location": "http://elsewhere.example.org/"}
    server = Server(Response(status=status, headers=headers))
    async with server.running() as url:
        channel = NtfyChannel(server=url)
        with pytest.raises(expected) as caught:
            await channel.send(outgoing(CLOCK, "topic"))
        await channel.close()
    assert getattr(caught.value, "retry_after_s", None) == wait
    assert len(server.got) == 1


# --- Telegram ---------------------------------------------------------------------------------------------------


async def test_telegram_sends_buttons_and_never_tells_its_token() -> None:
    server = Server(answer({"ok": True, "result": {"message_id": 55}}))
    async with server.running() as url:
        channel = TelegramChannel(TelegramApi(server=url, token="12:abc"))
        sent = await channel.send(outgoing(CLOCK, "1234", **ASKS))
        await channel.close()
    assert sent.provider_id == "1234:55"
    assert server.got[0].path == "/bot12:abc/sendMessage"
    body = json.loads(server.got[0].body)
    assert body["chat_id"] == 1234
    assert body["disable_notification"] is False
    first, second = body["reply_markup"]["inline_keyboard"]
    assert [one["callback_data"] for one in first] == ["going:3:7", "cant:3:7"]
    assert second == [{"text": "See more and answer", "url": "https://care.example.org/a/token"}]


@pytest.mark.parametrize(
    ("said", "expected", "wait"),
    [
        (answer({"ok": False, "error_code": 403, "description": "bot was blocked"}, 403), PermanentFailure, None),
        (answer({"ok": False, "error_code": 401}, 401), TemporaryFailure, None),
        (answer({"ok": False, "parameters": {"retry_after": 9}}, 429), TemporaryFailure, 9.0),
        (Response(status=502, body=b"<html>"), TemporaryFailure, None),
        (Response(status=200, body=b"no json"), TemporaryFailure, None),
    ],
)
async def test_which_refusals_of_telegram_may_pass(
    said: Response, expected: type[Exception], wait: float | None
) -> None:
    server = Server(said)
    async with server.running() as url:
        channel = TelegramChannel(TelegramApi(server=url, token="12:abc"))
        with pytest.raises(expected) as caught:
            await channel.send(outgoing(CLOCK, "1234"))
        await channel.close()
    assert getattr(caught.value, "retry_after_s", None) == wait
    assert "abc" not in str(caught.value)


# --- SMS and voice through a provider -----------------------------------------------------------------------------


def receipt_url(number: int) -> str:
    return f"https://care.example.org/receipt/{number}"


async def test_an_sms_goes_to_the_provider_as_its_template_says() -> None:
    server = Server(answer({"messages": [{"sid": "SM1"}]}, 201))
    async with server.running() as url:
        template = Template(
            url=url + "/Accounts/{secret}/{to}",
            headers={"authorization": "Basic {basic}", "x-id": "{id}\r\nX-Evil: 1"},
            form={"To": "{to}", "Body": "{text}", "StatusCallback": "{receipt_url}"},
            success=(201,),
            id_pointer="/messages/0/sid",
            username="AC1",
            secret="s3/cret",
        )
        channel = HttpSmsChannel(template, receipt_url=receipt_url)
        text = "!!! Room {secret}&To=1: Fall"
        sent = await channel.send(outgoing(CLOCK, "+35679000000", title=text, **ASKS))
        await channel.close()
    assert sent.provider_id == "SM1"
    request = server.got[0]
    assert request.path == "/Accounts/s3/cret/+35679000000"
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"AC1:s3/cret"
    assert request.headers["x-id"] == "a1b2c3 X-Evil: 1"
    assert "x-evil" not in request.headers
    form = parse_qs(request.body.decode())
    assert form["To"] == ["+35679000000"]
    assert form["StatusCallback"] == ["https://care.example.org/receipt/7"]
    assert text in form["Body"][0], "a text is never taken for a blank, and breaks out of no field"
    assert f"Answer 1 {code_of(3)}: I am going" in form["Body"][0]


async def test_another_provider_takes_json_and_a_call_says_what_to_press() -> None:
    server = Server(Response(status=202))
    async with server.running() as url:
        template = Template(url=url, body={"to": ["{to}"], "opts": {"say": "{text}", "hook": "{answer_url}", "n": 2}})
        channel = VoiceChannel(template, answer_url=lambda n: f"https://care/voice/{n}", receipt_url=receipt_url)
        await channel.send(outgoing(CLOCK, "+35621000000", **ASKS))
        await channel.close()
    body = json.loads(server.got[0].body)
    assert body["to"] == ["+35621000000"]
    assert body["opts"]["n"] == 2
    assert body["opts"]["hook"] == "https://care/voice/7"
    assert body["opts"]["say"].startswith("Room 101: Fall. Act now.")
    assert "Press 1 if you are going" in body["opts"]["say"]


def test_what_a_provider_posts_is_read_from_forms_and_json() -> None:
    form = Posted(b"From=%2B356790&Body=1+K7", "application/x-www-form-urlencoded")
    assert (form.field("From"), form.field("Body"), form.field("To")) == ("+356790", "1 K7", None)
    posted = Posted(b'{"a": [{"b/c": 5}], "t": true}', "application/json; charset=utf-8")
    assert (posted.field("/a/0/b~1c"), posted.field("/a/1"), posted.field("/t")) == ("5", None, None)
    assert Posted(b"{", "application/json").field("/a") is None


def test_codes_come_once_in_160_alerts() -> None:
    codes = [code_of(number) for number in range(1000, 1000 + HOW_MANY)]
    assert len(set(codes)) == HOW_MANY
    assert all(a[0] != b[0] and a[1] != b[1] for a, b in pairwise(codes))


# --- SMS through gammu --------------------------------------------------------------------------------------------

needs_gammu = pytest.mark.skipif(
    shutil.which("gammu-smsd") is None, reason="needs gammu-smsd: apt-get install gammu-smsd"
)


class Modem:
    """gammu-smsd with gammu's dummy modem."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("inbox", "outbox", "sent", "error", *(f"modem/sms/{n}" for n in range(1, 6))):
            (folder / name).mkdir(parents=True)
        self.config = folder / "smsdrc"
        self.config.write_text(
            f"[gammu]\nmodel = dummy\nconnection = none\nport = {folder}/modem\ngammuloc = /dev/null\n"
            f"[smsd]\nservice = files\ninboxpath = {folder}/inbox/\noutboxpath = {folder}/outbox/\n"
            f"sentsmspath = {folder}/sent/\nerrorsmspath = {folder}/error/\nlogfile = {folder}/log\ndebuglevel = 255\n"
            "commtimeout = 1\nsendtimeout = 2\nloopsleep = 1\nreceivefrequency = 1\n"
        )

    def channel(self, **options: Any) -> GammuSmsChannel:
        folder = self.folder
        return GammuSmsChannel(outbox=folder / "outbox", sent=folder / "sent", errors=folder / "error", **options)

    def receives(self, number: str, text: str) -> None:
        words = ["gammu", "-c", str(self.config), "savesms", "TEXT", "-folder", "1", "-unread", "-sender", number]
        subprocess.run([*words, "-text", text], check=True, capture_output=True, timeout=30)


@pytest.fixture
def modem(tmp_path: Path) -> AsyncIterator[Modem]:
    modem = Modem(tmp_path / "gammu")
    with subprocess.Popen(
        ["gammu-smsd", "-c", str(modem.config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    ) as process:  # fmt: skip
        yield modem  # type: ignore[misc]
        process.terminate()
        process.wait(20)


@needs_gammu
async def test_a_modem_sends_the_sms_whole_and_once(modem: Modem) -> None:
    channel = modem.channel(timeout_s=30)
    message = outgoing(CLOCK, "+35679000000", title="!!! Żejtun 101: Fall", **ASKS)
    first = await channel.send(message)
    assert await channel.send(message) == first, "another attempt finds its own file"
    log = (modem.folder / "log").read_text(errors="replace")
    assert 'sms to "+35679000000" with text "!!! Żejtun 101: Fall' in log
    assert len(list((modem.folder / "sent").iterdir())) == 1


async def test_a_modem_that_does_not_run_may_come_back(tmp_path: Path) -> None:
    modem = Modem(tmp_path / "gammu")
    channel = modem.channel(timeout_s=0.3)
    with pytest.raises(TemporaryFailure, match="does it run"):
        await channel.send(outgoing(CLOCK, "+35679000000"))
    (waiting,) = (modem.folder / "outbox").iterdir()
    waiting.rename(modem.folder / "error" / waiting.name)
    with pytest.raises(PermanentFailure, match="could not send"):
        await channel.send(outgoing(CLOCK, "+35679000000"))


# --- Web Push -----------------------------------------------------------------------------------------------------


class Browser:
    """A browser's end of Web Push."""

    def __init__(self, number: int, endpoint: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = os.urandom(16)
        raw = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.subscription = Subscription(number, endpoint, _b64(raw), _b64(self.secret))

    def read(self, body: bytes) -> dict[str, Any]:
        text = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
        return dict(json.loads(text))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.fixture
def push(tmp_path: Path) -> Callable[[list[Subscription], list[int]], WebPushChannel]:
    write_key(tmp_path / "push.pem")

    def make(there: list[Subscription], gone: list[int]) -> WebPushChannel:
        async def is_gone(number: int) -> None:
            gone.append(number)

        return WebPushChannel(
            key_file=tmp_path / "push.pem",
            subject="mailto:it@care.example.org",
            browsers=Browsers(lambda _: there, is_gone),
            allow_private=["127.0.0.1"],
        )

    return make


async def test_a_push_is_encrypted_signed_and_fit_for_a_lock_screen(push: Any) -> None:
    server, gone = Server(Response(status=201)), list[int]()
    async with server.running() as url:
        browser = Browser(1, f"{url}/push/abc")
        channel = push([browser.subscription], gone)
        await channel.send(outgoing(CLOCK, "", **ASKS))
        await channel.close()
    request = server.got[0]
    assert b"Room" not in request.body
    said = browser.read(request.body)
    assert (said["title"], said["url"]) == ("!!! Room 101: Fall", "https://care.example.org/a/token")
    assert not any(word in json.dumps(said) for word in PRIVATE_WORDS)
    assert (request.headers["urgency"], request.headers["ttl"]) == ("high", "3600")
    assert request.headers["topic"] == "alert-3"
    assert Vapid02.verify(request.headers["authorization"])
    assert channel.public_key in request.headers["authorization"]
    assert gone == []


async def test_a_browser_that_is_gone_is_forgotten_and_one_that_is_left_is_enough(push: Any) -> None:
    old, new, gone = Server(Response(status=410)), Server(Response(status=201)), list[int]()
    async with old.running() as old_url, new.running() as new_url:
        both = [Browser(1, f"{old_url}/p").subscription, Browser(2, f"{new_url}/p").subscription]
        await push(both, gone).send(outgoing(CLOCK, ""))
        assert gone == [1]
        with pytest.raises(PermanentFailure, match="410"):
            await push(both[:1], gone).send(outgoing(CLOCK, ""))
        with pytest.raises(PermanentFailure, match="no browser"):
            await push([], gone).send(outgoing(CLOCK, ""))


async def test_a_push_never_goes_into_the_own_network(push: Any) -> None:
    server = Server()
    async with server.running() as url:
        inside = Browser(1, url.replace("127.0.0.1", "localhost")).subscription
        with pytest.raises(PermanentFailure, match="private network"):
            await push([inside], []).send(outgoing(CLOCK, ""))
    assert server.got == []
