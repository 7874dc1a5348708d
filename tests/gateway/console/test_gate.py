"""What a stranger can cost: large bodies, many fields, requests that never end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from structlog.testing import capture_logs

from gateway.console import connections, streams
from gateway.console.connections import WAITING_ALL, WAITING_EACH, Connections
from gateway.console.gate import MOST_FIELDS, MOST_FORM, SENDING_EACH, SMALL, Sending
from gateway.console.places import place
from gateway.console.zones import FORM as FORM_OF_ZONES
from gateway.errors import StoreFailedError
from tests.brokers import PATIENCE_S
from tests.gateway.console.house import House, field

FORM = "application/x-www-form-urlencoded"
CALM_S = 0.25
"""How long the loop may stand still in these tests: five times what was measured, because tests share their cores."""


@asynccontextmanager
async def calm() -> AsyncIterator[None]:
    """The event loop turns all the time."""
    worst, loop = 0.0, asyncio.get_running_loop()

    async def beat() -> None:
        nonlocal worst
        last = loop.time()
        while True:
            await asyncio.sleep(0.005)
            worst, last = max(worst, loop.time() - last - 0.005), loop.time()

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        await asyncio.sleep(0.02)
        beating.cancel()
    assert worst < CALM_S, worst


async def raw(house: House, *parts: bytes) -> bytes:
    """What the server says to these bytes, until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    with suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read(200)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def post(path: str, length: int, kind: str = FORM) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


async def test_a_strangers_large_body_is_refused_before_it_is_read(house: House) -> None:
    several = "multipart/form-data; boundary=x"
    async with calm():
        for path, kind, status in (
            ("/admin/exchange", FORM, b"401"),
            ("/admin/exchange", several, b"401"),
            ("/admin/entry/residents/r01", FORM, b"401"),
            ("/zones/new", FORM, b"401"),
            ("/api/zones/check", "application/json", b"401"),
            ("/sign-in", FORM, b"413"),
            ("/sign-in", several, b"413"),
        ):
            answer = await raw(house, post(path, 12 << 20, kind))  # nothing of it was sent, and the answer is there
            assert answer.startswith(b"HTTP/1.1 " + status), (path, kind, answer)


async def test_what_strangers_may_send_is_taken_apart_quickly(house: House) -> None:
    many = b"a&" * (SMALL // 2)
    async with calm():
        assert (await raw(house, post("/sign-in", len(many)), many)).startswith(b"HTTP/1.1 400")
        long = b"a=" + b"%C3" * (SMALL // 3 - 1)
        assert (await raw(house, post("/sign-in", len(long)), long)).startswith(b"HTTP/1.1 403")
        get = post("/sign-in", 12 << 20).replace(b"POST", b"GET")
        assert (await raw(house, get)).startswith(b"HTTP/1.1 200")


async def test_a_manager_sends_large_forms_within_limits(house: House) -> None:
    async with house.signed_in("sam") as sam:
        page = await sam.get("/zones/new")
        token = field(page.text, "_csrf_token")
        head = f"_csrf_token={token}&name=".encode()
        most_form, most_fields = FORM_OF_ZONES["most_form"], FORM_OF_ZONES["most_fields"]
        async with calm():
            for path, body, expected in (
                ("/zones/new", head + b"%41" * ((most_form - len(head)) // 3), {200, 422}),
                ("/zones/new", head + b"&a" * most_fields, {400}),
                ("/zones/new", head + b"b" * most_form, {413}),
                ("/admin/new/residents", head + b"&a" * MOST_FIELDS, {400}),
                ("/admin/new/residents", head + b"b" * MOST_FORM, {413}),
            ):
                answer = await sam.post(path, content=body, headers={"Content-Type": FORM})
                assert answer.status_code in expected, (path, answer.text)


async def test_a_body_that_never_ends_makes_room_for_others() -> None:
    sending, ended = Sending(each=3, all_of_them=5), []

    async def dribble(name: str, where: str) -> None:
        try:
            async with sending.of(where):
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append(name)

    tasks = []
    for name in ("a1", "a2", "b1", "a3", "a4", "b2", "c1"):
        tasks.append(asyncio.create_task(dribble(name, name[0])))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.wait(tasks, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0.01)
    # a4 takes the place of the same address' oldest; c1 is one too many of all, and the oldest of all makes room
    assert ended == ["a1", "a2"]
    for task in tasks:
        task.cancel()


async def test_bodies_without_an_end_shut_nobody_out(house: House) -> None:
    held = [await asyncio.open_connection("127.0.0.1", house.port) for _ in range(SENDING_EACH + 1)]
    for _, writer in held:
        writer.write(post("/sign-in", 1_000) + b"a")
    async with asyncio.timeout(PATIENCE_S):
        done = [asyncio.create_task(reader.read(200)) for reader, _ in held]
        first, _ = await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
    assert next(iter(first)).result().startswith(b"HTTP/1.1 408")
    async with house.signed_in("nora") as nora:
        assert (await nora.get("/board")).status_code == 200
    for task in done:
        task.cancel()
    for _, writer in held:
        writer.close()


async def test_half_a_head_is_not_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.3)
    monkeypatch.setattr(connections, "BODY_S", 0.3)
    for begun in (b"", b"GET / HTTP/1.1\r\nX-a: ", post("/sign-in", 1_000) + b"a", post("/nowhere", 1_000) + b"a"):
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(begun)
        async with asyncio.timeout(PATIENCE_S):
            with suppress(ConnectionError):
                while await reader.read(1_000):
                    pass  # an answer, perhaps; what counts is the end
        writer.close()


async def test_a_stream_that_says_nothing_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house.signed_in("nora") as nora:
        for name in ("HEAD_S", "BODY_S", "READ_S"):
            monkeypatch.setattr(connections, name, 0.5)
        async with house.client(cookies=dict(nora.cookies)) as again, again.stream("GET", "/beats") as beats:
            lines = beats.aiter_lines()
            assert "beat" in await anext(lines)
            await asyncio.sleep(1.2)  # more than twice what a head may take
            await house.raise_alert()
            async with asyncio.timeout(PATIENCE_S):
                while "beat" not in await anext(lines):
                    pass


async def test_connections_that_say_nothing_shut_nobody_out(house: House) -> None:
    held = [await asyncio.open_connection("127.0.0.1", house.port) for _ in range(WAITING_ALL + 20)]
    for _, writer in held:
        writer.write(b"GET / HTTP/1.1\r\nX-a: ")
    async with house.signed_in("nora") as nora:
        assert (await nora.get("/board")).status_code == 200
    for _, writer in held:
        writer.close()


class _Idle:
    """A connection that only notes that it was ended."""

    def __init__(self, door: Connections) -> None:
        self.door, self.ended = door, False

    def end(self) -> None:
        self.ended = True
        self.door.went(self)  # type: ignore[arg-type]


def test_the_oldest_of_an_address_makes_room_and_this_machine_has_no_limit_of_its_own() -> None:
    door = Connections(each=2, waiting=5, most=6)
    ones = [_Idle(door) for _ in range(9)]

    def came(number: int, where: str) -> list[int]:
        door.came(ones[number], where)  # type: ignore[arg-type]
        return [at for at, one in enumerate(ones) if one.ended]

    assert came(0, "a") == came(1, "a") == []
    door.works(ones[0])  # type: ignore[arg-type] # whose head is whole is not ended
    assert came(2, "a") == []
    assert came(3, "a") == [1]
    for number in (4, 5, 6):
        assert came(number, "127.0.0.1") == [1]
    assert came(7, "b") == [1, 2]
    assert (door.waiting, len(door)) == (5, 6)
    assert came(8, "c") == [1, 2, 3]
    assert WAITING_EACH < WAITING_ALL < connections.MOST < 1_000


def test_who_does_not_take_in_what_they_asked_for_makes_room_first() -> None:
    door = Connections(each=9, waiting=9, most=4, stuck=2)
    ones = [_Idle(door) for _ in range(6)]
    for one in ones[:4]:
        door.came(one, "a")  # type: ignore[arg-type]
        door.works(one)  # type: ignore[arg-type]
    for number in (2, 1, 2, 1):
        door.stuck(ones[number])  # type: ignore[arg-type]
    door.came(ones[4], "b")  # type: ignore[arg-type]
    assert [one.ended for one in ones] == [False, False, True, False, False, False]
    door.flows(ones[1])  # type: ignore[arg-type] # goes on reading: it is the next one's turn
    for number in (0, 3, 1):
        door.stuck(ones[number])  # type: ignore[arg-type]
    assert [one.ended for one in ones] == [True, False, True, False, False, False]


async def test_one_account_can_not_hold_every_connection(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PER_SESSION", 2)
    monkeypatch.setattr(streams, "PER_CARER", 3)
    async with house.signed_in("nora") as nora, house.signed_in("nora") as again, house.signed_in("sam") as sam:
        async with AsyncExitStack() as opened:
            texts = []  # held: a reader that is forgotten ends its stream
            for who, status in ((nora, 200), (nora, 200), (nora, 429), (again, 200), (again, 429), (sam, 200)):
                answer = await opened.enter_async_context(who.stream("GET", "/beats"))
                assert answer.status_code == status
                if status == 200:
                    texts.append(answer.aiter_text())
                    assert "beat" in await anext(texts[-1])
        async with asyncio.timeout(PATIENCE_S):  # what was closed makes room as soon as the server has noticed
            while (await nora.send(nora.build_request("GET", "/beats"), stream=True)).status_code != 200:
                await asyncio.sleep(0.01)


async def test_a_stream_ends_with_its_session_whoever_ended_it(house: House) -> None:
    async with house.signed_in("nora") as nora, nora.stream("GET", "/beats") as answer:
        text = answer.aiter_text()
        await anext(text)
        await house.writer.write(lambda tx: tx.db.execute("DELETE FROM sessions"))
        await house.raise_alert()
        async with asyncio.timeout(PATIENCE_S):
            assert [one async for one in text] == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
    ],
)
def test_a_place_is_a_line(host: str, expected: str) -> None:
    assert place(host) == expected


async def test_a_link_that_could_not_be_used_is_not_in_the_log(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    link = house.links.make(await house.raise_alert(), "nora", "alert").removeprefix("http://house.test")

    async def fails(*_: object, **__: object) -> None:
        raise StoreFailedError("disk full")

    monkeypatch.setattr(house.writer, "write", fails)
    with capture_logs() as logged:
        async with house.client() as client:
            assert (await client.post(link, data={"answer": "going:5"})).status_code == 503
            assert (await client.post("/set-password/a-secret", data={})).status_code in {303, 400, 403}
    routes = [line["route"] for line in logged if line["event"] == "console.store_failed"]
    assert routes == ["POST /a/{token}"]
    assert link.rsplit("/", 1)[1] not in str(logged)
