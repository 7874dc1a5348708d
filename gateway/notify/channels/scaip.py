"""Channel ``scaip``: an alert as SCAIP-shaped XML over SIP to an alarm receiving centre, and its answer."""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import UTC
from typing import Final

from gateway.alerts.model import Purpose
from gateway.notify import scaip
from gateway.notify.channel import Outgoing, PermanentFailure, Sent, TemporaryFailure
from gateway.notify.scaip import Answer, Kind, Request, Status
from gateway.notify.sip_client import SipClient
from gateway.notify.xml import XmlError

_KINDS: Final[Mapping[str, Kind]] = {
    Purpose.TAKEN: Kind.INFORMATION, Purpose.CLEARED: Kind.RESET, Purpose.CLOSED: Kind.INFORMATION,
}  # fmt: skip
"""``mty`` of a message that asks for nothing; the others are alarms."""


class ScaipChannel:
    """Tells an alarm receiving centre.

    Args:
        client: sends the SIP messages.
        controller: the house's number at the centre (``cid``).
        callback: how the centre calls back (``crd``).
        timeout_s: after how long an attempt counts as failed.
    """

    name = "scaip"
    workers = 4

    def __init__(self, client: SipClient, *, controller: str, callback: str, timeout_s: float = 20.0) -> None:
        self._client = client
        self._controller = controller
        self._callback = callback
        self.timeout_s = timeout_s

    def destination(self, address: str) -> str:
        """All go through one proxy, and yet a centre that hangs must not delay another one."""
        return address

    async def send(self, message: Outgoing) -> Sent:
        """Send it, and wait for the centre's ``mrs``: only snu 0 is success; 4, 5 and 6 may pass."""
        kind = _KINDS.get(message.purpose, Kind.ALARM)
        place = message.place
        # the same in every attempt, so that the centre knows a repetition
        reference = hashlib.sha256(message.idempotency.encode()).hexdigest()[: scaip.REFERENCE]
        answer = await self._exchange(
            message.address,
            Request(
                reference=reference,
                controller=self._controller,
                kind=kind,
                device_type=scaip.DEVICE_TYPES.get(message.rule, scaip.CONTROLLER),
                status=scaip.AUTOMATIC_RESET if kind is Kind.RESET else scaip.alarm_status(message.rule),
                device=message.device,
                callback=self._callback,
                place=message.room,
                info=message.title,
                lon=None if place is None else place.lon,
                lat=None if place is None else place.lat,
                located_at=None if place is None else place.at.astimezone(UTC).isoformat(timespec="seconds"),
            ),
        )
        judge(answer)
        return Sent(reference, delivered=True)

    async def heartbeat(self, address: str, reference: str) -> Answer:
        """Send a sign of life (``PI``) and return the centre's answer, whatever it says.

        Raises:
            TemporaryFailure, TimeoutError: no answer.
            PermanentFailure: the proxy refuses, or the address is none.
        """
        request = Request(
            reference=reference,
            controller=self._controller,
            kind=Kind.HEARTBEAT,
            status=scaip.NORMAL_STATE,
            callback=self._callback,
        )
        return await self._exchange(address, request)

    async def _exchange(self, address: str, request: Request) -> Answer:
        try:
            body = scaip.write(request)
        except XmlError as error:
            raise PermanentFailure(str(error)) from error
        async with asyncio.timeout(self.timeout_s):
            reply = await self._client.message(
                address,
                scaip.CONTENT_TYPE,
                body,
                answers=lambda data: scaip.answers(request.reference, data),
            )
        return scaip.read(reply.body)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()


def judge(answer: Answer) -> None:
    """Come back only when the centre has the message.

    Raises:
        TemporaryFailure: it is on hold, not treated, or busy.
        PermanentFailure: it could not read it, or refuses it.
    """
    if answer.status is Status.OK:
        return
    word = f"the alarm centre answers snu {answer.status.value} ({answer.status.name.lower().replace('_', ' ')})"
    if answer.status in scaip.MAY_PASS:
        raise TemporaryFailure(word)
    raise PermanentFailure(word)
