"""The ways by which a simulated carer answers without a browser: by SMS, a key of the telephone, a chat, a pager.

Each takes what its carer is told, lets the carer attend, and keeps the visits.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import httpx
import msgspec

from simulators.carer import Answer, Carer, Outcome, Visit
from simulators.link import Broker, Link, Reached
from simulators.messaging import Message, Messaging
from simulators.pace import wall_now
from simulators.receiver import Request, Response, receiving

_DIGITS = {Answer.GOING: "1", Answer.DECLINE: "2", Answer.ARRIVE: "3"}
_CODE = re.compile(r"\b1 ([A-Z][0-9])\b")
_WORDS = {Answer.GOING: "going", Answer.DECLINE: "cant", Answer.ARRIVE: "there", Answer.CLOSE: "close"}
_ASKING = frozenset({"alert", "reminder", "repeat", "undeliverable"})
"""Purposes that ask for an answer; the others are for information."""

REPLY_WITHIN_S = 30.0
"""Real seconds that a pager waits for the reply to an answer."""


class Visits:
    """What carers did, one entry a message; and what they are still at."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self._at_it: set[asyncio.Task[None]] = set()

    def start(self, visit: Awaitable[Visit]) -> None:
        """Let a carer attend in the background."""

        async def attend() -> None:
            self.visits.append(await visit)

        task = asyncio.create_task(attend())
        self._at_it.add(task)
        task.add_done_callback(self._at_it.discard)

    async def stop(self) -> None:
        """Whoever is still at it leaves it."""
        tasks = tuple(self._at_it)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Telephones(Visits):
    """Telephones behind a messaging provider: SMS are answered at ``inbound_url``, calls with a key.

    Give its :meth:`ring` to the provider as ``on_message``.

    Args:
        carers: by telephone number.
        inbound_url: where the provider POSTs what carers write (form fields From, Body, MessageSid).
    """

    def __init__(self, carers: dict[str, Carer], *, inbound_url: str = "") -> None:
        super().__init__()
        self._carers = carers
        self.inbound_url = inbound_url
        self.provider: Messaging | None = None
        self._written = 0

    async def ring(self, message: Message) -> None:
        """A message is on its telephone."""
        carer = self._carers.get(message.to)
        if carer is None:
            return
        if message.kind == "voice":
            self.start(carer.attend_by(message.text, lambda answer: self._press(message, answer)))
        elif (code := _CODE.search(message.text)) is not None:  # otherwise it asks for nothing
            self.start(carer.attend_by(code[1], lambda answer: self._write(message.to, answer, code[1])))

    async def _press(self, message: Message, answer: Answer) -> Outcome:
        if answer not in _DIGITS or self.provider is None:
            return Outcome.NOT_OFFERED
        return _outcome(await self.provider.press(message, _DIGITS[answer]))

    async def _write(self, number: str, answer: Answer, code: str) -> Outcome:
        if answer not in _DIGITS:
            return Outcome.NOT_OFFERED  # nobody closes an alert by SMS
        self._written += 1
        form = {"From": number, "Body": f"{_DIGITS[answer]} {code}", "MessageSid": f"in-{self._written:04}"}
        try:
            async with httpx.AsyncClient(timeout=10) as client:
                return _outcome((await client.post(self.inbound_url, data=form)).status_code)
        except httpx.HTTPError:
            return Outcome.UNREACHABLE


class Chat(Visits):
    """A chat service with buttons, in the shape of Telegram's bot API (https://core.telegram.org/bots/api).

    Args:
        carers: by the number of their chat.
    """

    def __init__(self, carers: dict[int, Carer]) -> None:
        super().__init__()
        self._carers = carers
        self._updates: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        self._answered: dict[str, asyncio.Future[None]] = {}
        self.sent: list[dict[str, Any]] = []
        """Bodies of ``sendMessage``, in order."""
        self.shown: list[str] = []
        """What was shown to whoever pressed a button."""

    @contextlib.asynccontextmanager
    async def running(self, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Listen; gives the address of the bot API's server."""
        async with receiving(self.handle, host=host, port=port) as base:
            try:
                yield base
            finally:
                self._news.set()
                await self.stop()

    async def handle(self, request: Request) -> Response:
        """One method of the API."""
        try:
            body = msgspec.json.decode(request.body or b"{}", type=dict[str, Any])
        except msgspec.DecodeError:
            return _told({"ok": False, "error_code": 400}, 400)
        match request.path.rpartition("/")[2]:
            case "sendMessage":
                return _told({"ok": True, "result": self._take(body)})
            case "getUpdates":
                return _told({"ok": True, "result": await self._fetch(body)})
            case "answerCallbackQuery":
                self.shown.append(str(body.get("text", "")))
                waiting = self._answered.get(str(body.get("callback_query_id")))
                if waiting is not None and not waiting.done():
                    waiting.set_result(None)
                return _told({"ok": True, "result": True})
            case "editMessageText":
                return _told({"ok": True, "result": True})
        return _told({"ok": False, "error_code": 404}, 404)

    def _take(self, body: dict[str, Any]) -> dict[str, Any]:
        self.sent.append(body)
        number, chat, date = len(self.sent), int(body["chat_id"]), int(wall_now().timestamp())
        message = {
            "message_id": number, "date": date, "chat": {"id": chat, "type": "private"}, "text": body.get("text", "")
        }  # fmt: skip
        carer = self._carers.get(chat)
        rows = body.get("reply_markup", {}).get("inline_keyboard", [])
        buttons = [button["callback_data"] for row in rows for button in row if "callback_data" in button]
        if carer is not None and buttons:
            self.start(carer.attend_by(buttons[0], lambda answer: self._press(message, buttons, answer)))
        return message

    async def _press(self, message: dict[str, Any], buttons: list[str], answer: Answer) -> Outcome:
        word = _WORDS[answer]
        data = next((button for button in buttons if button.split(":")[0] == word), None)
        if data is None:
            return Outcome.NOT_OFFERED
        update = len(self._updates) + 1
        query = f"q{update}"
        self._answered[query] = asyncio.get_running_loop().create_future()
        pressed = {"id": query, "from": {"id": message["chat"]["id"]}, "data": data, "message": message}
        self._updates.append({"update_id": update, "callback_query": pressed})
        self._news.set()
        try:
            async with asyncio.timeout(REPLY_WITHIN_S):
                await self._answered[query]
        except TimeoutError:
            return Outcome.UNREACHABLE
        return Outcome.TAKEN

    async def _fetch(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Updates from ``offset`` on; held back until there is one, or ``timeout`` seconds are over."""
        offset = int(body.get("offset", 0))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(float(body.get("timeout", 0))):
                while not self._updates or self._updates[-1]["update_id"] < offset:
                    self._news.clear()
                    await self._news.wait()
        return [update for update in self._updates if update["update_id"] >= offset]


class Pager(Visits):
    """A carer's pager: told on a topic, answers on another one; see docs/notifications.md, "Answers over MQTT".

    Args:
        broker: where to sign in.
        site: the centre's id.
        carer_id: whose pager it is.
        carer: how they answer.
        topic: where the gateway tells them (the address of their ``mqtt`` contact).
    """

    def __init__(self, broker: Broker, *, site: str, carer_id: str, carer: Carer, topic: str) -> None:
        super().__init__()
        self._base = f"telecare/{site}/carers/{carer_id}"
        self._name = f"pager-{carer_id}"
        self._carer = carer
        self._topic = topic
        self._link = Link(
            broker, self._name, subscribe=(topic, f"{self._base}/reply"), on_message=self._heard, memory=100
        )
        self._replies: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._seen: set[str] = set()
        self._count = 0
        self.replies: list[dict[str, Any]] = []

    async def start_listening(self) -> Reached:
        """Connect.

        Raises:
            LinkError: the broker refuses this pager.
        """
        return await self._link.start()

    async def stop_listening(self) -> None:
        """Switch it off."""
        await self.stop()
        await self._link.stop()

    def _heard(self, topic: str, payload: bytes) -> None:
        try:
            body = msgspec.json.decode(payload, type=dict[str, Any])
        except msgspec.DecodeError:
            return
        if topic == f"{self._base}/reply":
            self.replies.append(body)
            waiting = self._replies.get(str(body.get("id")))
            if waiting is not None and not waiting.done():
                waiting.set_result(body)
            return
        key = str(body.get("key"))
        if body.get("purpose") in _ASKING and key not in self._seen and isinstance(body.get("alert"), int):
            self._seen.add(key)
            alert = int(body["alert"])
            self.start(self._carer.attend_by(str(alert), lambda answer: self._say(alert, answer)))

    async def _say(self, alert: int, answer: Answer) -> Outcome:
        self._count += 1
        number = f"{self._name}-{self._count:04}"
        body: dict[str, Any] = {"v": 1, "id": number, "alert": alert, "answer": _WORDS[answer]}
        if answer is Answer.CLOSE:
            body["outcome"] = "real"
        waiting = self._replies[number] = asyncio.get_running_loop().create_future()
        self._link.publish(f"{self._base}/answer", msgspec.json.encode(body))
        try:
            async with asyncio.timeout(REPLY_WITHIN_S):
                reply = await waiting
        except TimeoutError:
            return Outcome.UNREACHABLE
        return {"taken": Outcome.TAKEN, "repeated": Outcome.TAKEN, "refused": Outcome.NOT_OFFERED}.get(
            str(reply["result"]), Outcome.REFUSED
        )


def _outcome(status: int | None) -> Outcome:
    if status is None or status >= 500:
        return Outcome.UNREACHABLE
    return Outcome.REFUSED if status >= 400 else Outcome.TAKEN


def _told(body: dict[str, Any], status: int = 200) -> Response:
    return Response(status=status, body=msgspec.json.encode(body), headers={"content-type": "application/json"})
