"""Channel ``ntfy``: the ntfy app, with buttons that answer without opening anything.

JSON publishing as https://docs.ntfy.sh/publish/ describes it. The buttons POST our signed link from the telephone, so
whoever may read a topic can answer in the carer's name: a topic is a carer's own, with access control on the server.
"""

from typing import Any

from gateway.notify.channel import MOST_WORKERS, Outgoing, Sent
from gateway.notify.http import OpenHttp, destination

TAGS = {"high": "rotating_light", "medium": "warning", "low": "information_source"}
"""Emoji short codes of ntfy; the marks in the title say the same."""

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class NtfyChannel:
    """Tells through one ntfy server.

    Args:
        server: its address.
        token: access token; None: the server asks for none.
        timeout_s: after how long an attempt counts as failed.
    """

    name = "ntfy"
    workers = MOST_WORKERS

    def __init__(self, *, server: str, token: str | None = None, timeout_s: float = 10.0) -> None:
        self._server = server
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self.timeout_s = timeout_s
        self._http = OpenHttp(timeout_s=timeout_s)

    def destination(self, address: str) -> str:
        """The server has every topic."""
        return destination(self._server)

    async def send(self, message: Outgoing) -> Sent:
        """Publish it; 2xx is success, 408, 425, 429, 5xx and network errors may pass, everything else is for good."""
        answered = await self._http.post_json(
            self._server, publication(message), headers=self._headers, now=message.now
        )
        answered.expect_taken()
        said = answered.json()
        return Sent(str(said["id"])[:64] if isinstance(said, dict) and "id" in said else None)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def publication(message: Outgoing) -> dict[str, Any]:
    """What is published; ``priority`` is ntfy's 1 to 5."""
    actions: list[dict[str, Any]] = []
    for label, answer in ((message.going_words, "going:10"), (message.cant_words, "decline")):
        if label:
            actions.append(
                {
                    "action": "http",
                    "label": label,
                    "url": message.link,
                    "method": "POST",
                    "headers": _FORM,
                    "body": f"answer={answer}",
                    "clear": True,
                }
            )
    actions.append({"action": "view", "label": message.link_words, "url": message.link})
    return {
        "topic": message.address,
        "title": message.title,
        "message": message.body,
        "priority": message.urgency,
        "tags": [TAGS.get(message.priority, "bell")],
        "click": message.link,
        "actions": actions,
    }


__all__ = ["NtfyChannel", "publication"]
