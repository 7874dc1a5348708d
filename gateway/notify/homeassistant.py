"""Open alerts as entities of Home Assistant, by its MQTT discovery
(https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery).

Each resident's room, and the house itself, is a ``binary_sensor``: on while an alert is open. The words are those of a
lock screen. Discovery and states are retained, so that Home Assistant has them after its own restart; a state that is
not repeated for EXPIRES_S becomes unavailable there, so that a dead gateway never shows an all-clear.

With ``answers_as`` each room has buttons too, which answer its most urgent alert in the name of that carer, as any
pager does (gateway.notify.mqtt_answers).
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from gateway.alerts import queries
from gateway.alerts.model import Alert
from gateway.centre.index import CentreIndex
from gateway.clock import Clock
from gateway.errors import BrokerError
from gateway.notify.channels.mqtt import Publisher
from gateway.notify.message import DISCREET
from gateway.notify.mqtt_answers import ANSWER_TOPIC, Word
from gateway.settings.providers import HomeAssistant
from gateway.store.changes import Changes
from gateway.store.database import reader
from gateway.words import N_, gettext, rule_title

_LOG = structlog.get_logger(__name__)

EXPIRES_S = 300
"""After that long without a repeated state Home Assistant calls it unavailable."""
REPEAT_S = 120.0
"""How often states are repeated."""
AGAIN_S = 5.0
"""Wait after the broker could not be spoken to."""

_UNKNOWN = b"?"

HOUSE = "house"
"""The entity of what is nobody's: devices, the broker, the gateway itself."""

BUTTONS = {Word.GOING: N_("I am going"), Word.THERE: N_("I am there")}
"""What can be said from a wall: nobody else is kept from going by it for longer than a promise lasts."""

_ROOM = N_("Room {room}")
_HOUSE = N_("Gateway")


class HomeAssistantStates:
    """Keeps Home Assistant's picture of the open alerts.

    Args:
        options: where to publish.
        publisher: publishes on the broker.
        changes: bumped after each commit that changed an alert.
        index: gives the centre as it is now.
        path: the database file.
        clock: for the waits.
    """

    def __init__(
        self,
        options: HomeAssistant,
        *,
        publisher: Publisher,
        changes: Changes,
        index: Callable[[], CentreIndex],
        path: Path,
        clock: Clock,
    ) -> None:
        self._options = options
        self._publisher = publisher
        self._changes = changes
        self._index = index
        self._path = path
        self._clock = clock
        self._there: dict[str, bytes] = {}
        """What is on the broker, by topic, as far as we know."""

    async def run(self) -> None:
        """Until cancelled; then the entities are told to be unavailable."""
        db = reader(self._path)
        number = -1
        try:
            while True:
                try:
                    await self.publish(db)
                    wait_s = REPEAT_S
                except (BrokerError, TimeoutError) as error:
                    _LOG.warning("homeassistant.not_published", error=type(error).__name__)
                    self._there.clear()
                    wait_s = AGAIN_S
                number = await self._woken(number, wait_s)
        finally:
            db.close()
            with contextlib.suppress(BrokerError, TimeoutError):
                await self._publisher.publish(self._availability, b"offline", qos=1, retain=True, timeout_s=1.0)

    async def publish(self, db: sqlite3.Connection) -> int:
        """Publish what has changed, and what is no more; returns how many messages.

        Raises:
            BrokerError: the broker does not take it.
            TimeoutError: it does not confirm it.
        """
        wanted = self._picture(db)
        for topic in self._there.keys() - wanted.keys():
            wanted[topic] = b""  # an empty retained message takes the entity away
        changed = {topic: body for topic, body in wanted.items() if self._there.get(topic) != body}
        for topic, body in changed.items():
            await self._publisher.publish(topic, body, qos=1, retain=True)
            if body:
                self._there[topic] = body
            else:
                self._there.pop(topic, None)
        return len(changed)

    async def _woken(self, number: int, wait_s: float) -> int:
        """Wait for a change of an alert, or until states are to be repeated."""
        changing = asyncio.ensure_future(self._changes.after(number))
        waiting = asyncio.ensure_future(self._clock.wait(asyncio.Event(), wait_s))
        try:
            await asyncio.wait({changing, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if changing.done():
                return changing.result()
            # all of it again, so that nothing expires
            self._there = dict.fromkeys(self._there, _UNKNOWN)
            return number
        finally:
            changing.cancel()
            waiting.cancel()

    @property
    def _base(self) -> str:
        return self._options.states.replace("{site}", self._index().site.id)

    @property
    def _availability(self) -> str:
        return f"{self._base}/status"

    def _picture(self, db: sqlite3.Connection) -> dict[str, bytes]:
        index = self._index()
        alerts: dict[str, list[Alert]] = {resident: [] for resident in (HOUSE, *index.residents)}
        for alert in queries.open_alerts(db):
            alerts.get(alert.resident or HOUSE, alerts[HOUSE]).append(alert)
        picture = {self._availability: b"online"}
        for resident, found in alerts.items():
            picture[self._config_topic(resident)] = msgspec.json.encode(self._config(resident, index))
            picture[self._state_topic(resident)] = msgspec.json.encode(_state(found, index.site.language))
        picture |= self._buttons(index)
        return picture

    def _buttons(self, index: CentreIndex) -> dict[str, bytes]:
        """Two buttons a room; none when the carer they would answer for can't answer here."""
        carer = index.carers.get(self._options.answers_as or "")
        if carer is None or all(way.channel != "mqtt" for way in carer.contacts):
            return {}
        buttons: dict[str, bytes] = {}
        for resident in index.residents:
            for word, title in BUTTONS.items():
                unique = f"{self._unique(resident)}_{word}"
                config = self._config(resident, index)
                body = {
                    "name": f"{config['name']}: {gettext(title, index.site.language)}",
                    "unique_id": unique,
                    "command_topic": ANSWER_TOPIC.format(site=index.site.id, carer=carer.id),
                    # Home Assistant fills in the number, so that each press is an answer of its own
                    "command_template": '{"v":1,"id":"ha-{{ (now().timestamp() * 1000) | int }}",'
                    f'"answer":"{word}","resident":{msgspec.json.encode(resident).decode()}'
                    ',"t":"{{ utcnow().isoformat() }}"}',
                    "qos": 1,
                    "retain": False,
                    **{key: config[key] for key in ("availability_topic", "device", "origin")},
                }
                buttons[f"{self._options.prefix}/button/{unique}/config"] = msgspec.json.encode(body)
        return buttons

    def _config_topic(self, resident: str) -> str:
        return f"{self._options.prefix}/binary_sensor/{self._unique(resident)}/config"

    def _state_topic(self, resident: str) -> str:
        return f"{self._base}/{resident}"

    def _unique(self, resident: str) -> str:
        return f"telecare_{self._index().site.id}_{resident}".replace(".", "-")

    def _config(self, resident: str, index: CentreIndex) -> dict[str, Any]:
        language, topic = index.site.language, self._state_topic(resident)
        room = None if resident == HOUSE else index.public_name(resident)
        return {
            "name": gettext(_ROOM, language, room=room) if room else gettext(_HOUSE, language),
            "unique_id": self._unique(resident),
            "device_class": "safety" if room else "problem",
            "state_topic": topic,
            "value_template": "{{ value_json.state }}",
            "json_attributes_topic": topic,
            "availability_topic": self._availability,
            "expire_after": EXPIRES_S,
            "device": {"identifiers": [f"telecare_{index.site.id}"], "name": index.site.name},
            "origin": {"name": "telecare-gateway"},
        }


def _state(alerts: list[Alert], language: str) -> dict[str, Any]:
    """On while something is open; the attributes are those of the most urgent alert."""
    first = alerts[0] if alerts else None
    if first is None:
        return {"state": "OFF", "alerts": 0, "alert": None, "priority": None, "what": None, "answered": None}
    discreet = DISCREET.get(first.rule)
    return {
        "state": "ON",
        "alerts": len(alerts),
        "alert": first.id,
        "priority": first.priority.value,
        "what": gettext(discreet, language) if discreet else rule_title(first.rule, language),
        "answered": first.taken_by is not None,
    }
