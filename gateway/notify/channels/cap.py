"""Channel ``cap``: an alert as CAP 1.2 to an alarm receiving centre, signed as webhooks are (Standard Webhooks)."""

from collections.abc import Callable, Collection

from standardwebhooks import Webhook

from gateway.alerts.contact_tests import TEST_PURPOSE
from gateway.clock import to_ms
from gateway.notify import cap, http
from gateway.notify.channel import MOST_WORKERS, Outgoing, Sent
from gateway.notify.handover import identifier
from gateway.notify.http import GuardedHttp


class CapChannel:
    """Tells an alarm receiving centre.

    Args:
        answer_url: where the centre answers a notification of that number.
        secret: what requests are signed with, ``whsec_`` and Base64.
        allow_private: host names (or addresses) that may be in a private network.
        timeout_s: after how long an attempt counts as failed.
    """

    name = "cap"
    workers = MOST_WORKERS

    def __init__(
        self,
        *,
        answer_url: Callable[[int], str],
        secret: str,
        allow_private: Collection[str] = (),
        timeout_s: float = 10.0,
    ) -> None:
        self._answer_url = answer_url
        self._signing = Webhook(secret)
        self._http = GuardedHttp(allow_private=allow_private, timeout_s=timeout_s, where="[channels.cap]")
        self.timeout_s = timeout_s

    def destination(self, address: str) -> str:
        """The host and port of the address."""
        return http.destination(address)

    async def send(self, message: Outgoing) -> Sent:
        """POST it; 2xx is success, 408, 425, 429, 5xx and network errors may pass, everything else is for good."""
        content = cap.write(cap_of(message, self._answer_url(message.notification)))
        identity = f"msg_{message.idempotency}"
        answered = await self._http.post(
            message.address,
            headers={
                "content-type": cap.CONTENT_TYPE,
                "webhook-id": identity,
                "webhook-timestamp": str(to_ms(message.now) // 1000),
                "webhook-signature": self._signing.sign(identity, message.now, content.decode()),
            },
            content=content,
            now=message.now,
        )
        answered.expect_taken()
        return Sent(identifier(message.site, message.notification))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def cap_of(message: Outgoing, answer_url: str) -> cap.Cap:
    """A message in CAP's words."""
    return cap.Cap(
        identifier=identifier(message.site, message.notification),
        sender=f"{message.site}.telecare",
        sent=message.created_at or message.raised_at,
        test=message.purpose == TEST_PURPOSE,
        purpose=message.purpose,
        incident=f"{message.site}.alert.{message.alert}",
        language=message.language,
        rule=message.rule,
        about_resident=message.resident is not None,
        priority=message.priority,
        headline=message.title,
        description=message.body,
        web=message.link,
        answer_url=answer_url,
        onset=message.observed_at,
        room=message.room,
        device=message.device,
        to=message.carer,
        place=message.place,
        earlier=message.earlier,
    )
