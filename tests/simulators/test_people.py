"""Simulated carers, their desk, and providers in every mood, over real HTTP."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random
from typing import ClassVar
from urllib.parse import parse_qs

import httpx
import pytest
from standardwebhooks import Webhook

from simulators.carer import Answer, Carer, Manners, Outcome, press
from simulators.desk import Desk
from simulators.forms import read_forms
from simulators.pace import Pace
from simulators.provider import Mood, Provider
from simulators.receiver import LARGEST_BODY, Request, Response, receiving
from tests.brokers import PATIENCE_S, free_port, until
from tests.simulators.conftest import START

ALWAYS = Manners(looks=1, declines=0)
SECRET = "whsec_" + "c2ltdWxhdG9ycyBzaW11bGF0b3JzIHNpbXVsYXRvcnM="


class Page:
    """An alert's page as a gateway shows it: offers the next answers, takes them by POST only."""

    OFFERS: ClassVar = {"open": ("going:5", "decline"), "going": ("arrive",), "there": ("close",), "over": ()}
    NEXT: ClassVar = {"going:5": "going", "decline": "over", "arrive": "there", "close": "over"}

    def __init__(self) -> None:
        self.state = "open"
        self.posts: list[dict[str, list[str]]] = []
        self.origins: list[str] = []
        self.gets = 0
        self.headers = {"content-type": "text/html"}

    async def handle(self, request: Request) -> Response:
        if request.path == "/gone":
            return Response(status=404)
        if request.path == "/broken":
            return Response(status=500)
        if request.method == "GET":
            self.gets += 1
            return Response(status=200, body=self._html().encode(), headers=self.headers)
        said = parse_qs(request.body.decode())
        self.posts.append(said)
        self.origins.append(request.headers["origin"])
        if self.state == "there" and not said.get("outcome"):
            return Response(status=400)
        self.state = self.NEXT[said["answer"][0]]
        return Response(status=303, headers={"location": request.path})

    def _html(self) -> str:
        buttons = "".join(
            f'<button name="answer" value="{v}">x</button>' for v in self.OFFERS[self.state] if v != "close"
        )
        search = '<form method="get" action="/search"><button name="answer" value="going">?</button></form>'
        form = f'<form method="post" action="/a/token"><input type="hidden" name="key" value="k1">{buttons}</form>'
        close = (
            '<form method="post" action="/a/token"><input type="hidden" name="key" value="k2">'
            '<input type="hidden" name="answer" value="close"><select name="outcome"><option value="">Choose</option>'
            '<option value="helped">Helped</option></select>'
            '<textarea name="note"></textarea><button>Close</button></form>'
        )
        return search + (form if buttons else "") + (close if self.state == "there" else "")


@pytest.fixture
async def page() -> AsyncIterator[tuple[Page, str]]:
    shown = Page()
    async with receiving(shown.handle) as base:
        yield shown, f"{base}/a/token"


def carer(manners: Manners = ALWAYS, seed: int = 1) -> Carer:
    return Carer(rng=Random(seed), manners=manners, pace=Pace(START, speed=math.inf), timeout_s=2)


async def test_a_carer_goes_arrives_and_closes(page: tuple[Page, str]) -> None:
    shown, link = page
    visit = await carer().attend(link)
    assert visit.steps == (
        (Answer.GOING, Outcome.TAKEN),
        (Answer.ARRIVE, Outcome.TAKEN),
        (Answer.CLOSE, Outcome.TAKEN),
    )
    assert [post["answer"] for post in shown.posts] == [["going:5"], ["arrive"], ["close"]]
    assert [post["key"] for post in shown.posts] == [["k1"], ["k1"], ["k2"]]
    assert shown.posts[2]["outcome"] == ["helped"]
    assert set(shown.origins) == {link.removesuffix("/a/token")}


async def test_a_page_that_asks_for_no_referrer_is_told_no_origin(page: tuple[Page, str]) -> None:
    shown, link = page
    shown.headers["referrer-policy"] = "no-referrer"
    await carer().attend(link)
    assert set(shown.origins) == {"null"}


async def test_a_carer_may_decline(page: tuple[Page, str]) -> None:
    shown, link = page
    visit = await carer(Manners(looks=1, declines=1)).attend(link)
    assert visit.steps == ((Answer.DECLINE, Outcome.TAKEN),)
    assert shown.state == "over"


async def test_a_carer_may_never_look(page: tuple[Page, str]) -> None:
    shown, link = page
    visit = await carer(Manners(looks=0)).attend(link)
    assert visit.steps == ((None, Outcome.NOT_SEEN),)
    assert (shown.gets, shown.posts) == (0, [])


async def test_a_carer_stops_when_somebody_else_was_quicker(page: tuple[Page, str]) -> None:
    shown, link = page
    shown.state = "over"
    visit = await carer().attend(link)
    assert visit.steps == ((Answer.GOING, Outcome.NOT_OFFERED),)


async def test_pages_that_fail_are_told_apart(page: tuple[Page, str]) -> None:
    _, link = page
    base = link.removesuffix("/a/token")
    async with httpx.AsyncClient(timeout=PATIENCE_S) as browser:
        assert await press(browser, f"{base}/gone", Answer.GOING) is Outcome.REFUSED
        assert await press(browser, f"{base}/broken", Answer.GOING) is Outcome.UNREACHABLE
        assert await press(browser, f"http://127.0.0.1:{free_port()}/", Answer.GOING) is Outcome.UNREACHABLE


def test_the_same_stream_answers_the_same_way() -> None:
    async def looks(seed: int) -> list[Outcome]:
        one = carer(Manners(looks=0.5, declines=0), seed)
        return [(await one.attend(f"http://127.0.0.1:{port}/")).steps[0][1] for _ in range(20)]

    port = free_port()
    first, again = asyncio.run(looks(4)), asyncio.run(looks(4))
    assert first == again
    assert set(first) == {Outcome.NOT_SEEN, Outcome.UNREACHABLE}


def test_forms_are_read_as_a_browser_does() -> None:
    forms = read_forms(
        '<button name="stray" value="x"></button><form><input name="a" value="1"><input type="checkbox" name="no">'
        '<input type="submit" name="go" value="Go"></form>'
        '<form METHOD="POST" action="?x"><select name="s"><option value="">-</option><option value="1" selected>'
        '</select><textarea name="t"></textarea><button>Send</button></form><input name="stray">'
    )
    assert [(form.method, form.action) for form in forms] == [("get", ""), ("post", "?x")]
    assert (forms[0].fields, forms[0].buttons) == ({"a": "1"}, [("go", "Go")])
    assert (forms[1].fields, forms[1].choices, forms[1].buttons) == ({"t": ""}, {"s": ["1"]}, [("", "")])


async def post(url: str, body: str, *, secret: str = SECRET, webhook_id: str = "msg_1") -> int:
    at = datetime.now(UTC)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
    }
    async with httpx.AsyncClient() as client:
        return (await client.post(url, content=body, headers=headers)).status_code


async def test_a_desk_takes_each_message_once_and_its_carer_answers(page: tuple[Page, str]) -> None:
    shown, link = page
    desk = Desk(carer(), secret=SECRET)
    async with desk.running() as url:
        body = f'{{"link":"{link}","title":"Help"}}'
        assert await post(url, body) == 204
        assert await post(url, body) == 204
        await until(lambda: desk.visits)
        assert await post(url, f'{{"data":{{"link":"{link}"}}}}', webhook_id="msg_2") == 204
        await until(lambda: len(desk.visits) == 2)
    assert [message.get("title") for message in desk.messages] == ["Help", None]
    assert desk.repeated == 1
    assert shown.state == "over"


async def test_a_desk_refuses_what_is_not_signed_or_not_readable() -> None:
    desk = Desk(carer(), secret=SECRET)
    other = "whsec_" + "YW5vdGhlciBhbm90aGVyIGFub3RoZXIgYW5vdGhlcg=="
    async with desk.running() as url:
        assert await post(url, '{"link":"http://x/"}', secret=other) == 401
        assert await post(url, "not json") == 400
        assert await post(url, '{"title":"no link"}', webhook_id="msg_2") == 400
        assert await post(url, "[1]", webhook_id="msg_3") == 400
    assert desk.refused == 4
    assert desk.messages == []


async def send(provider: Provider, timeout_s: float = PATIENCE_S) -> int | None:
    with contextlib.suppress(httpx.TimeoutException):
        async with httpx.AsyncClient(timeout=httpx.Timeout(PATIENCE_S, read=timeout_s)) as client:
            return (await client.post(provider.url, content=b"hello")).status_code
    return None


@pytest.mark.parametrize(
    ("mood", "status", "taken"),
    [(Mood.HEALTHY, 200, 1), (Mood.FAILING, 503, 0), (Mood.REFUSING, 410, 0), (Mood.LOSING_ANSWERS, 502, 1)],
)
async def test_a_provider_answers_as_its_mood_is(mood: Mood, status: int, taken: int) -> None:
    provider = Provider(mood)
    async with provider.running():
        assert await send(provider) == status
    assert len(provider.taken) == taken
    assert [request.body for request in provider.attempts] == [b"hello"]


async def test_a_slow_provider_takes_its_time() -> None:
    provider = Provider(Mood.SLOW, slow_real_s=0.3)
    async with provider.running():
        assert await send(provider, timeout_s=0.1) is None
        assert await send(provider) == 200


async def test_a_hanging_provider_says_nothing_until_it_recovers() -> None:
    provider = Provider(Mood.HANGING)
    async with provider.running():
        assert await send(provider, timeout_s=0.2) is None
        assert provider.taken == []
        waiting = asyncio.create_task(send(provider))
        await until(lambda: len(provider.attempts) == 2)
        assert not waiting.done()
        provider.mood = Mood.HEALTHY
        assert await waiting == 200


async def test_a_block_ends_though_somebody_still_hangs() -> None:
    provider = Provider(Mood.HANGING)
    async with asyncio.timeout(PATIENCE_S):
        async with provider.running():
            hanging = asyncio.create_task(send(provider))
            await until(lambda: provider.attempts)
    assert await hanging == 200


async def test_a_body_without_end_is_refused() -> None:
    provider = Provider()
    async with provider.running() as url, httpx.AsyncClient() as client:
        assert (await client.post(url, content=b"x" * (LARGEST_BODY + 1))).status_code == 413
    assert provider.attempts == []
