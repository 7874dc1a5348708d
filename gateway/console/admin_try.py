"""The page of a try: progress, what stays, goes and comes by rule and night, and then save or change it again."""

from typing import Any, Final
from urllib.parse import quote

from babel.dates import format_date
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from gateway import words
from gateway.console import trying
from gateway.console.admin import admin_page, after
from gateway.console.deps import console_of
from gateway.console.entry_saving import save_entry
from gateway.console.guards import at_least, concerns, required_visitor
from gateway.console.looks import looked
from gateway.console.pages import Tongue, tongue_for
from gateway.console.routing import Router
from gateway.console.trial_view import TrialView, TriedAlert, only
from gateway.console.trying import Trial
from gateway.errors import CentreError, VersionConflictError
from gateway.words import rule_title, say
from rules.model import Reason

PATIENCE_S: Final = 1.5
"""Most tries of one person are over by then: their result is the first page that is seen."""

SHOWN: Final = 30
"""Alerts of each kind on the page; the API has more."""


def router() -> Router:
    """GET /admin/try/{id}, POST .../cancel, .../save."""

    @get("/{trial:str}")
    async def show(request: Request[Any, Any, Any], trial: FromPath[str]) -> Response[str]:
        found = _trial(request, trial)
        if found.state in {"waiting", "running"}:
            await trying.settle(found, PATIENCE_S)
        return await _page(request, found)

    @post("/{trial:str}/cancel")
    async def cancel(request: Request[Any, Any, Any], trial: FromPath[str]) -> Redirect:
        found = _trial(request, trial)
        trying.cancel(found)
        return Redirect(_back(found), status_code=303)

    @post("/{trial:str}/save")
    async def save(request: Request[Any, Any, Any], trial: FromPath[str]) -> Response[Any]:
        found = _trial(request, trial)
        one = found.proposal
        if one is None:
            raise NotFoundException
        try:
            version, same = await save_entry(
                console_of(request), required_visitor(request), one.base, one.table, one.key, one.edit, one.why
            )
        except (VersionConflictError, CentreError):
            # the form has what was typed, and says at its fields what is wrong by now
            return Redirect(f"{_back(found)}&changed=1", status_code=303)
        return Redirect(f"/admin/plan/{quote(one.resident)}?{after(version, changed=not same)}", status_code=303)

    return Router(
        "/admin/try", route_handlers=[show, cancel, save], guards=[at_least("manager")], include_in_schema=False
    )


def _trial(request: Request[Any, Any, Any], trial: str) -> Trial:
    found = trying.get(console_of(request), trial, required_visitor(request).id)
    if found is None:
        raise NotFoundException
    return found


def _back(trial: Trial) -> str:
    one = trial.proposal
    return "/admin" if one is None else f"/admin/plan/{quote(one.resident)}/rule/{one.place}?trial={trial.id}"


async def _page(request: Request[Any, Any, Any], trial: Trial) -> Response[str]:
    console, visitor = console_of(request), required_visitor(request)
    tongue = tongue_for(request, visitor)
    if trial.found is not None:
        await looked(console, visitor.id, f"try/{trial.proposal.resident if trial.proposal else '*'}", via="page")
    state = trial.state
    return admin_page(
        request,
        "admin_try.html",
        state=state,
        trial=trial.id,
        percent=round(100 * trial.done),
        back=_back(trial),
        days=trial.proposal.days if trial.proposal else 0,
        found=None if trial.found is None else _shown(trial.found, tongue, request),
    )


def _shown(view: TrialView, tongue: Tongue, request: Request[Any, Any, Any]) -> dict[str, Any]:
    index, whole = console_of(request).deps.index(), view
    view = only(view, lambda resident: concerns(index, required_visitor(request), resident))

    def alert(one: TriedAlert) -> dict[str, str]:
        resident = index.residents.get(one.resident or "")
        reason = Reason(one.text, one.values)
        return {
            "at": tongue.at(one.raised_at),
            "title": words.alert_title(one.rule, reason, tongue.language),
            "room": resident.room if resident else "",
            "why": say(reason, tongue.language, tongue.timezone, tongue.now),
        }

    nights = [
        (format_date(day, "EEE d MMM", locale=tongue.language), one)
        for day, one in sorted(view.nights.items(), reverse=True)
        if one.before or one.after
    ]
    return {
        "total": view.total,
        "rules": sorted((rule_title(name, tongue.language), one) for name, one in view.rules.items()),
        "nights": nights,
        "gone": [alert(one) for one in view.gone[:SHOWN]],
        "new": [alert(one) for one in view.new[:SHOWN]],
        "elsewhere": len(whole.gone) + len(whole.new) - len(view.gone) - len(view.new),
        "readings": view.readings,
    }
