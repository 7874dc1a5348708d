"""2xx only after the commit; what comes again is known; nobody's second press is lost."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from gateway.clock import ManualClock
from gateway.ingest.http_options import HttpOptions
from gateway.ingest.http_source import HttpSource
from gateway.pipeline.pipeline import HTTP_ALARMS, HTTP_TELEMETRY
from tests.brokers import PATIENCE_S, until
from tests.gateway.http.post import BEARER, Life, living, position, raw, sos
from tests.gateway.pipeline.chain import START

QUICK = HttpOptions(answer_within_s=0.2)


def repeats(life: Life) -> list[tuple[int, int]]:
    """(flags, redelivered) of every frame."""
    return [(int(row[0]), int(row[1])) for row in life.rows("SELECT flags, redelivered FROM journal ORDER BY seq")]


def in_mid_life(seconds: list[float]) -> dict[str, HttpSource]:
    """Lanes that started long ago, with a time of their own: nothing is taken for a repeat of the life before."""
    clock = ManualClock(START)
    lanes = {
        name: HttpSource(name=name, clock=clock, seconds=lambda: seconds[0]) for name in (HTTP_ALARMS, HTTP_TELEMETRY)
    }
    seconds[0] += 3600
    return lanes


async def test_an_sos_is_an_alert_when_the_answer_comes(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        answer = await life.press()
        assert (answer.status_code, answer.json()) == (200, {"stored": True})
        (alert,) = life.alerts("help")
        assert (alert.resident, alert.device, alert.state) == ("r01", "trk-r01", "open")


async def test_no_answer_before_the_commit(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        life.held.hold()
        asking = asyncio.create_task(life.press())
        await until(lambda: life.lanes[HTTP_ALARMS].health().waiting == 1)
        await asyncio.sleep(0.1)  # time enough for an answer that would come too early
        assert not asking.done()
        assert life.journal() == 0
        life.held.release()
        assert (await asking).status_code == 200
        assert life.journal() == 1


async def test_too_late_is_503_and_the_same_message_again_is_the_same_event(tmp_path: Path) -> None:
    seconds = [0.0]
    async with living(tmp_path, options=QUICK, lanes=in_mid_life(seconds)) as life:
        life.held.hold()
        late = await life.press()
        assert late.status_code == 503
        assert late.headers["content-type"] == "application/problem+json"
        assert late.headers["retry-after"] == "1"
        assert life.journal() == 0
        again = asyncio.create_task(life.press())
        await until(lambda: life.lanes[HTTP_ALARMS].health().frames == 2)
        life.held.release()
        assert (await again).status_code == 200
        assert repeats(life) == [(0, 1)]
        assert life.alerts("help")[0].repeats == 0
        # a press after an answered one is a press, though its bytes are the same
        assert (await life.press()).status_code == 200
        assert repeats(life) == [(0, 1), (0, 0)]
        assert life.alerts("help")[0].repeats == 1


async def test_a_second_press_right_after_the_start_is_a_second_press(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        assert [(await life.press()).status_code for _ in range(3)] == [200] * 3
        assert [redelivered for _, redelivered in repeats(life)] == [0, 0, 0]
        assert life.alerts("help")[0].repeats == 2


async def test_after_the_time_the_same_message_is_a_new_event(tmp_path: Path) -> None:
    seconds = [0.0]
    async with living(tmp_path, options=QUICK, lanes=in_mid_life(seconds)) as life:
        life.held.hold()
        assert (await life.press()).status_code == 503
        life.held.release()
        await until(lambda: life.journal() == 1)
        seconds[0] += 31
        assert (await life.press()).status_code == 200
        assert repeats(life) == [(0, 0), (0, 0)]


async def test_another_message_after_an_unanswered_one_is_new(tmp_path: Path) -> None:
    seconds = [0.0]
    async with living(tmp_path, options=QUICK, lanes=in_mid_life(seconds)) as life:
        life.held.hold()
        assert (await life.press()).status_code == 503
        life.held.release()
        assert (await life.press(sos(other=1))).status_code == 200
        assert repeats(life) == [(0, 0), (0, 0)]


async def test_a_sender_that_leaves_is_not_answered_but_heard(tmp_path: Path) -> None:
    seconds = [0.0]
    async with living(tmp_path, lanes=in_mid_life(seconds)) as life:
        life.held.hold()
        with pytest.raises(httpx.ReadTimeout):
            async with httpx.AsyncClient(base_url=life.url, timeout=httpx.Timeout(PATIENCE_S, read=0.2)) as impatient:
                await impatient.post(
                    "/in/home/sos-r01/help", content=b'{"v":1,"id":"h-1","phase":"pressed"}', headers=BEARER
                )
        await until(lambda: life.lanes[HTTP_ALARMS].health().unanswered == 1)
        life.held.release()
        await until(lambda: len(life.alerts("help")) == 1)
        assert life.lanes[HTTP_ALARMS].health().acked == 0
        answer = await life.client.post(
            "/in/home/sos-r01/help", content=b'{"v":1,"id":"h-1","phase":"pressed"}', headers=BEARER
        )
        assert answer.status_code == 200
        assert repeats(life) == [(0, 1)]


async def test_what_cannot_be_read_is_kept_and_answered_2xx(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        answer = await life.client.post("/in/home/sos-r01/help", content=b"\xff not JSON", headers=BEARER)
        assert answer.status_code == 200
        assert life.rows("SELECT payload FROM journal JOIN quarantine ON frame = seq") == [(b"\xff not JSON",)]
        (alert,) = life.alerts("unreadable_alarm")
        assert (alert.resident, alert.device) == ("r01", "sos-r01")


async def test_an_alarm_lane_tells_of_any_unreadable_message_the_other_does_not(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        assert (await life.client.post("/in/hook/a-secret-for-tests-only", content=b"{")).status_code == 200
        assert life.alerts("unreadable_alarm") == []
        assert (await life.client.post("/in/home/gps-r01/position", content=b"[", headers=BEARER)).status_code == 200
        assert len(life.alerts("unreadable_alarm")) == 1


async def test_a_thousand_requests_are_a_thousand_rows(tmp_path: Path) -> None:
    async with living(tmp_path) as life:

        async def device(number: int) -> list[int]:
            """One device on its own connection, one message after the other."""
            codes = []
            async with httpx.AsyncClient(base_url=life.url, timeout=PATIENCE_S) as client:
                for message in range(50):
                    content = position(1000 * number + message)
                    answer = await client.post("/in/home/gps-r01/position", content=content, headers=BEARER)
                    codes.append(answer.status_code)
            return codes

        codes = [code for some in await asyncio.gather(*map(device, range(20))) for code in some]
        assert codes == [200] * 1000
        assert life.rows("SELECT count(*), count(DISTINCT payload) FROM journal") == [(1000, 1000)]
        assert life.rows("SELECT count(*) FROM readings") == [(1000,)]
        health = life.lanes[HTTP_ALARMS].health()
        assert (health.frames, health.acked, health.unanswered, health.waiting) == (1000, 1000, 0, 0)


async def test_it_stops_at_once_and_promises_nothing(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        life.held.hold()
        waiting = [asyncio.create_task(life.press(sos(n=n))) for n in range(5)]
        await until(lambda: life.lanes[HTTP_ALARMS].health().waiting == 5)
        life.serving.cancel()
        answers = await asyncio.gather(*waiting)
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.headers["retry-after"] for answer in answers} == {"5"}
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(life.serving, return_exceptions=True)
        with pytest.raises(httpx.ConnectError):
            await life.press()
        life.held.release()


async def test_requests_on_one_connection_in_a_row(tmp_path: Path) -> None:
    """Pipelined: a cheap device writes two requests without waiting."""
    async with living(tmp_path) as life:

        def request(number: int, more: bytes = b"") -> bytes:
            body = position(number)
            head = f"POST /in/hook/a-secret-for-tests-only HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            return head.encode() + more + b"\r\n" + body

        heard = await raw(life.port, request(1) + request(2, b"Connection: close\r\n"))
        assert heard.count(b"HTTP/1.1 200") == 2
        payloads = [json.loads(row[0])["id"] for row in life.rows("SELECT payload FROM journal ORDER BY seq")]
        assert payloads == ["p-gps-r01-1", "p-gps-r01-2"]
