"""A desk of simulated carers: receives the gateway's webhooks and lets a carer attend to each."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

from simulators.carer import Carer, Visit
from simulators.receiver import Request, Response, receiving


class Desk:
    """Receives Standard Webhooks POSTs (JSON with a ``link`` field) and answers them as its carer does.

    Args:
        carer: who attends.
        secret: the webhook's secret (``whsec_...``); a message with another signature is refused. None: not checked.

    ``messages`` are the decoded messages in order, each id once; ``visits`` what came of them.
    """

    def __init__(self, carer: Carer, *, secret: str | None = None) -> None:
        self._carer = carer
        self._webhook = None if secret is None else Webhook(secret)
        self._seen: set[str] = set()
        self._visits: set[asyncio.Task[None]] = set()
        self.messages: list[dict[str, Any]] = []
        self.visits: list[Visit] = []
        self.repeated = 0
        """Messages that came again with the same ``webhook-id``: attended to once."""
        self.refused = 0
        """Messages that were not readable, or not signed with the secret."""

    @contextlib.asynccontextmanager
    async def running(self, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Listen; gives the address for the gateway's webhook channel."""
        try:
            async with receiving(self.handle, host=host, port=port) as base:
                yield f"{base}/telecare"
        finally:
            tasks = tuple(self._visits)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def handle(self, request: Request) -> Response:
        """Take one webhook: 204 at once, the carer answers later; 401 or 400 for what is not ours."""
        if self._webhook is not None:
            try:
                self._webhook.verify(request.body, request.headers)
            except WebhookVerificationError:
                self.refused += 1
                return Response(status=401)
            except ValueError:  # signed, but the library reads the JSON too and does not say so in its own error
                self.refused += 1
                return Response(status=400)
        try:
            message = msgspec.json.decode(request.body, type=dict[str, Any])
        except msgspec.DecodeError:
            self.refused += 1
            return Response(status=400)
        link = _link(message)
        if link is None:
            self.refused += 1
            return Response(status=400)
        webhook_id = request.headers.get("webhook-id", "")
        if webhook_id and webhook_id in self._seen:
            self.repeated += 1
            return Response()
        self._seen.add(webhook_id)
        self.messages.append(message)
        task = asyncio.create_task(self._attend(link))
        self._visits.add(task)
        task.add_done_callback(self._visits.discard)
        return Response()

    async def _attend(self, link: str) -> None:
        self.visits.append(await self._carer.attend(link))


def _link(message: dict[str, Any]) -> str | None:
    """The link of a message: at the top, or in its ``data`` as Standard Webhooks suggests."""
    data = message.get("data")
    for place in (message, data if isinstance(data, dict) else {}):
        link = place.get("link")
        if isinstance(link, str) and link:
            return link
    return None
