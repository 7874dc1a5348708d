"""What no number and no day in an address goes beyond, for every route: further on sums and times break."""

import re
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers.base import BaseRouteHandler

from gateway.errors import BadDayError

LARGEST: Final = 2**63 - 1
"""SQLite's largest number."""

FIRST_YEAR, LAST_YEAR = 1900, 2200
"""Before it nobody lived who lives here, and after it nobody plans: with room for every sum and every time zone."""

_DAY: Final = re.compile(r"^[+-]?([0-9]{4,})-[0-9]{2}(?:-[0-9]{2})?(?:[T ].*)?$")
_WORDS: Final = frozenset({"q", "why", "next"})
"""Queries that are anybody's words."""


async def within_limits(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard of every route.

    Raises:
        NotFoundException: a number in the path that nothing can have.
        BadDayError: a day or time in the query of a year outside of FIRST_YEAR to LAST_YEAR.
    """
    for value in connection.path_params.values():
        if isinstance(value, int) and not 0 <= value <= LARGEST:
            raise NotFoundException
    for name, value in connection.query_params.multi_items():
        day = _DAY.match(value) if name not in _WORDS else None
        if day is not None and not FIRST_YEAR <= int(day[1][:9]) < LAST_YEAR:
            raise BadDayError(
                f"{name}: {value[:40]}: expected a day or time of the years {FIRST_YEAR} to {LAST_YEAR - 1}"
            )
