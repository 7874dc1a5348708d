"""Who looked at a resident's data: for the resident and the family, by day, in plain words, to be printed."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath, QueryParameter

from gateway.alerts import glass
from gateway.console.deps import Console, console_of
from gateway.console.guards import Visitor, at_least, required_visitor, resident_for
from gateway.console.looks import looked
from gateway.console.pages import Tongue, page, tongue_for
from gateway.console.routing import Router
from gateway.console.view import name_of
from gateway.store import looking
from gateway.store.looking import Look
from gateway.words import LANGUAGES, N_, rule_title

AT_A_TIME: Final = 200

NAMES: Final = {
    "en": "English", "fr": "Français", "de": "Deutsch", "it": "Italiano", "es": "Español", "da": "Dansk",
    "mt": "Malti",
}  # fmt: skip
"""Each language in its own words."""

_SAW: Final = {
    "sleep": N_("{who} looked at a night in numbers."),
    "search": N_("Somebody opened the link of a search for you."),
    "person.export": N_("{who} made a copy of everything that is stored about you."),
    "glass.break": N_("{who} opened what was not agreed."),
    "resident": N_("{who} looked at your page."),
    "centre": N_("{who} looked at what is kept about you in the administration."),
    "zone": N_("{who} looked at a place that you use."),
    "try": N_("{who} tried a rule on your past days."),
}
_VIA: Final = {"link": N_("by the link of a message"), "api": N_("with another program"), "cli": N_("at the computer")}


class LookView(msgspec.Struct, kw_only=True):
    """A look. ``at`` is UTC; ``who`` is a carer's id, null for whoever had the link of a search; ``why`` is the
    reason that was given when it was not agreed; ``words`` is a sentence in the asker's language."""

    at: datetime
    who: str | None
    target: str
    via: str | None
    why: str | None
    words: str


class LooksView(msgspec.Struct, kw_only=True):
    """Looks at a resident, the newest first. ``next``: cursor of the older ones; null: there are none."""

    resident: str
    looks: list[LookView]
    next: str | None


Before = Annotated[int | None, QueryParameter(ge=1, le=2**62, description="Where the last answer ended (its cursor).")]
Cursor = Annotated[
    str | None, QueryParameter(pattern=r"^[0-9]{1,18}$", description="`next` of the piece before; none: the newest.")
]
Limit = Annotated[int, QueryParameter(ge=1, le=looking.MOST, description="At most so many.")]


def router() -> Router:
    """GET /residents/{id}/looks, and the same below /api. Relatives see those of their own person."""

    @get("/residents/{resident:str}/looks")
    async def show(
        request: Request[Any, Any, Any],
        resident: FromPath[str],
        before: Before = None,
        lang: Annotated[str, QueryParameter(max_length=5)] = "",
    ) -> Response[str]:
        visitor, console = _allowed(request, resident)
        spoken = tongue_for(request, visitor)
        tongue = Tongue(lang, spoken.timezone, spoken.now) if lang in LANGUAGES else spoken
        found, older = looking.looks_of(console.db(), resident, before=before, limit=AT_A_TIME)
        await looked(console, visitor.id, f"resident/{resident}/looks", via="page")
        lists = looking.lists_since(console.db(), found[-1].seq) if found else 0
        return page(
            request,
            "looks.html",
            tongue,
            visitor=visitor,
            resident=console.deps.index().residents[resident],
            days=_days(console, found, tongue),
            older=older,
            lists=lists,
            languages=[(code, NAMES[code]) for code in LANGUAGES],
            glass=[
                tongue(
                    "{who}, {since} to {until}: {why}",
                    who=name_of(one.carer, console.deps.index(), tongue),
                    since=tongue.at(one.since),
                    until=tongue.at(one.ended_at),
                    why=one.why,
                )
                for one in glass.opened_of(console.db(), resident)
            ],
            printed=tongue.at(tongue.now),
        )

    @get(
        "/api/residents/{resident:str}/looks",
        include_in_schema=True,
        summary="Who looked at a resident's data",
        operation_id="looksAtResident",
    )
    async def listed(
        request: Request[Any, Any, Any], resident: FromPath[str], cursor: Cursor = None, limit: Limit = 100
    ) -> LooksView:
        visitor, console = _allowed(request, resident)
        tongue = tongue_for(request, visitor)
        found, older = looking.looks_of(console.db(), resident, before=int(cursor) if cursor else None, limit=limit)
        await looked(console, visitor.id, f"resident/{resident}/looks", via="api")
        views = [
            LookView(
                at=one.at,
                who=one.who,
                target=one.target,
                via=one.via,
                why=one.why,
                words=_words(console, one, tongue),
            )
            for one in found
        ]
        return LooksView(resident=resident, looks=views, next=None if older is None else str(older))

    return Router(
        "/", route_handlers=[show, listed], guards=[at_least("relative")], include_in_schema=False, tags=["privacy"]
    )


def _allowed(request: Request[Any, Any, Any], resident: str) -> tuple[Visitor, Console]:
    visitor, console = required_visitor(request), console_of(request)
    resident_for(request, resident, by_glass=True)
    return visitor, console


def _days(console: Console, found: list[Look], tongue: Tongue) -> list[tuple[str, list[dict[str, Any]]]]:
    days: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        local = one.at.astimezone(tongue.timezone)
        lines = days.setdefault(tongue.day(local.date()), [])
        words = _words(console, one, tongue)
        if lines and lines[-1]["words"] == words and lines[-1]["why"] == one.why and lines[-1]["hour"] == local.hour:
            lines[-1]["times"] += 1  # a page that is opened five times in an hour is one line
            continue
        line = {"iso": one.at.isoformat(), "at": f"{local:%H:%M}", "hour": local.hour, "words": words, "times": 1}
        lines.append(line | {"why": one.why})
    return list(days.items())


def _words(console: Console, one: Look, tongue: Tongue) -> str:
    who = name_of(one.who, console.deps.index(), tongue) if one.who else tongue("Somebody")
    kind, _, rest = one.target.partition("/")
    if kind == "alert":
        said = tongue("{who} looked at an alert: {what}.", who=who, what=_alert(console, rest, tongue))
    else:
        said = tongue(_SAW.get(one.action) or _SAW.get(kind) or _SAW["resident"], who=who)
    via = _VIA.get(one.via or "")
    return said if via is None or one.action != "look" else f"{said.removesuffix('.')}, {tongue(via)}."


def _alert(console: Console, number: str, tongue: Tongue) -> str:
    row = console.db().execute("SELECT rule FROM alerts WHERE id = ?", (number,)).fetchone()
    return tongue("past its time") if row is None else rule_title(row["rule"], tongue.language)
