"""Alarm receiving centres: their channels, and the signs of life that are sent to them."""

import secrets
from asyncio import Event
from collections.abc import Callable
from typing import Final

import structlog

from gateway.alerts import desk
from gateway.alerts.model import Incident
from gateway.centre.index import CentreIndex
from gateway.clock import Clock
from gateway.errors import Problem, SettingsError
from gateway.links import Links
from gateway.notify.channel import Channel, Failure
from gateway.notify.channels.cap import CapChannel
from gateway.notify.channels.scaip import ScaipChannel, judge
from gateway.notify.sip_client import SipClient
from gateway.settings import Settings
from gateway.store.writer import Tx, Writer
from rules.model import Priority, Reason

_LOG = structlog.get_logger(__name__)

RULE: Final = "alarm_centre_silent"
_SILENT: Final = Reason("The alarm centre {carer} does not answer our signs of life: it may not hear an alarm either.")
_BACK: Final = Reason("The alarm centre {carer} answers again.")

TRIES: Final = 3
"""So many signs of life in a row without an answer before a person is told: one may be lost on the way."""
RETRY_S: Final = 30.0
"""Seconds between two of these tries."""


def of_alarm_centres(settings: Settings, links: Links) -> list[Channel]:
    """The channels to alarm receiving centres that the settings name.

    Raises:
        SettingsError: a secret is missing.
    """
    found: list[Channel] = []
    if (cap := settings.channels.cap) is not None:
        if cap.secret is None:
            expected = "expected secret_env or secret_file: the alarm centre checks the signature with it"
            raise SettingsError([Problem("gateway.toml", "channels.cap", "(missing)", expected)])
        found.append(
            CapChannel(
                answer_url=lambda number: links.callback("cap", number),
                secret=cap.secret.get_secret_value(),
                allow_private=cap.allow_private,
                timeout_s=cap.timeout_s,
            )
        )
    if (scaip := settings.channels.scaip) is not None:
        client = SipClient(
            scaip.proxy,
            scaip.port,
            transport=scaip.transport,
            sender=scaip.sender,
            route=scaip.route,
            username=scaip.username,
            password=scaip.password.get_secret_value() if scaip.password else None,
        )
        found.append(
            ScaipChannel(client, controller=scaip.controller, callback=scaip.callback, timeout_s=scaip.timeout_s)
        )
    return found


class Heartbeats:
    """Sends signs of life to every centre that a carer's contact leads to; ``run()`` until cancelled.

    Args:
        channel: sends them.
        writer: the daemon's writer.
        index: gives the centre as it is now.
        clock: the gateway's clock.
        every_s: seconds between two signs of life.
    """

    def __init__(
        self,
        channel: ScaipChannel,
        *,
        writer: Writer,
        index: Callable[[], CentreIndex],
        clock: Clock,
        every_s: float,
    ) -> None:
        self._channel = channel
        self._writer = writer
        self._index = index
        self._clock = clock
        self._every_s = every_s
        self._silent: dict[str, bool] = {}

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            for carer, address in self.centres():
                await self.beat(carer, address)
            await self._clock.wait(Event(), self._every_s)

    def centres(self) -> list[tuple[str, str]]:
        """Who is sent signs of life: carer ids with their first address on this channel."""
        found: dict[str, str] = {}
        for carer in self._index().carers.values():
            for contact in carer.contacts:
                if contact.channel == "scaip":
                    found.setdefault(carer.id, contact.address)
        return list(found.items())

    async def beat(self, carer: str, address: str) -> bool:
        """One sign of life, with its tries; what changed is told. Returns whether the centre answered."""
        answered = False
        for number in range(TRIES):
            if number:
                await self._clock.wait(Event(), RETRY_S)
            answered = await self._once(carer, address)
            if answered:
                break
        # The first time too: the process before us may have told that it is silent.
        if self._silent.get(carer) is not (not answered):
            self._silent[carer] = not answered
            await self._writer.write(lambda tx: self._tell(tx, carer, silent=not answered), urgent=True)
        return answered

    async def _once(self, carer: str, address: str) -> bool:
        try:
            answer = await self._channel.heartbeat(address, secrets.token_hex(8))
            judge(answer)
        except (Failure, TimeoutError) as failure:
            _LOG.warning("scaip.no_heartbeat", carer=carer, detail=str(failure) or "no answer in time")
            return False
        _LOG.info("scaip.heartbeat", carer=carer, asked_interval=answer.heartbeat)
        return True

    def _tell(self, tx: Tx, carer: str, *, silent: bool) -> None:
        if not silent:
            reason = Reason(_BACK.text, {"carer": carer})
            desk.clear_incident(tx, self._index(), resident=None, rule_key=RULE, subject=carer, reason=reason)
            return
        incident = Incident(
            rule=RULE,
            rule_key=RULE,
            subject=carer,
            priority=Priority.HIGH,
            reason=Reason(_SILENT.text, {"carer": carer}),
            happened_at=tx.now,
        )
        desk.raise_incident(tx, self._index(), incident)
