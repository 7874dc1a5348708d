"""Administration of one rule of a care plan: its settings, and a try before saving."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.centre.diff import Document
from gateway.centre.index import HOUSE
from gateway.console.admin import (
    CHANGED_MEANWHILE,
    LOOK_AT_FIELDS,
    MAX_FORM_BYTES,
    admin_page,
    after,
    flaws_in_words,
    present,
)
from gateway.console.admin_plans import dict_of, name_of_plan, plan_of, title_of, type_of, where
from gateway.console.deps import Console, console_of
from gateway.console.editing import problems_of
from gateway.console.entries import offered, spread
from gateway.console.entry_saving import save_entry
from gateway.console.form_fields import Around, fields
from gateway.console.form_read import NEEDED, Flaw, Form, base_of, form_of, one_of, read
from gateway.console.form_schema import settings_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.pages import tongue_for
from gateway.console.routing import Router
from gateway.console.trying import DAYS, Proposal, begin
from gateway.console.trying import get as get_trial
from gateway.console.warded_guards import own_wards
from gateway.errors import CentreError, VersionConflictError
from gateway.store import centres
from gateway.words import N_

CANT_TRY = N_("This gateway can’t try changes.")
SAME_PLAN = N_("Nothing was changed yet, so there is nothing to try.")
GONE_MEANWHILE = N_(
    "Somebody else changed or removed this rule meanwhile. Look at the plan first; saving here adds what you typed as"
    " a rule of its own."
)

NEW: Final = "new"
"""The place of a rule that is not in the plan yet."""

LONGEST_PLACE: Final = 4


def router() -> Router:
    """GET and POST /admin/plan/{resident}/rule/{place}."""

    @get("/{resident:str}/rule/{place:str}")
    async def rule(request: Request[Any, Any, Any], resident: FromPath[str], place: FromPath[str]) -> Response[str]:
        trial = get_trial(console_of(request), request.query_params.get("trial", ""), required_visitor(request).id)
        kept = trial.proposal if trial is not None else None
        if kept is not None and (kept.resident, kept.place) == (resident, place):
            typed = kept  # back from a try: what was typed is still there
            now = where_now(console_of(request), resident, place, typed.base, str(typed.rule["rule"]))
            tongue = tongue_for(request, required_visitor(request))
            notice = tongue(CHANGED_MEANWHILE) if "changed" in request.query_params else None
            notice = tongue(GONE_MEANWHILE) if now.lost else notice
            return _rule_page(
                request, resident, now.place, rule=typed.rule, why=typed.why, days=typed.days, notice=notice
            )
        return _rule_page(request, resident, place)

    @post("/{resident:str}/rule/{place:str}")
    async def save(request: Request[Any, Any, Any], resident: FromPath[str], place: FromPath[str]) -> Response[Any]:
        return await _save_rule(request, resident, place)

    return Router(
        "/admin/plan",
        route_handlers=[rule, save],
        guards=[at_least("manager"), own_wards],
        include_in_schema=False,
        request_max_body_size=MAX_FORM_BYTES,
    )


def _rule_page(
    request: Request[Any, Any, Any],
    resident: str,
    place: str,
    *,
    rule: Mapping[str, Any] | None = None,
    flaws: Mapping[str, Flaw] | None = None,
    others: list[str] | None = None,
    notice: str | None = None,
    status: int = 200,
    more_rows: str | None = None,
    why: str = "",
    days: int = DAYS[1],
) -> Response[str]:
    console = console_of(request)
    tongue = tongue_for(request, required_visitor(request))
    version, document = present(console)
    rule = rule or rule_at(document, resident, place, request.query_params.get("rule", ""))
    kind = type_of(rule)
    errors = flaws_in_words(flaws or {}, tongue)
    around = Around(
        tongue=tongue,
        timezone=tongue.timezone,
        offered=offered(document, resident=None if resident == HOUSE else resident),
        errors=errors,
        more_rows=more_rows,
    )
    made = fields(settings_of(kind.settings), rule, around)
    placed = {one.path for one in made}
    return admin_page(
        request,
        "admin_rule.html",
        status=status,
        resident=resident,
        place=place,
        name=name_of_plan(document, resident, tongue),
        title=title_of(rule, tongue),
        word=kind.name,
        usual=[one for one in made if one.setting.required or one.filled or _first(one.setting.key)],
        rarer=[one for one in made if not (one.setting.required or one.filled or _first(one.setting.key))],
        others=[
            *(others or ()),
            *(text for path, texts in errors.items() if path.split(".")[0] not in placed for text in texts),
        ],
        notice=notice,
        base=version,
        why=why,
        can_try=console.deps.trier is not None,
        days=days,
        all_days=DAYS,
    )


def _first(key: str) -> bool:
    """Settings that people change most often; the others wait below."""
    return key in {"priority", "from", "to", "minutes", "zone", "zones", "schedule", "by", "device"}


def rule_at(document: Mapping[str, Any], resident: str, place: str, word: str) -> Mapping[str, Any]:
    """The rule at a place of a plan, or a bare one of that word for the place ``new``.

    Raises:
        NotFoundException: no such plan or place.
    """
    rules = plan_of(document, resident).get("rules", ())
    if place == NEW:
        return {"rule": word}
    if not place.isdecimal() or len(place) > LONGEST_PLACE or int(place) >= len(rules):
        raise NotFoundException
    found: Mapping[str, Any] = rules[int(place)]
    return found


class Now(NamedTuple):
    """Where a rule that a form is about stands in the newest plan; ``lost``: somebody changed or removed it."""

    place: str
    word: str
    lost: bool


def where_now(console: Console, resident: str, place: str, base: int, word: str) -> Now:
    """Find the rule that was at a place of a plan when its form was made.

    Places move when somebody takes out another rule, so the rule is known by what it says. One that somebody edited
    at its place, and nothing else of the plan, is still that rule.

    Args:
        resident: whose plan.
        place: where it was in version ``base``; ``new``: it is not in a plan yet.
        base: the version of the centre that the form was made of.
        word: which rule the form is of, as the form says.

    Raises:
        NotFoundException: no such plan, place or rule.
    """
    if place == NEW:
        return Now(NEW, type_of({"rule": word}).name, lost=False)
    rules = list(plan_of(present(console)[1], resident).get("rules", ()))
    seen = plan_of(centres.document_of(console.db(), base) or {}, resident, none={}).get("rules", ())
    if not place.isdecimal() or len(place) > LONGEST_PLACE or int(place) >= len(seen):
        raise NotFoundException
    number, was = int(place), seen[int(place)]
    kind = str(was.get("rule", ""))
    if number < len(rules) and rules[number] == was:
        return Now(place, kind, lost=False)
    if was in rules:
        return Now(str(rules.index(was)), kind, lost=False)
    others = [one for at, one in enumerate(seen) if at != number] == [
        one for at, one in enumerate(rules) if at != number
    ]
    edited = others and number < len(rules) and rules[number].get("rule") == kind
    return Now(place if edited else NEW, kind, lost=not edited)


async def _save_rule(request: Request[Any, Any, Any], resident: str, place: str) -> Response[Any]:
    console, visitor = console_of(request), required_visitor(request)
    tongue = tongue_for(request, visitor)
    form = form_of([(name, str(value)) for name, value in (await request.form()).multi_items()])
    _, document = present(console)
    now = where_now(console, resident, place, base_of(form), one_of(form, "_rule"))
    settings = settings_of(type_of({"rule": now.word}).settings)
    found = read(settings, form, tongue.timezone)
    rule = {"rule": now.word, **found.entry}
    page_of: dict[str, Any] = {"rule": rule, "why": one_of(form, "_why"), "days": _days(form)}
    if now.lost:
        return _rule_page(request, resident, NEW, notice=tongue(GONE_MEANWHILE), status=409, **page_of)
    place = now.place
    if "_more" in form:
        return _rule_page(request, resident, place, more_rows=one_of(form, "_more"), **page_of)
    removed = "_remove" in form and place != NEW
    number = len(plan_of(document, resident).get("rules", ())) if place == NEW else int(place)

    def edit(changed: Document) -> None:
        rules = dict_of(changed, resident).setdefault("rules", [])
        if removed:
            del rules[number]
        elif number < len(rules):
            rules[number] = rule
        else:
            rules.append(rule)

    table, key = where(resident)
    index = [one.get("resident", "house") for one in document.get(table, ())].index(key)
    flaws = {} if removed else dict(found.flaws)
    if flaws or "_try" in form:
        own, others = _of_rule(await problems_of(console, edit), table, index, number)
        flaws = {**own, **flaws}
        if flaws or others:
            notice = tongue(LOOK_AT_FIELDS)
            return _rule_page(
                request, resident, place, flaws=flaws, others=others, notice=notice, status=422, **page_of
            )
    if "_try" in form:
        return _try(request, resident, place, edit, page_of)
    return await _write(request, resident, place, form, edit, (index, number), page_of)


async def _write(
    request: Request[Any, Any, Any],
    resident: str,
    place: str,
    form: Form,
    edit: Callable[[Document], None],
    at: tuple[int, int],
    page_of: dict[str, Any],
) -> Response[Any]:
    """Save; ``at`` says where in the table the plan is, and where in the plan the rule."""
    tongue, (table, key) = tongue_for(request, required_visitor(request)), where(resident)
    try:
        version, same = await save_entry(
            console_of(request), required_visitor(request), base_of(form), table, key, edit, one_of(form, "_why")
        )
    except VersionConflictError:
        return _rule_page(request, resident, place, notice=tongue(CHANGED_MEANWHILE), status=409, **page_of)
    except CentreError as error:
        own, others = _of_rule(error.problems, table, *at)
        notice = tongue(LOOK_AT_FIELDS)
        return _rule_page(request, resident, place, flaws=own, others=others, notice=notice, status=422, **page_of)
    return Redirect(f"/admin/plan/{quote(resident)}?{after(version, changed=not same)}", status_code=303)


def _of_rule(problems: Any, table: str, index: int, number: int) -> tuple[dict[str, Flaw], list[str]]:
    """Problems of one rule by field; those of the rule as a whole, and all others, as sentences."""
    own, others = spread(problems, table, index)
    mine: dict[str, Flaw] = {}
    for path, flaw in own.items():
        head = f"rules.{number}"
        if path.startswith(head + "."):
            mine[path.removeprefix(head + ".")] = Flaw(NEEDED) if flaw.text.startswith("This key") else flaw
        else:
            others.append(flaw.text if path == head else f"{path}: {flaw.text}")
    return mine, others


def _days(form: Form) -> int:
    text = one_of(form, "_days")
    return int(text) if text in {str(one) for one in DAYS} else DAYS[1]


def _try(
    request: Request[Any, Any, Any], resident: str, place: str, edit: Any, page_of: dict[str, Any]
) -> Response[Any]:
    """Start the try, and go to its page; what was typed is kept in the browser's back."""
    console, visitor = console_of(request), required_visitor(request)
    tongue = tongue_for(request, visitor)
    _, document = present(console)
    changed: Document = {**document, where(resident)[0]: [dict(one) for one in document.get(where(resident)[0], ())]}
    for one in changed[where(resident)[0]]:
        one["rules"] = list(one.get("rules", ()))
    edit(changed)
    if changed == document:
        return _rule_page(request, resident, place, notice=tongue(SAME_PLAN), **page_of)
    proposal = Proposal(
        resident=resident,
        place=place,
        rule=page_of["rule"],
        why=page_of["why"],
        days=page_of["days"],
        base=present(console)[0],
        table=where(resident)[0],
        key=where(resident)[1],
        edit=edit,
    )
    trial = begin(
        console,
        visitor.id,
        dict(document),
        changed,
        days=page_of["days"],
        resident=None if resident == HOUSE else resident,
        proposal=proposal,
    )
    if trial is None:
        return _rule_page(request, resident, place, notice=tongue(CANT_TRY), **page_of)
    return Redirect(f"/admin/try/{trial.id}", status_code=303)
