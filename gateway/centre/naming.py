"""A person's name in what others wrote: found however it is written, and never a part of somebody else's name."""

import json
import re
from collections.abc import Iterable
from functools import partial
from typing import Final

ERASED: Final = "(erased)"
"""Stands where the name stood."""

_BEGINS: Final = r"(?:(?<![\w-])|(?<=\\[nrt]))"
_ENDS: Final = r"(?![\w-])"
"""Whole words; in JSON a letter before the name may be that of a line's end."""

_GAP: Final = r"(?:\s|\\[nrt]|\\u00a0)+"


class Names:
    """The names of a person, in texts of others.

    Found are whole names with any white space between their words, in any capitals, also with the family name first
    (``Vella, Carmen``), as they are and as JSON writes them. Not found is a part of a longer word ("Al" in "Alma"),
    or of the name of somebody else: when a living person has the same name, the text may be about them, and stays.

    Args:
        names: those of the person.
        others: names of everybody else.
    """

    def __init__(self, names: Iterable[str], others: Iterable[str] = ()) -> None:
        wanted = [form for name in names for form in _forms(name)]
        self._of_one = _any_of(wanted)
        kept = [name for name in others if self._of_one is not None and self._like(name)]
        self._all = _any_of([*(form for name in kept for form in _forms(name)), *wanted]) if kept else self._of_one
        self._kept = _any_of([form for name in kept for form in _forms(name)])

    def out_of(self, text: str) -> str:
        """The text with ``(erased)`` where the person was named; the very same one when they were not."""
        if self._all is None:
            return text
        return self._all.sub(self._said, text)

    def _said(self, found: re.Match[str]) -> str:
        whole = found[0]
        return whole if self._kept is not None and self._kept.fullmatch(whole) else ERASED

    def _like(self, other: str) -> bool:
        # beginnings and ends do not matter here: "Maria Borg" is a part of "Anna Maria Borg-Vella"
        assert self._of_one is not None
        return any(self._of_one.search(part) for part in (other, re.sub(r"[-\u2010-\u2015]", " ", other)))


_in_json = partial(json.dumps, ensure_ascii=False)


def _forms(name: str) -> list[str]:
    """Patterns of a name, the longest first."""
    words = name.split()
    orders = [words] if len(words) < 2 else [words, [words[-1], *words[:-1]], [f"{words[-1]},", *words[:-1]]]
    found: dict[str, None] = {}
    for order in orders:
        for form in (str, str.upper, str.lower, str.title):
            shaped = [form(word) for word in order]
            for written in (str, _in_json, json.dumps):
                parts = (written(word) for word in shaped)
                found[_GAP.join(re.escape(part[1:-1] if written is not str else part) for part in parts)] = None
    return list(found) if words else []


def _any_of(forms: Iterable[str]) -> re.Pattern[str] | None:
    longest = sorted(set(forms), key=lambda form: (-len(form), form))
    return re.compile(f"{_BEGINS}(?:{'|'.join(longest)}){_ENDS}", re.IGNORECASE) if longest else None
