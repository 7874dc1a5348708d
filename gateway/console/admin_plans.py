"""Administration of care plans: who is told, which rules watch, their settings, and a try before saving."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, Router, get, post
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
from gateway.console.admin_entries import save_entry
from gateway.console.deps import console_of
from gateway.console.editing import problems_of
from gateway.console.entries import TABLE_WORDS, find, offered, spread
from gateway.console.form_fields import Around, fields
from gateway.console.form_read import NEEDED, Flaw, Form, form_of, read
from gateway.console.form_schema import settings_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.pages import Tongue, tongue_for
from gateway.console.trying import DAYS, Proposal, begin
from gateway.console.trying import get as get_trial
from gateway.errors import CentreError, VersionConflictError
from gateway.words import N_, rule_title
from rules.errors import BadRuleError
from rules.registry import RULES, RuleType
from rules.registry import find as find_rule

CANT_TRY = N_("This gateway can’t try changes.")
SAME_PLAN = N_("Nothing was changed yet, so there is nothing to try.")


def router() -> Router:
    """GET and POST /admin/plan/{resident}, .../rule/{place}; POST .../rule/{place}/remove."""

    @get("/{resident:str}")
    async def plan(request: Request[Any, Any, Any], resident: FromPath[str]) -> Response[str]:
        return _plan_page(request, resident)

    @post("/{resident:str}")
    async def policy(request: Request[Any, Any, Any], resident: FromPath[str]) -> Response[Any]:
        return await _set_policy(request, resident)

    @get("/{resident:str}/rule/{place:str}")
    async def rule(request: Request[Any, Any, Any], resident: FromPath[str], place: FromPath[str]) -> Response[str]:
        trial = get_trial(console_of(request), request.query_params.get("trial", ""), required_visitor(request).id)
        if trial is not None and trial.proposal is not None and trial.proposal.place == place:
            typed = trial.proposal  # back from a try: what was typed is still there
            return _rule_page(request, resident, place, rule=typed.rule, why=typed.why, days=typed.days)
        return _rule_page(request, resident, place)

    @post("/{resident:str}/rule/{place:str}")
    async def save(request: Request[Any, Any, Any], resident: FromPath[str], place: FromPath[str]) -> Response[Any]:
        return await _save_rule(request, resident, place)

    return Router(
        "/admin/plan",
        route_handlers=[plan, policy, rule, save],
        guards=[at_least("manager")],
        include_in_schema=False,
        request_max_body_size=MAX_FORM_BYTES,
    )


def _where(resident: str) -> tuple[str, str]:
    """Table and key of a plan."""
    return ("house_plans", "house") if resident == HOUSE else ("care_plans", resident)


def _plan(document: Mapping[str, Any], resident: str) -> Mapping[str, Any]:
    plan = find(document, *_where(resident))
    if plan is None:
        raise NotFoundException
    return plan


def _name(document: Mapping[str, Any], resident: str, tongue: Tongue) -> str:
    person = find(document, "residents", resident)
    house = TABLE_WORDS["house_plans"].one
    return tongue(house) if person is None else f"{person['name']} ({person['room']})"


def _plan_page(
    request: Request[Any, Any, Any], resident: str, *, others: list[str] | None = None, status: int = 200
) -> Response[str]:
    tongue = tongue_for(request, required_visitor(request))
    version, document = present(console_of(request))
    plan = _plan(document, resident)
    rules = [
        {"place": place, "title": title_of(one, tongue), "more": _changed(one, tongue)}
        for place, one in enumerate(plan.get("rules", ()))
    ]
    return admin_page(
        request,
        "admin_plan.html",
        status=status,
        resident=resident,
        name=_name(document, resident, tongue),
        rules=rules,
        policy=plan["policy"],
        policies=offered(document)["policies"],
        new_rules=sorted(((one.name, tongue(one.title)) for one in RULES), key=lambda pair: pair[1].casefold()),
        others=others or [],
        base=version,
    )


def title_of(rule: Mapping[str, Any], tongue: Tongue) -> str:
    """What people call a rule of a plan."""
    own = rule.get("title")
    return own if isinstance(own, str) and own else rule_title(str(rule.get("rule", "")), tongue.language)


def _changed(rule: Mapping[str, Any], tongue: Tongue) -> str:
    """The settings that are not the usual ones, in short."""
    made = fields(settings_of(_type(rule).settings), rule, Around(tongue, tongue.timezone, {}, {}))
    told = [
        f"{one.label} {one.value}{' ' + tongue(one.setting.unit) if one.setting.unit else ''}"
        for one in made
        if one.kind in {"number", "time", "text", "choice"}
        and one.value not in ("", None)
        and rule.get(one.setting.key) != one.setting.default
    ]
    return ", ".join(told[:4])


def _type(rule: Mapping[str, Any]) -> RuleType:
    try:
        return find_rule(str(rule.get("rule", "")))
    except BadRuleError:
        raise NotFoundException from None


async def _set_policy(request: Request[Any, Any, Any], resident: str) -> Response[Any]:
    console, visitor = console_of(request), required_visitor(request)
    form = form_of([(name, str(value)) for name, value in (await request.form()).multi_items()])
    _plan(present(console)[1], resident)

    def edit(changed: Document) -> None:
        dict_of(changed, resident)["policy"] = _one(form, "policy")

    try:
        version, same = await save_entry(console, visitor, _base(form), *_where(resident), edit, _one(form, "_why"))
    except CentreError as error:
        return _plan_page(
            request, resident, others=[f"{one.key}: {one.expected}" for one in error.problems], status=422
        )
    return Redirect(f"/admin/plan/{quote(resident)}?{after(version, changed=not same)}", status_code=303)


def dict_of(document: Document, resident: str) -> dict[str, Any]:
    """A plan in a document that may be changed.

    Raises:
        NotFoundException: there is none.
    """
    found = _plan(document, resident)
    assert isinstance(found, dict), "a decoded document holds dicts"
    return found


def _one(form: Form, name: str) -> str:
    return (form.get(name) or [""])[0]


def _base(form: Form) -> int:
    text = _one(form, "_base")
    return int(text) if text.isdecimal() and len(text) < 12 else 0


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
    rule = rule or _rule_at(document, resident, place, request.query_params.get("rule", ""))
    kind = _type(rule)
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
        name=_name(document, resident, tongue),
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


def _rule_at(document: Mapping[str, Any], resident: str, place: str, word: str) -> Mapping[str, Any]:
    rules = _plan(document, resident).get("rules", ())
    if place == "new":
        return {"rule": word}
    if not place.isdecimal() or len(place) > 4 or int(place) >= len(rules):
        raise NotFoundException
    found: Mapping[str, Any] = rules[int(place)]
    return found


async def _save_rule(request: Request[Any, Any, Any], resident: str, place: str) -> Response[Any]:
    console, visitor = console_of(request), required_visitor(request)
    tongue = tongue_for(request, visitor)
    form = form_of([(name, str(value)) for name, value in (await request.form()).multi_items()])
    _, document = present(console)
    old = _rule_at(document, resident, place, _one(form, "_rule"))
    settings = settings_of(_type(old).settings)
    found = read(settings, form, tongue.timezone)
    rule = {"rule": old["rule"], **found.entry}
    page_of: dict[str, Any] = {"rule": rule, "why": _one(form, "_why"), "days": _days(form)}
    if "_more" in form:
        return _rule_page(request, resident, place, more_rows=_one(form, "_more"), **page_of)
    removed = "_remove" in form and place != "new"
    number = len(_plan(document, resident).get("rules", ())) if place == "new" else int(place)

    def edit(changed: Document) -> None:
        rules = dict_of(changed, resident).setdefault("rules", [])
        if removed:
            del rules[number]
        elif number < len(rules):
            rules[number] = rule
        else:
            rules.append(rule)

    table, key = _where(resident)
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
    try:
        version, same = await save_entry(console, visitor, _base(form), table, key, edit, _one(form, "_why"))
    except VersionConflictError:
        return _rule_page(request, resident, place, notice=tongue(CHANGED_MEANWHILE), status=409, **page_of)
    except CentreError as error:
        own, others = _of_rule(error.problems, table, index, number)
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
    text = _one(form, "_days")
    return int(text) if text in {str(one) for one in DAYS} else DAYS[1]


def _try(
    request: Request[Any, Any, Any], resident: str, place: str, edit: Any, page_of: dict[str, Any]
) -> Response[Any]:
    """Start the try, and go to its page; what was typed is kept in the browser's back."""
    console, visitor = console_of(request), required_visitor(request)
    tongue = tongue_for(request, visitor)
    _, document = present(console)
    changed: Document = {**document, _where(resident)[0]: [dict(one) for one in document.get(_where(resident)[0], ())]}
    for one in changed[_where(resident)[0]]:
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
        table=_where(resident)[0],
        key=_where(resident)[1],
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
