"""Answers from Telegram: fetched by long polling, so that nothing has to be open to the Internet.

An update is confirmed to Telegram by asking for the ones after it, which happens only when its answer is on disk. One
that comes again after a crash has the same key, and changes nothing.
"""

import asyncio
from typing import Any

import structlog

from gateway.clock import Clock
from gateway.notify.answering import Answering, Said
from gateway.notify.channel import Failure
from gateway.notify.channels.telegram import TelegramApi
from gateway.words import N_, gettext, known_language

_LOG = structlog.get_logger(__name__)

HOLD_S = 50
"""How long Telegram may hold back an empty answer."""

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
                    if wait_s == _FIRST_WAIT_S:
                        _LOG.warning("telegram.no_answers", detail=str(failure))
                    await self._clock.wait(asyncio.Event(), wait_s)
                    wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                else:
                    wait_s = _FIRST_WAIT_S
        finally:
            await self._api.close()

    async def _fetch(self) -> None:
        wanted = {"offset": self._next, "timeout": HOLD_S, "allowed_updates": ["callback_query", "message"]}
        updates = await self._api.call("getUpdates", wanted, self._answering.now)
        for update in updates if isinstance(updates, list) else []:
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
        reply = await self._answering.take(
            int(alert), Said(said), carer=carers, via="telegram", key=f"telegram/{query['id']}"
        )
        _LOG.info("telegram.answer", carer=reply.carer, alert=int(alert), taken=reply.taken.value)
        await self._call("answerCallbackQuery", callback_query_id=query["id"], text=reply.text[:200])
        message = query.get("message")
        if isinstance(message, dict) and message.get("text"):
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
