"""What a try of a changed centre found, as pages and the API show it, and who can find it out."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any, Final, Protocol, TypeAlias

import msgspec

Document: TypeAlias = dict[str, Any]
"""A centre as :func:`gateway.centre.load.to_document` writes it."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts: by the present plan, by the changed one, in both, only in the present, only in the changed."""

    before: int
    after: int
    kept: int
    gone: int
    new: int


class TriedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert of one of both plans. ``reason`` is gateway.words.say's Reason as plain data."""

    rule: str
    resident: str | None
    priority: str
    raised_at: datetime
    text: str
    values: dict[str, float | int | str]


class TrialView(msgspec.Struct, frozen=True, kw_only=True):
    """What a changed plan makes of the time from ``since`` until ``until`` (UTC). ``nights``: by the local day on which
    each began; ``gone`` and ``new`` at most MOST_ALERTS each."""

    since: datetime
    until: datetime
    readings: int
    total: Tally
    rules: dict[str, Tally]
    residents: dict[str, Tally]
    nights: dict[date, Tally]
    gone: list[TriedAlert]
    new: list[TriedAlert]


MOST_ALERTS: Final = 100
"""Of those gone, and of those new; the counts have all."""


def only(view: TrialView, may_see: Callable[[str | None], bool]) -> TrialView:
    """What of it somebody may read: when and where is told of the residents whom they may see; the counts have all.

    Args:
        view: what a try found.
        may_see: says so of a resident's id (None: the house).
    """
    return msgspec.structs.replace(
        view,
        residents={one: tally for one, tally in view.residents.items() if may_see(one or None)},
        gone=[one for one in view.gone if may_see(one.resident)],
        new=[one for one in view.new if may_see(one.resident)],
    )


class Trier(Protocol):
    """Judges the history by two centres; cancelling it ends the work."""

    def __call__(
        self, before: Document, after: Document, *, since: datetime, until: datetime, progress: Callable[[float], None]
    ) -> Awaitable[TrialView]:
        """What came of it."""
        ...
