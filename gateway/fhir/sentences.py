"""What alerts say, as whole sentences: the store keeps the words and what goes into their blanks apart."""

from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

import msgspec

from gateway.clock import from_ms
from gateway.words import say
from rules.model import Reason


class Sentences(msgspec.Struct, frozen=True):
    """Fills the blanks, for a house: its language, its time zone, and the time at which it is read (UTC-aware)."""

    language: str
    timezone: ZoneInfo
    now: datetime

    @classmethod
    def of(cls, person: dict[str, Any], now: datetime) -> Self:
        """Of the house of a person as gateway.store.export.person gives them."""
        house = person["centre"]
        return cls(house["language"], ZoneInfo(house["timezone"]), now)

    def __call__(self, line: dict[str, Any]) -> dict[str, Any]:
        """The line, in which every reason (``text`` and ``values``) has its ``sentence`` too, however deep it lies."""
        return {name: self._filled(value) for name, value in self._said(line).items()}

    def _filled(self, value: object) -> object:
        match value:
            case dict():
                return self(value)
            case list():
                return [self._filled(one) for one in value]
        return value

    def _said(self, line: dict[str, Any]) -> dict[str, Any]:
        if not (isinstance(line.get("text"), str) and isinstance(line.get("values"), dict)):
            return line
        sentence = say(msgspec.convert(line, Reason), self.language, self.timezone, self.now)
        return line | {
            "values": {name: _time(name, value) for name, value in line["values"].items()},
            "sentence": sentence,
        }


def _time(name: str, value: object) -> object:
    """A value that is a time (epoch milliseconds) as one; see rules.model.Reason."""
    return from_ms(int(value)) if name.endswith("_at") and isinstance(value, int | float) else value
