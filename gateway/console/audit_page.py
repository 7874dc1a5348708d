"""The audit for managers: who did or looked at what, newest first; and whether its chain holds."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import QueryParameter

from gateway.console import audit_words
from gateway.console.beside import beside
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.pages import page, tongue_for
from gateway.console.routing import Router
from gateway.console.view import name_of
from gateway.console.warded_guards import whole_house
from gateway.store import audit, audit_log
from gateway.store.audit_log import AuditLine

LIMIT: Final = 50


class AuditView(msgspec.Struct):
    """Rows of the audit, the newest first; times are in UTC. ``next``: cursor of the older ones; null: no more."""

    lines: list[AuditLine]
    next: str | None


class ChainView(msgspec.Struct):
    """Whether every line is as it was written; ``broken_at``: the first that was changed, or before which one is
    missing."""

    holds: bool
    broken_at: int | None


class Shown(msgspec.Struct, frozen=True):
    """A row as the page shows it."""

    at: str
    iso: str
    who: str
    action: str
    about: str
    target: str
    path: str | None
    detail: str


def router() -> Router:
    """GET /audit, GET /api/audit."""

    @get("/audit", include_in_schema=False)
    async def show(
        request: Request[Any, Any, Any],
        who: Annotated[str, QueryParameter(max_length=64)] = "",
        target: Annotated[str, QueryParameter(max_length=200)] = "",
        looks: Annotated[str, QueryParameter()] = "yes",
        before: Annotated[int | None, QueryParameter(ge=1, le=2**53)] = None,
        check: Annotated[str, QueryParameter()] = "",
    ) -> Response[str]:
        visitor, console = required_visitor(request), console_of(request)
        tongue, index = tongue_for(request, visitor), console.deps.index()
        found = await beside(
            console,
            lambda db: audit_log.lines(
                db, before=before, limit=LIMIT, who=who.strip(), target=target.strip(), looks=looks != "no"
            ),
        )
        chain = None
        if check:
            broken = await beside(console, audit.broken_at)
            chain = (
                (True, tongue("The chain holds: no line was changed or taken out."))
                if broken is None
                else (False, tongue("Line {n} was changed, or one before it was taken out.", n=broken))
            )
        await looked(console, visitor.id, "audit", via="page")
        return page(
            request,
            "audit.html",
            tongue,
            visitor=visitor,
            lines=[
                Shown(
                    at=tongue.at(line.at),
                    iso=line.at.isoformat(),
                    who=name_of(line.who, index, tongue),
                    action=audit_words.done(line.action, tongue),
                    about="" if line.target == f"carer/{line.who}" else audit_words.about(line.target, index, tongue),
                    target=line.target,
                    path=_path(line.target),
                    detail=audit_words.details(line.action, line.detail, index, tongue),
                )
                for line in found.lines
            ],
            carers=sorted((carer.name, carer.id) for carer in index.carers.values()),
            who=who,
            target=target,
            looks=looks != "no",
            older=found.before,
            chain=chain,
        )

    @get("/api/audit", summary="Who did or looked at what", operation_id="audit", tags=["audit"])
    async def listed(
        request: Request[Any, Any, Any],
        who: Annotated[str, QueryParameter(max_length=64, description="Only what this person did.")] = "",
        target: Annotated[
            str, QueryParameter(max_length=200, description="Only what was done to this, such as alert/12.")
        ] = "",
        looks: Annotated[bool, QueryParameter(description="Whether looks are among them.")] = True,
        limit: Annotated[int, QueryParameter(ge=1, le=500, description="At most so many.")] = LIMIT,
        cursor: Annotated[
            str | None, QueryParameter(pattern=r"^[0-9]{1,15}$", description="Where the last answer said to go on.")
        ] = None,
    ) -> AuditView:
        visitor, console = required_visitor(request), console_of(request)
        before = int(cursor) if cursor else None
        found = await beside(
            console,
            lambda db: audit_log.lines(db, before=before, limit=limit, who=who, target=target, looks=looks),
        )
        await looked(console, visitor.id, "audit", via="api")
        return AuditView(found.lines, None if found.before is None else str(found.before))

    @get("/api/audit/chain", summary="Whether the chain of the audit holds", operation_id="auditChain", tags=["audit"])
    async def chained(request: Request[Any, Any, Any]) -> ChainView:
        visitor, console = required_visitor(request), console_of(request)
        broken = await beside(console, audit.broken_at)
        await looked(console, visitor.id, "audit", via="api")
        return ChainView(broken is None, broken)

    return Router("/", route_handlers=[show, listed, chained], guards=[at_least("manager"), whole_house])


def _path(target: str) -> str | None:
    """The page of what a line is about; None: it has none."""
    kind, _, name = target.partition("/")
    if kind == "alert" and name.isdigit():
        return f"/alerts/{name}"
    if kind == "resident" and name and not name.startswith("@"):
        return f"/residents/{name}"
    return None
