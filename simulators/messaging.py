"""A provider of SMS, voice calls and push: takes messages over HTTP, says later what became of them, and has its days.

``POST /sms``, ``/voice`` and ``/push`` take JSON or a form with ``to``, ``text``, ``id`` and ``receipt_url``, for a
call ``answer_url`` too; the answer is 202 with the provider's own number. What happens to each message is drawn from
its conduct, by the message's place in the order of arrival: the same seed treats the same order alike.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from random import Random
from urllib.parse import parse_qsl

import httpx
import msgspec

from simulators.pace import Pace, real_sleep, wall_now
from simulators.receiver import Request, Response, receiving


class Fate(StrEnum):
    """What happens to a request."""

    TAKEN = "taken"
    """Taken, delivered, and its receipts come in order."""
    SHUFFLED = "shuffled"
    """Taken and delivered; the receipts come in another order, and one comes twice."""
    SILENT = "silent"
    """Taken and delivered; no receipt ever comes."""
    UNDELIVERED = "undelivered"
    """Taken; then a receipt says that it could not be delivered."""
    FAILING = "failing"
    """503."""
    REFUSING = "refusing"
    """400: never like this."""
    THROTTLING = "throttling"
    """429 with Retry-After."""
    HANGING = "hanging"
    """The connection stays open, and no answer comes."""
    DRIPPING = "dripping"
    """202 at once; the body comes a byte a second."""


IN_ORDER = ("queued", "sent", "delivered", "read")

_HANGS_REAL_S = 3600.0
_TURNED_AWAY = {Fate.FAILING: 503, Fate.REFUSING: 400, Fate.THROTTLING: 429, Fate.HANGING: 504}


class Conduct(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider behaves: the weight of each fate, and times."""

    weights: dict[Fate, float] = msgspec.field(default_factory=lambda: {Fate.TAKEN: 1.0})
    retry_after_s: int = 30
    receipt_after_s: tuple[float, float] = (0.2, 3.0)
    """Simulated seconds between two receipts."""
    ring_s: tuple[float, float] = (3.0, 15.0)
    """Simulated seconds until a call is taken."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the provider took over."""

    number: str
    """The provider's own, such as ``m-0001``."""
    kind: str
    """``sms``, ``voice`` or ``push``."""
    to: str
    text: str
    id: str
    fate: Fate
    receipt_url: str | None = None
    answer_url: str | None = None


OnMessage = Callable[[Message], Awaitable[None]]


class Messaging:
    """The provider. Use ``async with provider.running() as base``.

    Args:
        conduct: may be set anew at any time.
        rng: draws fates and waits.
        pace: whose time receipts and calls take.
        on_message: called when a message is on its telephone (never for one that was not delivered).
    """

    def __init__(
        self,
        *,
        rng: Random,
        conduct: Conduct | None = None,
        pace: Pace | None = None,
        on_message: OnMessage | None = None,
    ) -> None:
        self.conduct = conduct or Conduct()
        self._rng = rng
        self._pace = pace or Pace(wall_now())
        self._on_message = on_message
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: httpx.AsyncClient | None = None
        self.attempts: list[tuple[str, Fate]] = []
        """Every request: the message's id, and what happened to it."""
        self.messages: list[Message] = []
        """What was taken over, in order; a message that is sent again is there again."""
        self.receipts: list[tuple[str, str, int | None]] = []
        """Receipts sent: the provider's number, the state, and the status that came back; None: nobody listened."""

    @contextlib.asynccontextmanager
    async def running(self, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Listen; gives the base address. What is still to be reported is dropped at the end."""
        async with httpx.AsyncClient(timeout=10) as http, receiving(self.handle, host=host, port=port) as base:
            self._http = http
            try:
                yield base
            finally:
                await self._end()
                self._http = None

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        kind = request.path.strip("/")
        fields = read_fields(request)
        if request.method != "POST" or kind not in {"sms", "voice", "push"}:
            return Response(status=404)
        if fields is None or not fields.get("to"):
            return Response(status=400, body=b"to: expected a number")
        weights = self.conduct.weights
        own = Random(self._rng.getrandbits(64))  # noqa: S311 - a simulation
        [fate] = own.choices(list(weights), list(weights.values()))
        self.attempts.append((fields.get("id", ""), fate))
        if fate is Fate.HANGING:
            await real_sleep(_HANGS_REAL_S)
        if fate in _TURNED_AWAY:
            after = {"retry-after": str(self.conduct.retry_after_s)} if fate is Fate.THROTTLING else {}
            return Response(status=_TURNED_AWAY[fate], headers=after)
        return self._take(kind, fields, fate, own)

    def _take(self, kind: str, fields: dict[str, str], fate: Fate, own: Random) -> Response:
        message = Message(
            number=f"m-{len(self.messages) + 1:04}",
            kind=kind,
            to=fields["to"],
            text=fields.get("text", ""),
            id=fields.get("id", ""),
            fate=fate,
            receipt_url=fields.get("receipt_url") or None,
            answer_url=fields.get("answer_url") or None,
        )
        self.messages.append(message)
        body = msgspec.json.encode({"id": message.number})
        if fate is Fate.DRIPPING:
            return Response(status=202, body=body.ljust(3600), drip_s=1.0)
        self._start(self._carry(message, own))
        return Response(status=202, body=body, headers={"content-type": "application/json"})

    async def press(self, message: Message, digit: str) -> int | None:
        """The person called presses a key; the status that comes back. None: it is no call, or nobody is there."""
        if message.answer_url is None:
            return None
        # a call is taken before a key is pressed, and the announcement is fetched then
        await self._post(message.answer_url, {"CallSid": message.number})
        return await self._post(message.answer_url, {"CallSid": message.number, "Digits": digit})

    async def _carry(self, message: Message, rng: Random) -> None:
        """Deliver it, and report."""
        conduct = self.conduct
        states = list(IN_ORDER)
        match message.fate:
            case Fate.SILENT:
                states = []
            case Fate.UNDELIVERED:
                states = ["queued", "sent", "undelivered"]
            case Fate.SHUFFLED:
                states.append(rng.choice(states))
                while states[: len(IN_ORDER)] == list(IN_ORDER):
                    rng.shuffle(states)
        if message.fate is not Fate.UNDELIVERED and self._on_message is not None:
            if message.kind == "voice":
                await self._pace.wait(rng.uniform(*conduct.ring_s))
            self._start(self._on_message(message))
        for state in states:
            await self._pace.wait(rng.uniform(*conduct.receipt_after_s))
            if message.receipt_url is not None:
                status = await self._post(message.receipt_url, {"MessageSid": message.number, "MessageStatus": state})
                self.receipts.append((message.number, state, status))

    async def _post(self, url: str, form: dict[str, str]) -> int | None:
        if self._http is None:
            return None
        try:
            return (await self._http.post(url, data=form)).status_code
        except httpx.HTTPError:
            return None

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def read_fields(request: Request) -> dict[str, str] | None:
    """The fields of a JSON object or a form; None: it is neither."""
    if "json" not in request.headers.get("content-type", ""):
        return dict(parse_qsl(request.body.decode("utf-8", "replace")))
    try:
        found = msgspec.json.decode(request.body, type=dict[str, str | int | float | bool | None])
    except msgspec.DecodeError:
        return None
    return {name: "" if value is None else str(value) for name, value in found.items()}
