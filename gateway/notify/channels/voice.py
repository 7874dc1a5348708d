"""Channel ``voice``: a call through a provider's HTTP API, answered with the keypad (gateway.notify.callbacks)."""

from collections.abc import Callable

from gateway.notify.channel import MOST_WORKERS, Outgoing, Sent
from gateway.notify.http import OpenHttp, destination
from gateway.notify.template import Template
from gateway.words import N_, gettext

KEYS = N_("Press 1 if you are going. Press 2 if you can’t.")


def spoken(message: Outgoing) -> str:
    """What is said: no marks, which a voice would read aloud; twice, because a call is taken in the middle of it."""
    title = message.title.lstrip("! ")
    said = f"{title}. {message.body}"
    if message.asks:
        said = f"{said} {gettext(KEYS, message.language)}"
    return f"{said} {said}"


class VoiceChannel:
    """Calls carers.

    Args:
        template: the provider's API.
        answer_url: makes the address at which the provider asks what to say, and reports the pressed key.
        receipt_url: makes the address at which it reports what became of the call.
        timeout_s: after how long an attempt counts as failed.
    """

    name = "voice"
    workers = MOST_WORKERS

    def __init__(
        self,
        template: Template,
        *,
        answer_url: Callable[[int], str],
        receipt_url: Callable[[int], str],
        timeout_s: float = 10.0,
    ) -> None:
        self._template = template
        self._answer_url = answer_url
        self._receipt_url = receipt_url
        self.timeout_s = timeout_s
        self._http = OpenHttp(timeout_s=timeout_s)

    def destination(self, address: str) -> str:
        """The provider's server."""
        return destination(self._template.url)

    async def send(self, message: Outgoing) -> Sent:
        """Have the call made; success means that the provider will call, not that somebody took it."""
        values = {
            "to": message.address,
            "text": spoken(message),
            "id": message.idempotency,
            "carer": message.carer,
            "language": message.language,
            "answer_url": self._answer_url(message.notification),
            "receipt_url": self._receipt_url(message.notification),
        }
        return Sent(await self._template.send(self._http, values, message.now))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
