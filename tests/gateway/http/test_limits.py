"""Who may POST, how much, how fast, how slowly."""

import asyncio
import base64
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from gateway.clock import ManualClock, SystemClock
from gateway.errors import ListenError
from gateway.ingest.http_auth import HttpAuth, Identity
from gateway.ingest.http_limits import Bucket
from gateway.ingest.http_listener import HttpListener
from gateway.ingest.http_options import HttpOptions, HttpSender
from gateway.ingest.http_protocol import BoundedProtocol
from gateway.ingest.http_source import HttpSource, LineFullError
from gateway.pipeline.pipeline import HTTP_ALARMS, HTTP_TELEMETRY
from tests.brokers import PATIENCE_S, Certificates, certificates, until  # noqa: F401 - one is a fixture
from tests.gateway.http.post import BEARER, SECRET, SENDERS, living, position, raw
from tests.gateway.pipeline.chain import START

SIGNING = "whsec_" + base64.b64encode(b"for tests only, and for no more").decode()
AT = "/in/home/gps-r01/position"


def sender(**more: object) -> HttpSender:
    given = {
        "name": "home", "format": "native", "lane": HTTP_ALARMS, "topic": "telecare/haven/{path}",
        "auth": HttpAuth(kind="bearer", secret=SECRET),
    }  # fmt: skip
    return HttpSender(**{**given, **more})  # type: ignore[arg-type]


BAD_HEADS = {
    "nothing shown": ("traccar", {}),
    "another header": ("traccar", {"X-Other": SECRET}),
    "wrong value": ("traccar", {"X-Telecare-Key": SECRET + "x"}),
    "value cut short": ("traccar", {"X-Telecare-Key": SECRET[:-1]}),
    "empty value": ("traccar", {"X-Telecare-Key": ""}),
    "the secret as another kind": ("traccar", BEARER),
    "no bearer": ("home/gps-r01/position", {"Authorization": SECRET}),
    "bearer of nothing": ("home/gps-r01/position", {"Authorization": "Bearer"}),
    "wrong bearer": ("home/gps-r01/position", {"Authorization": "Bearer " + "x" * 23}),
    "no basic": ("positions", {"Authorization": "Basic"}),
    "basic that is no Base64": ("positions", {"Authorization": "Basic %%"}),
    "basic without user": ("positions", {"Authorization": "Basic " + base64.b64encode(f":{SECRET}".encode()).decode()}),
    "basic of another user": (
        "positions",
        {"Authorization": "Basic " + base64.b64encode(f"x:{SECRET}".encode()).decode()},
    ),
    "no secret in the path": ("hook", {}),
    "wrong secret in the path": ("hook/nobody", {}),
    "the path's secret in a header": ("hook", BEARER),
}


async def test_who_does_not_show_the_secret_is_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        for name, (path, headers) in BAD_HEADS.items():
            answer = await life.client.post(f"/in/{path}", content=position(1), headers=headers)
            assert answer.status_code == 401, name
            assert answer.headers["content-type"] == "application/problem+json", name
            assert answer.headers["www-authenticate"].startswith("Basic" if path == "positions" else "Bearer"), name
            assert SECRET not in answer.text
        assert life.journal() == 0


async def test_each_kind_of_secret_opens(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        body = json.dumps({"device": {"uniqueId": "8640001"}, "position": {"valid": False}}).encode()
        answers = [
            await life.client.post("/in/traccar", content=body, headers={"x-telecare-key": SECRET}),
            await life.client.post("/in/positions", content=body, auth=("traccar", SECRET)),
            await life.client.post(AT, content=position(1), headers={"authorization": f"bearer {SECRET}"}),
            await life.client.post(f"/in/hook/{SECRET}", content=position(2)),
        ]
        assert [answer.status_code for answer in answers] == [200] * 4
        topics = [row[0] for row in life.rows("SELECT topic FROM journal ORDER BY seq")]
        assert topics == [
            "traccar/events", "traccar/positions", "telecare/haven/gps-r01/position", "telecare/haven/gps-r01/position"
        ]  # fmt: skip


async def test_a_signature_is_checked_over_the_message(tmp_path: Path) -> None:
    signed = sender(
        name="signed", topic="telecare/haven/gps-r01/position", auth=HttpAuth(kind="signature", secret=SIGNING)
    )
    async with living(tmp_path, senders=(signed,)) as life:
        now = SystemClock().now()

        def headers(body: bytes, at: datetime = now, secret: str = SIGNING) -> dict[str, str]:
            signature = Webhook(secret).sign("msg-1", at, body.decode())
            return {
                "webhook-id": "msg-1",
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": signature,
            }

        good = await life.client.post("/in/signed", content=position(1), headers=headers(position(1)))
        assert good.status_code == 200
        other = "whsec_" + base64.b64encode(b"another one, of somebody else..").decode()
        refused = {
            "unsigned": {},
            "of another message": headers(position(1)),
            "by another": headers(position(2), secret=other),
            "old": headers(position(2), datetime(2026, 1, 1, tzinfo=UTC)),
            "no signature at all": {**headers(position(2)), "webhook-signature": "v1"},
            "no Base64": {**headers(position(2)), "webhook-signature": "v1,?"},
        }
        for name, head in refused.items():
            assert (await life.client.post("/in/signed", content=position(2), headers=head)).status_code == 401, name
        assert (await life.client.post("/in/signed", content=b"\xff", headers=headers(b"x"))).status_code == 401
        assert life.journal() == 1


def test_a_secret_is_not_printed() -> None:
    assert SECRET not in repr(SENDERS)


def test_a_secret_with_strange_letters_shown_is_wrong_and_no_error() -> None:
    auth = HttpAuth(kind="header", secret=SECRET, header="X-Key")
    assert auth.check_head({"x-key": "schlüssel\udcff"}, "") is Identity.WRONG


async def test_other_addresses_and_methods(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        for path in ("/in/nobody", "/in/nobody/x", "/", "/in", "/board", "/healthz"):
            answer = await life.client.post(path, content=b"{}", headers=BEARER)
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
            assert answer.json()["status"] == 404
        assert (await life.client.put(AT, content=b"{}", headers=BEARER)).status_code == 405
        # asked whether there is somebody, as Withings does
        assert (await life.client.head(f"/in/hook/{SECRET}")).status_code == 200
        assert (await life.client.get(f"/in/hook/{SECRET}")).status_code == 200
        assert (await life.client.head("/in/hook/nobody")).status_code == 401
        assert life.journal() == 0


async def test_messages_that_cannot_be_taken(tmp_path: Path) -> None:
    async with living(tmp_path, senders=(sender(max_body_bytes=1000),)) as life:

        async def chunks() -> object:
            for _ in range(20):
                yield b"x" * 100

        async def code(content: object, **headers: str) -> int:
            answer = await life.client.post(AT, content=content, headers={**BEARER, **headers})  # type: ignore[arg-type]
            assert answer.headers["content-type"] == "application/problem+json"
            return answer.status_code

        assert await code(b"x" * 1001) == 413
        assert await code(chunks()) == 413  # its size is not told before
        assert await code(b"") == 400
        assert await code(gzip.compress(position(1)), **{"Content-Encoding": "gzip"}) == 415
        assert life.journal() == 0
        answer = await life.client.post(AT, content=b"x" * 1000, headers=BEARER)
        assert answer.status_code == 200  # unreadable, but ours to keep


async def test_too_many_a_second_are_told_when_to_come_again(tmp_path: Path) -> None:
    async with living(tmp_path, senders=(sender(rate_per_s=0.1, burst=3), SENDERS[3])) as life:
        codes = [(await life.client.post(AT, content=position(n), headers=BEARER)).status_code for n in range(3)]
        assert codes == [200] * 3
        refused = await life.client.post(AT, content=position(4), headers=BEARER)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        # who shows no secret takes nothing of it away, and another source is not touched
        assert (await life.client.post(AT, content=position(5))).status_code == 401
        assert (await life.client.post(f"/in/hook/{SECRET}", content=position(6))).status_code == 200
        assert life.journal() == 4


def test_a_bucket_fills_with_time() -> None:
    seconds = [0.0]
    bucket = Bucket(2.0, 3, lambda: seconds[0])
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]
    seconds[0] = 0.5
    assert [bucket.take(), bucket.take()] == [0, 0.5]
    seconds[0] = 1000
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]


async def test_too_many_waiting_is_503_and_not_more_memory(tmp_path: Path) -> None:
    clock = ManualClock(START)
    lanes = {HTTP_ALARMS: HttpSource(name=HTTP_ALARMS, clock=clock, most_waiting=3)}
    async with living(tmp_path, lanes=lanes, senders=(sender(),)) as life:
        life.held.hold()
        waiting = [asyncio.create_task(life.client.post(AT, content=position(n), headers=BEARER)) for n in range(3)]
        await until(lambda: lanes[HTTP_ALARMS].health().waiting == 3)
        refused = await life.client.post(AT, content=position(9), headers=BEARER)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        life.held.release()
        assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200] * 3
        assert (await life.client.post(AT, content=position(9), headers=BEARER)).status_code == 200


async def test_large_messages_are_bounded_in_bytes() -> None:
    lane = HttpSource(name=HTTP_ALARMS, clock=ManualClock(START))
    for number in range(256):
        lane.offer(source="x", format="native", topic=f"t/{number}", payload=b"x" * 65536)
    with pytest.raises(LineFullError):
        lane.offer(source="x", format="native", topic="t/more", payload=b"x")


# Slow senders


HEAD = f"POST {AT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nContent-Length: 100\r\n\r\n".encode()


async def trickle(port: int, first: bytes, *, limit_s: float = PATIENCE_S) -> bytes:
    """Send this, then a byte now and then, until the other side closes."""
    reading, writing = await asyncio.open_connection("127.0.0.1", port)
    heard = b""
    try:
        writing.write(first)
        async with asyncio.timeout(limit_s):
            while True:
                writing.write(b"a")
                try:
                    async with asyncio.timeout(0.05):
                        part = await reading.read(1000)
                except TimeoutError:
                    continue
                if not part:
                    return heard
                heard += part
    except ConnectionError:
        return heard
    finally:
        writing.close()


async def test_heads_that_trickle_in_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedProtocol, "head_within_s", 0.3)
    async with living(tmp_path) as life:
        assert await trickle(life.port, b"POST /in/home HTTP/1.1\r\nX-") == b""
        assert await raw(life.port, b"") == b""  # who says nothing at all
        # and after an answered request, too
        refused = b"POST /in/nobody HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
        assert b"404" in await trickle(life.port, refused)


async def test_messages_that_trickle_in_are_cut(tmp_path: Path) -> None:
    async with living(tmp_path, options=HttpOptions(body_within_s=0.3)) as life:
        heard = await trickle(life.port, HEAD[:-2] + b"\r\n")
        assert heard.startswith(b"HTTP/1.1 408")
        assert life.journal() == 0


async def test_idle_connections_make_room_for_an_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedProtocol, "most_connections", 20)
    monkeypatch.setattr(BoundedProtocol, "head_within_s", 10 * PATIENCE_S)
    async with living(tmp_path) as life:
        idle = [await asyncio.open_connection("127.0.0.1", life.port) for _ in range(60)]
        try:
            for _, writing in idle:
                writing.write(b"POST /in/home HTTP/1.1\r\nX-")
            async with asyncio.timeout(PATIENCE_S):  # long before the first of them runs out of patience
                assert (await life.press()).status_code == 200
        finally:
            for _, writing in idle:
                writing.close()


async def test_half_sent_messages_make_room_for_an_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature stands over the message: whoever has no secret may begin one too."""
    monkeypatch.setattr(BoundedProtocol, "most_connections", 20)
    signed = sender(name="signed", auth=HttpAuth(kind="signature", secret=SIGNING))
    options = HttpOptions(body_within_s=10 * PATIENCE_S)
    half = b"POST /in/signed/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
    half += b"webhook-id: 1\r\nwebhook-timestamp: 1\r\nwebhook-signature: v1,x\r\n\r\n{"
    async with living(tmp_path, senders=(*SENDERS, signed), options=options) as life:
        begun = [await asyncio.open_connection("127.0.0.1", life.port) for _ in range(200)]
        try:
            for _, writing in begun:
                writing.write(half)
            async with asyncio.timeout(PATIENCE_S):  # long before the messages run out of time
                assert (await life.press()).status_code == 200
        finally:
            for _, writing in begun:
                writing.close()


async def test_nested_messages_are_stored_and_end_no_lane(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        for path in ("/in/home/gps-r01/position", "/in/traccar"):
            headers = {**BEARER, "X-Telecare-Key": SECRET}
            answer = await life.client.post(path, content=b"[" * 30_000, headers=headers)
            assert answer.status_code == 200
        assert (await life.press()).status_code == 200
        await until(lambda: len(life.alerts("help")) == 1)


async def test_rubbish_is_no_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedProtocol, "head_within_s", 0.3)
    async with living(tmp_path) as life:
        for data in (
            b"\x00\xff" * 100 + b"\r\n\r\n",
            b"GET / HTTP/9.9\r\nConnection: close\r\n\r\n",
            b"POST /in/home HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        ):
            heard = await raw(life.port, data)
            assert heard.startswith((b"HTTP/1.1 400", b"HTTP/1.1 4")), heard
        assert await raw(life.port, b"POST / HTTP/1.1\r\nX: " + b"x" * 100_000) != b"HTTP/1.1 200"
        assert (await life.press()).status_code == 200


async def test_a_taken_address_is_said_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    clock = ManualClock(START)
    lanes = {name: HttpSource(name=name, clock=clock) for name in (HTTP_ALARMS, HTTP_TELEMETRY)}
    ready: list[int] = []
    listener = HttpListener(
        HttpOptions(port=port), senders=SENDERS, lanes=lanes, on_ready=lambda _host, port: ready.append(port)
    )
    with pytest.raises(ListenError, match="Is it taken"):
        await listener.serve()
    monkeypatch.setattr("gateway.ingest.http_listener.LISTEN_AGAIN_S", 0.05)
    running = asyncio.create_task(listener.run())
    await asyncio.sleep(0.1)
    assert ready == []
    taken.close()
    await taken.wait_closed()
    await until(lambda: ready == [port])
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
