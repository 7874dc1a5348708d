"""Who has to be there: a house that has an administrator, or a manager, does not lose the last one by a change."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import Problem

NO_ADMIN: Final = "Somebody has to be administrator; name another one first."
NO_MANAGER: Final = "Somebody has to be manager or administrator; name another one first."


def left_empty(before: Mapping[str, Any], after: Mapping[str, Any], *, file: str = "centre") -> list[Problem]:
    """What ``after`` would leave empty that ``before`` has: nobody is administrator, or nobody is manager or more.

    Args:
        before: the document in force.
        after: the one that is wanted.
        file: names the document in the problems.
    """
    old, new = ({str(one.get("role")) for one in document.get("carers", ())} for document in (before, after))
    if "admin" in old and "admin" not in new:
        return [Problem(file, "carers", "-", NO_ADMIN)]
    if old & {"manager", "admin"} and not new & {"manager", "admin"}:
        return [Problem(file, "carers", "-", NO_MANAGER)]
    return []
