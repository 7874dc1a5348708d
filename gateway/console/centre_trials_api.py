"""Trying a care plan over the past as JSON, as the pages do; for managers."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.params import FromPath, JSONBody

from gateway.console import editing, trying
from gateway.console.admin import MAX_FORM_BYTES
from gateway.console.deps import console_of
from gateway.console.editing import in_force
from gateway.console.entries import find
from gateway.console.guards import at_least, concerns, required_visitor, same_origin
from gateway.console.looks import looked
from gateway.console.once import once
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.console.trial_view import TrialView, only
from gateway.console.trying import DAYS
from gateway.console.warded import hidden
from gateway.errors import CentreError


class TrialWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A care plan to try: ``plan`` as it would stand in the centre file; over the last ``days`` days."""

    plan: dict[str, Any]
    days: int = DAYS[1]


class TrialState(msgspec.Struct, kw_only=True):
    """How far a try is: ``state`` is waiting, running, done, failed or cancelled; ``done`` from 0 to 1."""

    id: str
    state: str
    done: float
    began: datetime
    found: TrialView | None


def router() -> Router:
    """/api/centre/trials and below."""
    writes: dict[str, Any] = {"guards": [same_origin], "opt": {"exclude_from_csrf": True}}

    @post(
        "/trials", status_code=202, summary="Try a care plan over the past", operation_id="tryPlan",
        request_max_body_size=MAX_FORM_BYTES, **writes,
    )  # fmt: skip
    @once
    async def begin(request: Request[Any, Any, Any], data: JSONBody[TrialWanted]) -> Response[Any]:
        console, visitor = console_of(request), required_visitor(request)
        resident = data.plan.get("resident")
        present = dict(in_force(console).document)
        known = isinstance(resident, str) and find(present, "care_plans", resident) is not None
        if not isinstance(resident, str) or not known or hidden(visitor, present, "residents", resident):
            return problem(422, "plan.resident: expected the id of a resident who has a care plan")
        if data.days not in DAYS:
            return problem(422, f"days: {data.days}: expected one of {', '.join(map(str, DAYS))}")
        others = [one for one in present["care_plans"] if one["resident"] != resident]
        changed = {**present, "care_plans": [*others, data.plan]}
        problems = await editing.problems_of(console, lambda document: document.update(changed))
        if problems:
            raise CentreError(problems)
        trial = trying.begin(console, visitor.id, present, changed, days=data.days, resident=resident)
        if trial is None:
            return problem(503, "This gateway can't try changes.")
        return Response(_state(trial), status_code=202, headers={"Location": f"/api/centre/trials/{trial.id}"})

    @get("/trials/{trial:str}", summary="How far a try is, and what it found", operation_id="trial")
    async def look(request: Request[Any, Any, Any], trial: FromPath[str]) -> Response[Any]:
        console, visitor = console_of(request), required_visitor(request)
        found = trying.get(console, trial, visitor.id)
        if found is None:
            return problem(404, "There is no such try, or it was forgotten.")
        await looked(console, visitor.id, "try", via="api")
        state, index = _state(found), console.deps.index()
        if state.found is not None:
            state.found = only(state.found, lambda resident: concerns(index, visitor, resident))
        return Response(state)

    @delete("/trials/{trial:str}", status_code=200, summary="Stop a try", operation_id="cancelTrial", **writes)
    async def stop(request: Request[Any, Any, Any], trial: FromPath[str]) -> Response[Any]:
        found = trying.get(console_of(request), trial, required_visitor(request).id)
        if found is None:
            return problem(404, "There is no such try, or it was forgotten.")
        trying.cancel(found)
        return Response(_state(found))

    return Router("/api/centre", route_handlers=[begin, look, stop], guards=[at_least("manager")], tags=["centre"])


def _state(trial: trying.Trial) -> TrialState:
    return TrialState(id=trial.id, state=trial.state, done=trial.done, began=trial.began, found=trial.found)
