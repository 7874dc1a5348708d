"""Whose business a search is: lists, ends and beginnings of searches ask here."""

from gateway.alerts import queries, searching
from gateway.alerts.searching import Search
from gateway.console.deps import Console
from gateway.console.guards import Visitor, may_see, opened
from gateway.errors import BadAnswerError, UnknownAlertError


def searches_for(console: Console, visitor: Visitor) -> list[Search]:
    """The searches that go on and are the visitor's business, the newest first."""
    found = searching.searches(console.db(), now=console.deps.clock.now())
    return [one for one in found if _may_know(console, visitor, one)]


def _may_know(console: Console, visitor: Visitor, search: Search) -> bool:
    """Of staff of the ward, of who made it, and of who may see the alert behind it; only of people who live here."""
    resident = console.deps.index().residents.get(search.resident)
    if resident is None:
        return False
    return (
        visitor.sees(resident)
        or search.made_by == visitor.id
        or opened(console, visitor, resident.id)
        or (search.alert is not None and may_see(console, visitor, search.alert))
    )


async def end_search(visitor: Visitor, console: Console, number: int) -> Search:
    """End a search.

    Raises:
        BadAnswerError: there is none of that number, or it is none of the visitor's business.
    """
    if not _may_know(console, visitor, searching.find(console.db(), number)):
        raise BadAnswerError(f"search: {number}: expected the number of a search")
    return await console.deps.writer.write(lambda tx: searching.end(tx, number, who=visitor.id))


def is_about(console: Console, visitor: Visitor, alert: int, resident: str) -> bool:
    """Whether it is an alert about that resident which the visitor may see: whoever was told may begin a search."""
    try:
        about = queries.alert(console.db(), alert).resident
    except UnknownAlertError:
        return False
    return about == resident and may_see(console, visitor, alert)
