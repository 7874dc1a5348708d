"""Channel ``telegram``: a bot that writes to carers, with buttons that answer.

The bot API is plain HTTPS (https://core.telegram.org/bots/api); answers are fetched, see
gateway.notify.telegram_answers, so nothing has to be open to the Internet.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.notify.answering import Said
from gateway.notify.channel import MOST_WORKERS, Outgoing, PermanentFailure, Sent, TemporaryFailure
from gateway.notify.http import OpenHttp, destination

_GONE = frozenset({400, 403})
"""Chat not found, blocked by the user, text that can't be shown: the same answer every time."""


class TelegramApi:
    """The bot API.

    Args:
        server: its address.
        token: the bot's.
        timeout_s: for one call, without what ``getUpdates`` holds back.
        hold_s: how long the server may hold back an answer of ``getUpdates``.
    """

    def __init__(self, *, server: str, token: str, timeout_s: float = 10.0, hold_s: float = 0.0) -> None:
        self.server = server
        self._base = f"{server}/bot{token}/"
        self._http = OpenHttp(timeout_s=timeout_s, read_s=timeout_s + hold_s)

    async def call(self, method: str, body: Mapping[str, Any], now: datetime) -> Any:
        """One method; returns its ``result``.

        Raises:
            TemporaryFailure: it may work later (also a refused token: it works again when the token does).
            PermanentFailure: Telegram refuses this call for good.
        """
        answered = await self._http.post_json(self._base + method, body, headers={}, now=now)
        said = answered.json()
        if answered.ok and isinstance(said, dict) and said.get("ok") is True:
            return said.get("result")
        if answered.status in _GONE:
            raise PermanentFailure(f"Telegram refuses it ({answered.status})")
        wait = answered.retry_after_s
        if isinstance(said, dict) and isinstance(said.get("parameters"), dict):
            asked = said["parameters"].get("retry_after")
            wait = float(asked) if isinstance(asked, int) else wait
        raise TemporaryFailure(f"Telegram does not take it ({answered.status})", retry_after_s=wait)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


class TelegramChannel:
    """Tells in a chat.

    Args:
        api: the bot API.
        timeout_s: after how long an attempt counts as failed.
    """

    name = "telegram"
    workers = MOST_WORKERS

    def __init__(self, api: TelegramApi, *, timeout_s: float = 10.0) -> None:
        self._api = api
        self.timeout_s = timeout_s

    def destination(self, address: str) -> str:
        """The server has every chat."""
        return destination(self._api.server)

    async def send(self, message: Outgoing) -> Sent:
        """Send it; the provider's number is ``chat:message``."""
        result = await self._api.call("sendMessage", _body(message), message.now)
        number = result.get("message_id") if isinstance(result, dict) else None
        return Sent(f"{message.address}:{number}" if number is not None else None)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def _body(message: Outgoing) -> dict[str, Any]:
    answers = [
        {"text": label, "callback_data": f"{said}:{message.alert}:{message.notification}"}
        for label, said in ((message.going_words, Said.GOING), (message.cant_words, Said.CANT))
        if label
    ]
    rows: list[list[dict[str, str]]] = [answers] if answers else []
    if message.link.startswith("https://"):
        # Telegram takes no buttons to addresses that only this house knows
        rows.append([{"text": message.link_words, "url": message.link}])
    text = f"{message.title}\n{message.body}"
    if not message.link.startswith("https://"):
        text += f"\n{message.link}"
    return {
        "chat_id": int(message.address),
        "text": text,
        "disable_notification": message.urgency <= 2,
        "link_preview_options": {"is_disabled": True},
        "protect_content": True,
        **({"reply_markup": {"inline_keyboard": rows}} if rows else {}),
    }
