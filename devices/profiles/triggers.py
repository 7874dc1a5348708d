"""Which keys of a document a mapping can have anything to do with, so that most mappings need not be tried at all.

A profile has up to twenty mappings and a message mostly two keys: looking the keys up costs less than asking every
mapping. A mapping is passed over only if it could give nothing: no item, no field that is said, or a condition that
can't hold.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

from devices.profiles.mapping import OWN_KEYS

Keys: TypeAlias = frozenset[str] | None
"""At least one of these keys must be in the document; None: no such thing can be said."""


def keys_of(spec: dict[str, Any]) -> Keys:
    """The keys that a ``[[readings]]`` table (one without flaws) needs."""
    if "each" in spec:
        return _first_keys([spec["each"]])
    for condition in spec.get("when", []):
        if "missing" not in condition and "none_of" not in condition and condition.get("present") is not False:
            return _first_keys(_listed(condition["at"]))
    fields = [value for name, value in spec.items() if name not in OWN_KEYS and isinstance(value, dict)]
    if not fields or any("missing" in field for field in fields):
        return None
    return _first_keys(pointer for field in fields for pointer in _listed(field["at"]))


def _listed(at: Any) -> list[str]:
    return at if isinstance(at, list) else [at]


def _first_keys(pointers: Iterable[str]) -> Keys:
    found: set[str] = set()
    for pointer in pointers:
        first = pointer.lstrip("^").split("/")[1] if "/" in pointer else ""
        if not first or first == "*":
            return None
        found.add(first.replace("~1", "/").replace("~0", "~"))
    return frozenset(found)


class Index:
    """Key of a document → the places of the mappings that may have to do with it."""

    def __init__(self, needs: Iterable[Keys]) -> None:
        self._always = 0
        self._masks: dict[str, int] = {}
        self._places: dict[int, tuple[int, ...]] = {}
        self._count = 0
        for place, keys in enumerate(needs):
            self._count += 1
            if keys is None:
                self._always |= 1 << place
            for key in keys or ():
                self._masks[key] = self._masks.get(key, 0) | 1 << place

    def places(self, document: Any) -> tuple[int, ...]:
        """The places of the mappings to try, in order."""
        mask = self._always
        if type(document) is dict:
            masks = self._masks
            for key in document:
                if key in masks:
                    mask |= masks[key]
        else:
            mask = (1 << self._count) - 1
        found = self._places.get(mask)
        if found is None:
            found = tuple(place for place in range(self._count) if mask >> place & 1)
            if len(self._places) < _MOST_KEPT:
                self._places[mask] = found
        return found


_MOST_KEPT = 256
"""Sets of mappings that are remembered: a device has some ten sorts of messages."""
