"""What is wrong in a profile's file: collected, so that its author sees everything at once."""

from collections.abc import Iterable
from typing import Any, TypeGuard

import msgspec

from devices.errors import DeviceError
from devices.refusals import shown


class Flaw(msgspec.Struct, frozen=True):
    """One thing wrong: in which file, at which key, what stands there and what is expected."""

    file: str
    key: str
    value: str
    expected: str

    def __str__(self) -> str:
        """As one line: ``my.toml: readings[2].kind: "fal": expected …``."""
        return f"{self.file}: {self.key}: {self.value}: {self.expected}"


class ProfileError(DeviceError):
    """A profile can't be used; carries every flaw found."""

    def __init__(self, flaws: list[Flaw]) -> None:
        super().__init__("\n".join(map(str, flaws)))
        self.flaws = flaws


class Flaws:
    """The flaws of one file so far."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Flaw] = []

    def add(self, key: str, value: Any, expected: str) -> None:
        """One more; ``value`` is shown shortened."""
        self.found.append(Flaw(self.file, key, shown(value), f"expected {expected}"))

    def missing(self, key: str, expected: str) -> None:
        """A key that must be there is not."""
        self.found.append(Flaw(self.file, key, "(missing)", f"expected {expected}"))

    def table(self, value: Any, key: str, known: Iterable[str]) -> TypeGuard[dict[str, Any]]:
        """Whether it is a table; keys that are not known are flaws."""
        if not isinstance(value, dict):
            self.add(key, value, "a table")
            return False
        names = tuple(known)
        for name in value:
            if name not in names:
                self.add(f"{key}.{name}".lstrip("."), value[name], f"no key of this name; known: {', '.join(names)}")
        return True

    def text(self, table: dict[str, Any], name: str, key: str, *, required: bool = True) -> str:
        """A text of a table; "" where it is missing or no text."""
        value = table.get(name)
        if value is None and not required:
            return ""
        if value is None:
            self.missing(f"{key}{name}", "a text in quotes")
        elif not isinstance(value, str) or not value.strip():
            self.add(f"{key}{name}", value, "a text in quotes that is not empty")
        else:
            return value
        return ""

    def texts(self, table: dict[str, Any], name: str, key: str) -> tuple[str, ...]:
        """A list of texts; () where it is missing or wrong."""
        value = table.get(name, [])
        if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
            return tuple(value)
        self.add(f"{key}{name}", value, "a list of texts in quotes")
        return ()
