"""Administration of care plans: who is told, and which rules watch."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from gateway.centre.diff import Document
from gateway.centre.index import HOUSE
from gateway.console.admin import (
    CHANGED_MEANWHILE,
    MAX_FORM_BYTES,
    admin_page,
    after,
    listed,
    present,
)
from gateway.console.deps import console_of
from gateway.console.entries import TABLE_WORDS, find, offered
from gateway.console.entry_saving import save_entry
from gateway.console.form_fields import Around, fields
from gateway.console.form_read import base_of, form_of, one_of
from gateway.console.form_schema import settings_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.pages import Tongue, tongue_for
from gateway.console.routing import Router
from gateway.console.warded_guards import own_wards
from gateway.errors import CentreError, VersionConflictError
from gateway.words import rule_title
from rules.errors import BadRuleError
from rules.registry import RULES, RuleType
from rules.registry import find as find_rule


def router() -> Router:
    """GET and POST /admin/plan/{resident}."""

    @get("/{resident:str}")
    async def plan(request: Request[Any, Any, Any], resident: FromPath[str]) -> Response[str]:
        return _plan_page(request, resident)

    @post("/{resident:str}")
    async def policy(request: Request[Any, Any, Any], resident: FromPath[str]) -> Response[Any]:
        return await _set_policy(request, resident)

    return Router(
        "/admin/plan",
        route_handlers=[plan, policy],
        guards=[at_least("manager"), own_wards],
        include_in_schema=False,
        request_max_body_size=MAX_FORM_BYTES,
    )


def where(resident: str) -> tuple[str, str]:
    """Table and key of a plan."""
    return ("house_plans", "house") if resident == HOUSE else ("care_plans", resident)


def plan_of(document: Mapping[str, Any], resident: str, *, none: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """A plan in a document; ``none`` when there is none.

    Raises:
        NotFoundException: there is none, and nothing to take for it.
    """
    plan = find(document, *where(resident)) or none
    if plan is None:
        raise NotFoundException
    return plan


def name_of_plan(document: Mapping[str, Any], resident: str, tongue: Tongue) -> str:
    """Whose plan it is, as people call them: name and room, or the house."""
    person = find(document, "residents", resident)
    house = TABLE_WORDS["house_plans"].one
    return tongue(house) if person is None else f"{person['name']} ({person['room']})"


def _plan_page(
    request: Request[Any, Any, Any], resident: str, *, others: list[str] | None = None, status: int = 200
) -> Response[str]:
    tongue = tongue_for(request, required_visitor(request))
    version, document = present(console_of(request))
    plan = plan_of(document, resident)
    rules = [
        {"place": place, "title": title_of(one, tongue), "more": _changed(one, tongue)}
        for place, one in enumerate(plan.get("rules", ()))
    ]
    return admin_page(
        request,
        "admin_plan.html",
        status=status,
        resident=resident,
        name=name_of_plan(document, resident, tongue),
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
    made = fields(settings_of(type_of(rule).settings), rule, Around(tongue, tongue.timezone, {}, {}))
    told = [
        f"{one.label} {one.value}{' ' + tongue(one.setting.unit) if one.setting.unit else ''}"
        for one in made
        if one.kind in {"number", "time", "text", "choice"}
        and one.value not in ("", None)
        and rule.get(one.setting.key) != one.setting.default
    ]
    return ", ".join(told[:4])


def type_of(rule: Mapping[str, Any]) -> RuleType:
    """The rule's type.

    Raises:
        NotFoundException: there is no such rule.
    """
    try:
        return find_rule(str(rule.get("rule", "")))
    except BadRuleError:
        raise NotFoundException from None


async def _set_policy(request: Request[Any, Any, Any], resident: str) -> Response[Any]:
    console, visitor = console_of(request), required_visitor(request)
    form = form_of([(name, str(value)) for name, value in (await request.form()).multi_items()])
    plan_of(present(console)[1], resident)

    def edit(changed: Document) -> None:
        dict_of(changed, resident)["policy"] = one_of(form, "policy")

    try:
        version, same = await save_entry(console, visitor, base_of(form), *where(resident), edit, one_of(form, "_why"))
    except VersionConflictError:
        notice = tongue_for(request, visitor)(CHANGED_MEANWHILE)
        return _plan_page(request, resident, others=[notice], status=409)
    except CentreError as error:
        others = listed(error.problems, tongue_for(request, visitor))
        return _plan_page(request, resident, others=others, status=422)
    return Redirect(f"/admin/plan/{quote(resident)}?{after(version, changed=not same)}", status_code=303)


def dict_of(document: Document, resident: str) -> dict[str, Any]:
    """A plan in a document that may be changed.

    Raises:
        NotFoundException: there is none.
    """
    found = plan_of(document, resident)
    assert isinstance(found, dict), "a decoded document holds dicts"
    return found
