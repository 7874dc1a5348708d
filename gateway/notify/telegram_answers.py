"""Answers from Telegram: fetched by long polling, so that nothing has to be open to the Internet.

An update is confirmed to Telegram by asking for the ones after it, which happens only when its answer is on disk. One
that comes again after a crash has the same key, and changes nothing.

Telegram does not tell when a button was pressed: not before its message was written, and not before the last fetch.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from gateway.clock import Clock
from gateway.notify.answering import Answering, Reply, Said, Taken
from gateway.notify.channel import Failure, TemporaryFailure
from gateway.notify.channels.telegram import TelegramApi
from gateway.notify.fetching import Fetching
from gateway.words import N_, gettext, known_language

_LOG = structlog.get_logger(__name__)

HOLD_S = 50
"""How long Telegram may hold back an empty answer."""

MOST = 100
"""Updates that one fetch brings at most."""

KEPT = timedelta(hours=24)
"""Telegram keeps an update for this long (https://core.telegram.org/bots/api#getting-updates)."""

_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_STRANGER = N_("Not taken: this chat is not known here.")
_WELCOME = N_("The number of this chat is {number}. Give it to whoever keeps the care centre's file.")


class TelegramAnswers:
    """Fetches what carers press.

    Args:
        api: the bot API, with ``hold_s`` of at least HOLD_S.
        answering: takes the answers.
        clock: the gateway's clock, for waits after failures.
    """

    def __init__(self, api: TelegramApi, answering: Answering, clock: Clock) -> None:
        self._api = api
        self._answering = answering
        self._clock = clock
        self._next = 0
        self._fetching = Fetching(timedelta(seconds=HOLD_S), KEPT)

    async def run(self) -> None:
        """Until cancelled.

        Raises:
            StoreFailedError: an answer could not be stored.
        """
        wait_s = _FIRST_WAIT_S
        try:
            while True:
                try:
                    await self._fetch()
                except Failure as failure:
                    self._fetching.failed()
                    if wait_s == _FIRST_WAIT_S:
                        _LOG.warning("telegram.no_answers", detail=str(failure))
                    await self._clock.wait(asyncio.Event(), wait_s)
                    wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                else:
                    wait_s = _FIRST_WAIT_S
        finally:
            await self._api.close()

    async def _fetch(self) -> None:
        wanted = {
            "offset": self._next,
            "limit": MOST,
            "timeout": HOLD_S if self._fetching.begins(self._answering.now) else 0,
            "allowed_updates": ["callback_query", "message"],
        }
        updates = await self._api.call("getUpdates", wanted, self._answering.now)
        if not isinstance(updates, list):
            raise TemporaryFailure("Telegram's updates are no list")
        self._fetching.ended(self._answering.now, left_some=len(updates) >= MOST)
        for update in updates:
            number = update.get("update_id") if isinstance(update, dict) else None
            if isinstance(number, int):
                await self._take(update, number)
                self._next = max(self._next, number + 1)

    async def _take(self, update: dict[str, Any], number: int) -> None:
        try:
            if isinstance(query := update.get("callback_query"), dict):
                await self._pressed(query, number)
            elif isinstance(message := update.get("message"), dict):
                await self._written(message)
        except Failure as failure:
            # the answer itself is on disk by now; that it could not be shown is no reason to take it again
            _LOG.warning("telegram.not_shown", detail=str(failure))
        except (KeyError, TypeError, ValueError) as error:
            _LOG.warning("telegram.unreadable", update=number, error=type(error).__name__)

    async def _pressed(self, query: dict[str, Any], number: int) -> None:
        sender = int(query["from"]["id"])
        carers = self._carers(sender)
        said, alert, _ = str(query.get("data", "")).split(":")
        if not carers:
            _LOG.warning("telegram.stranger", update=number)
            text = gettext(_STRANGER, known_language(str(query["from"].get("language_code") or "en")))
            await self._call("answerCallbackQuery", callback_query_id=query["id"], text=text)
            return
        message = query.get("message")
        message = message if isinstance(message, dict) else {}
        age = self._fetching.age(self._answering.now, _written_at(message))
        reply = await self._answering.take(
            int(alert), Said(said), carer=carers, via="telegram", key=f"telegram/{query['id']}", age=age
        )
        _LOG.info("telegram.answer", carer=reply.carer, alert=int(alert), taken=reply.taken.value)
        await self._show(reply, query["id"], message)

    async def _show(self, reply: Reply, query: str, message: dict[str, Any]) -> None:
        """Tell what became of it, where the button is."""
        seen = True
        try:
            await self._call("answerCallbackQuery", callback_query_id=query, text=reply.text[:200])
        except Failure as failure:
            # Telegram shows nothing for a button that was pressed minutes ago
            _LOG.warning("telegram.not_shown", detail=str(failure))
            seen = False
        if reply.taken is Taken.LATE:
            # its buttons stay: who has looked may press the same one again
            if not seen and message:
                below = {"message_id": message["message_id"], "allow_sending_without_reply": True}
                await self._call("sendMessage", chat_id=message["chat"]["id"], text=reply.text, reply_parameters=below)
        elif message.get("text"):
            # without its buttons: whoever reads the chat later sees what was said
            await self._call(
                "editMessageText",
                chat_id=message["chat"]["id"],
                message_id=message["message_id"],
                text=f"{message['text']}\n\n{reply.text}",
            )

    async def _written(self, message: dict[str, Any]) -> None:
        """Somebody starts the bot: tell them the number that belongs into the centre file."""
        chat = message["chat"]
        if chat.get("type") != "private" or not str(message.get("text", "")).startswith("/start"):
            return
        language = known_language(str(message.get("from", {}).get("language_code") or "en"))
        await self._call("sendMessage", chat_id=chat["id"], text=gettext(_WELCOME, language, number=chat["id"]))

    async def _call(self, method: str, **body: Any) -> None:
        await self._api.call(method, body, self._answering.now)

    def _carers(self, chat: int) -> list[str]:
        """Whose chat it is; a button is pressed by a person, and in their own chat both have the same number."""
        return [
            carer.id
            for carer in self._answering.index.carers.values()
            if any(way.channel == "telegram" and way.address == str(chat) for way in carer.contacts)
        ]


def _written_at(message: dict[str, Any]) -> datetime | None:
    """When the message with the button was written; None: Telegram does not say, or it is too old to be shown."""
    date = message.get("date")
    if not isinstance(date, int) or date <= 0:
        return None
    try:
        return datetime.fromtimestamp(date, UTC)
    except (OverflowError, OSError, ValueError):
        return None
