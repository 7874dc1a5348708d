"""Who is refused does not use up what others may send, and is slowed down; what comes twice is one event."""

import asyncio
import base64
import json
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from gateway.clock import SystemClock, monotonic
from gateway.ingest import http_door
from gateway.ingest.http_auth import HttpAuth
from gateway.ingest.http_door import MOST_PEERS, MOST_WAITING, WRONG_AT_ONCE, Door, peer_of
from gateway.ingest.http_options import HttpOptions, HttpSender
from gateway.ingest.http_problems import RefusedError
from gateway.ingest.http_replays import MOST_REMEMBERED, REMEMBERED_S, Replays
from gateway.ingest.http_source import HttpSource
from gateway.pipeline.pipeline import HTTP_ALARMS
from tests.gateway.http.post import BEARER, SECRET, Life, living, position, sos

SIGNING = "whsec_" + base64.b64encode(b"for tests only, and for no more").decode()
OTHER = "whsec_" + base64.b64encode(b"another one, of somebody else..").decode()
SOS = json.dumps(sos()).encode()


def signed(**more: Any) -> HttpSender:
    given = {
        "name": "signed", "format": "traccar", "lane": HTTP_ALARMS, "topic": "traccar/events",
        "auth": HttpAuth(kind="signature", secret=SIGNING),
    }  # fmt: skip
    return HttpSender(**{**given, **more})


def home(**more: Any) -> HttpSender:
    given = {
        "name": "home", "format": "native", "lane": HTTP_ALARMS, "topic": "telecare/haven/{path}",
        "auth": HttpAuth(kind="bearer", secret=SECRET),
    }  # fmt: skip
    return HttpSender(**{**given, **more})


def head(number: str, body: bytes = SOS, *, secret: str = SIGNING, at: datetime | None = None) -> dict[str, str]:
    at = at or SystemClock().now()
    return {
        "webhook-id": number,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(number, at, body.decode()),
    }


async def post(life: Life, headers: dict[str, str], body: bytes = SOS) -> httpx.Response:
    return await life.client.post("/in/signed", content=body, headers=headers)


async def test_forged_signatures_do_not_use_up_the_source(tmp_path: Path) -> None:
    async with living(tmp_path, senders=(signed(rate_per_s=0.001, burst=1),)) as life:
        forged = head("m", secret=OTHER)
        assert {(await post(life, forged)).status_code for _ in range(WRONG_AT_ONCE - 1)} == {401}
        assert (await post(life, head("m"))).status_code == 200
        assert (await post(life, head("n"))).status_code == 429
        assert life.journal() == 1


async def test_wrong_secrets_are_slowed_down_and_the_right_one_is_not(tmp_path: Path) -> None:
    async with living(tmp_path, senders=(home(rate_per_s=0.001, burst=2),)) as life:
        wrong = {"Authorization": "Bearer wrong"}
        for _ in range(WRONG_AT_ONCE):
            assert (await life.client.post("/in/home/gps-r01/position", headers=wrong)).status_code == 401
        begun = monotonic()
        # several: a slow machine has given one or two of them their second back meanwhile
        slow = [asyncio.ensure_future(life.client.post("/in/home/gps-r01/position", headers=wrong)) for _ in range(8)]
        good = await life.client.post("/in/home/gps-r01/position", content=position(1), headers=BEARER)
        assert good.status_code == 200
        assert {answer.status_code for answer in await asyncio.gather(*slow)} == {401}
        assert monotonic() - begun >= 0.9 * http_door.WAITS_S


def asking(host: str | None, **headers: str) -> Any:
    return SimpleNamespace(client=None if host is None else SimpleNamespace(host=host), headers=headers)


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def refused(door: Door, host: str | None, rest: str = "home") -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        await door.known(asking(host), rest)
    return caught.value


async def test_only_few_refusals_are_held_back_and_the_others_come_at_once() -> None:
    door = Door({"home": home()}, Seconds(), waits_s=0.2)
    for _ in range(WRONG_AT_ONCE):
        assert (await refused(door, "192.0.2.1")).status == 401
    errors = await asyncio.gather(*(refused(door, "192.0.2.1") for _ in range(MOST_WAITING + 5)))
    assert sorted(error.status for error in errors) == [401] * MOST_WAITING + [429] * 5
    told = next(error for error in errors if error.status == 429)
    assert told.headers == {"Retry-After": "1", "Connection": "close"}
    # all of them are over: there is room again
    assert (await refused(door, "192.0.2.1")).status == 401


async def test_each_address_is_slowed_down_for_itself_and_forgiven_with_time() -> None:
    seconds = Seconds()
    door = Door({"home": home()}, seconds, waits_s=3600)
    for _ in range(WRONG_AT_ONCE):
        await refused(door, "192.0.2.1", "no-such-source")
    async with asyncio.timeout(5):
        assert (await refused(door, "192.0.2.2")).status == 401
        assert (await refused(door, None)).status == 401
        seconds.now += 2
        assert (await refused(door, "192.0.2.1", "no-such-source")).status == 404
        for number in range(MOST_PEERS + 10):
            await refused(door, f"10.0.{number // 256}.{number % 256}")
    assert len(door._peers) == MOST_PEERS


@pytest.mark.parametrize(
    ("host", "peer"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("a-name", "a-name"),
        (None, ""),
    ],
)
def test_where_a_request_comes_from(host: str | None, peer: str) -> None:
    assert peer_of(asking(host)) == peer


async def test_a_message_that_is_sent_again_is_one_event(tmp_path: Path) -> None:
    async with living(tmp_path, senders=(signed(),)) as life:
        first = head("m-1")
        later = head("m-1", at=SystemClock().now() + timedelta(seconds=30))
        answers = [await post(life, headers) for headers in (first, first, later, first)]
        assert [answer.status_code for answer in answers] == [200] * 4
        assert life.journal() == 1
        assert (await post(life, head("m-2"))).status_code == 200
        assert life.journal() == 2, "another id is a second press"
        other = json.dumps(sos(note="other")).encode()
        assert (await post(life, head("m-1", other), other)).status_code == 200
        assert life.journal() == 3, "the same id with another message loses nothing"


async def test_a_repeat_is_answered_when_the_first_is_on_disk_and_not_before(tmp_path: Path) -> None:
    async with living(tmp_path, senders=(signed(),)) as life:
        life.held.hold()
        both = [asyncio.ensure_future(post(life, head("m-1"))) for _ in range(2)]
        done, _ = await asyncio.wait(both, timeout=0.3)
        assert not done
        life.held.release()
        assert [answer.status_code for answer in await asyncio.gather(*both)] == [200, 200]
        assert life.journal() == 1


async def test_a_repeat_of_what_was_not_answered_in_time_waits_for_the_same_commit(tmp_path: Path) -> None:
    async with living(tmp_path, senders=(signed(),), options=HttpOptions(answer_within_s=0.3)) as life:
        life.held.hold()
        assert (await post(life, head("m-1"))).status_code == 503
        assert (await post(life, head("m-1"))).status_code == 503
        life.held.release()
        assert (await post(life, head("m-1"))).status_code == 200
        assert life.journal() == 1
        assert life.lanes[HTTP_ALARMS].health().waiting == 0


async def test_repeats_do_not_use_up_what_new_messages_need(tmp_path: Path) -> None:
    async with living(tmp_path, senders=(signed(rate_per_s=0.001, burst=2),)) as life:
        assert (await post(life, head("m-1"))).status_code == 200
        assert [(await post(life, head("m-1"))).status_code for _ in range(4)] == [200, 200, 429, 429]
        assert (await post(life, head("m-2"))).status_code == 200
        assert life.journal() == 2


async def test_what_was_not_stored_or_is_long_ago_is_new() -> None:
    seconds = Seconds()
    replays, lane = Replays(seconds), HttpSource(name=HTTP_ALARMS, clock=SystemClock())
    offer = lane.offer(source="s", format="native", topic="t", payload=b"x")
    replays.note(1, offer)
    assert replays.find(1) is offer
    assert replays.find(2) is None
    seconds.now = REMEMBERED_S
    assert replays.find(1) is None
    replays.note(1, offer)
    lane.close()
    assert replays.find(1) is None
    for key in range(MOST_REMEMBERED + 5):
        replays.note(key, offer)
    replays.find(0)
    assert len(replays._offers) == MOST_REMEMBERED
