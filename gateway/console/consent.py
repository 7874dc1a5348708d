"""The consent page of a resident: what they agreed to, who said so and how; managers change it, carers read it."""

from datetime import date
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter, URLEncodedBody
from litestar.response import Redirect
from pydantic import ValidationError

from gateway.centre.model import Consents
from gateway.centre.plans import stopped_by
from gateway.console.beside import beside
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor, resident_for, same_origin
from gateway.console.looks import looked
from gateway.console.once import once
from gateway.console.pages import Tongue, page, tongue_for
from gateway.console.problems import problem
from gateway.console.routing import Router
from gateway.console.view import name_of
from gateway.errors import BadAnswerError, CentreError, VersionConflictError
from gateway.store import centres, consents
from gateway.store.consents import AgreedBy, Agreement, Change, Logged
from gateway.words import N_, rule_title

PURPOSES: Final = (
    ("sleep", N_("Bed and sleep, heart and breathing"), N_("Carers see it, and are told of what is unusual.")),
    ("continence", N_("Continence"), N_("Carers see when a change is due.")),
    ("activity", N_("Moving about indoors"), N_("Rules may watch when and where the person moves about.")),
    ("search", N_("Photo and description in a search"), N_("Everybody who helps to look for the person sees them.")),
)
LOCATION: Final = (
    ("never", N_("Never")),
    ("alarm", N_("Only while an alert is open")),
    ("always", N_("Always")),
)
RELATIVES: Final = (
    ("location", N_("Place")),
    ("sleep", N_("Bed and sleep, heart and breathing")),
    ("continence", N_("Continence")),
    ("activity", N_("Moving about indoors")),
)
WHO_AGREED: Final[dict[AgreedBy, str]] = {
    AgreedBy.RESIDENT: N_("The resident"),
    AgreedBy.REPRESENTATIVE: N_("A legal representative"),
}


NOBODY_AGREED: Final = N_("Nobody said who agreed")
WITH_THE_CENTRE: Final = N_("It came with a change of the centre.")


class ConsentWanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """New consents. ``version`` is the centre's version that was seen; ``agreed_on`` a local day (2026-01-31)."""

    version: int
    location: str
    sleep: bool
    continence: bool
    activity: bool
    search: bool
    relatives: list[str]
    agreed_by: AgreedBy
    agreed_name: str = ""
    agreed_on: date
    how: str


class ConsentView(msgspec.Struct, kw_only=True):
    """What a resident agrees to. ``stopped`` are the words of rules that rest because a consent was withdrawn; ``log``
    is the newest first, with times in UTC."""

    resident: str
    version: int
    consents: dict[str, Any]
    stopped: list[str]
    log: list[Logged]


def router() -> Router:
    """GET and POST /residents/{id}/consent, and the same below /api."""
    path = "/residents/{resident:str}/consent"

    @get(path)
    async def show(
        request: Request[Any, Any, Any], resident: FromPath[str], done: Annotated[int, QueryParameter()] = 0
    ) -> Response[str]:
        resident_for(request, resident, by_glass=True)
        return await _page(
            request, resident, notice=_tongue(request)("Saved. It counts from now on.") if done else None
        )

    @post(path, status_code=303, guards=[at_least("manager")])
    async def save(
        request: Request[Any, Any, Any], resident: FromPath[str], data: URLEncodedBody[dict[str, str | list[str]]]
    ) -> Response[Any]:
        resident_for(request, resident)
        tongue = _tongue(request)
        try:
            wanted = _from_form(data)
            change = await _prepared(request, resident, wanted)
            if change.stops and not data.get("sure"):
                return await _page(request, resident, wanted=wanted, change=change)
            await _make(request, change, wanted)
        except VersionConflictError:
            changed = tongue("Somebody else changed the centre meanwhile. Please look at it, and try again.")
            return await _page(request, resident, notice=changed, status=409)
        except (BadAnswerError, ValidationError, ValueError, msgspec.ValidationError):
            missing = tongue("Please say who agreed, when and how.")
            return await _page(request, resident, notice=missing, status=422)
        except CentreError as error:
            return await _page(request, resident, notice=str(error), status=422)
        return Redirect(f"/residents/{resident}/consent?done=1", status_code=303)

    @get(f"/api{path}", include_in_schema=True, summary="What a resident agreed to", operation_id="consents")
    async def shown(request: Request[Any, Any, Any], resident: FromPath[str]) -> ConsentView:
        resident_for(request, resident, by_glass=True)
        await looked(console_of(request), required_visitor(request).id, f"resident/{resident}", via="api")
        return _view(request, resident)

    @post(
        f"/api{path}",
        status_code=200,
        guards=[at_least("manager"), same_origin],
        opt={"exclude_from_csrf": True},
        include_in_schema=True,
        summary="Change what a resident agrees to",
        operation_id="changeConsents",
    )
    @once
    async def change_api(
        request: Request[Any, Any, Any], resident: FromPath[str], data: JSONBody[ConsentWanted]
    ) -> Response[Any]:
        resident_for(request, resident)
        try:
            await _make(request, await _prepared(request, resident, data), data)
        except VersionConflictError as error:
            return problem(409, str(error), newest=error.newest)
        except (BadAnswerError, CentreError, ValidationError) as error:
            return problem(422, str(error))
        return Response(_view(request, resident))

    return Router(
        "/", route_handlers=[show, save, shown, change_api], guards=[at_least("carer")], include_in_schema=False,
        tags=["privacy"],
    )  # fmt: skip


async def _prepared(request: Request[Any, Any, Any], resident: str, wanted: ConsentWanted) -> Change:
    agreed = Consents.model_validate(
        {
            "location": wanted.location,
            "sleep": wanted.sleep,
            "continence": wanted.continence,
            "activity": wanted.activity,
            "search": wanted.search,
            "relatives": wanted.relatives,
        }
    )
    return await beside(console_of(request), lambda db: consents.prepare(db, resident, agreed, base=wanted.version))


async def _make(request: Request[Any, Any, Any], change: Change, wanted: ConsentWanted) -> None:
    deps, visitor = console_of(request).deps, required_visitor(request)
    if wanted.agreed_on > deps.clock.now().astimezone(deps.index().timezone).date():
        raise BadAnswerError(f"agreed_on: {wanted.agreed_on}: expected today or an earlier day")
    agreement = Agreement(by=wanted.agreed_by, name=wanted.agreed_name, on=wanted.agreed_on, how=wanted.how)
    await deps.writer.write(lambda tx: consents.make(tx, change, agreement, who=visitor.id))


def _from_form(data: dict[str, str | list[str]]) -> ConsentWanted:
    def text(name: str) -> str:
        value = data.get(name, "")
        return value if isinstance(value, str) else value[-1]

    given = data.get("relatives", [])
    return ConsentWanted(
        version=int(text("version")),
        location=text("location"),
        sleep=bool(text("sleep")),
        continence=bool(text("continence")),
        activity=bool(text("activity")),
        search=bool(text("search")),
        relatives=[given] if isinstance(given, str) else list(given),
        agreed_by=AgreedBy(text("agreed_by")),
        agreed_name=text("agreed_name"),
        agreed_on=date.fromisoformat(text("agreed_on")),
        how=text("how"),
    )


def _view(request: Request[Any, Any, Any], resident: str) -> ConsentView:
    db = console_of(request).db()
    version = centres.latest_number(db)
    plan = centres.entry_of(db, version, "care_plans", resident) or {}
    return ConsentView(
        resident=resident,
        version=version,
        consents=Consents.model_validate(plan.get("consents", {})).model_dump(mode="json"),
        stopped=[rule["rule"] for rule in consents.stopped(db, resident)],
        log=consents.log_of(db, resident),
    )


async def _page(
    request: Request[Any, Any, Any],
    resident: str,
    *,
    notice: str | None = None,
    status: int = 200,
    wanted: ConsentWanted | None = None,
    change: Change | None = None,
) -> Response[str]:
    visitor, console, tongue = required_visitor(request), console_of(request), _tongue(request)
    await looked(console, visitor.id, f"resident/{resident}", via="page")
    view, index = _view(request, resident), console.deps.index()
    agreed = view.consents if wanted is None else msgspec.to_builtins(wanted)
    resting = consents.stopped(console.db(), resident)
    plan = centres.entry_of(console.db(), view.version, "care_plans", resident) or {}
    on = {rule["rule"] for rule in plan.get("rules", ())}
    lost = [rule for rule in resting if not stopped_by(rule, view.consents) and rule["rule"] not in on]
    return page(
        request,
        "consent.html",
        tongue,
        status=status,
        visitor=visitor,
        resident=index.residents[resident],
        manager=visitor.carer.role in {"manager", "admin"},
        notice=notice,
        version=view.version,
        agreed=agreed,
        wanted=wanted,
        stops=[_title(rule, tongue) for rule in change.stops] if change else [],
        stopped=[rule_title(rule["rule"], tongue.language) for rule in resting if stopped_by(rule, view.consents)],
        lost=[_title(rule, tongue) for rule in lost],
        purposes=[(name, tongue(title), tongue(what)) for name, title, what in PURPOSES],
        location=[(value, tongue(text)) for value, text in LOCATION],
        relatives=[(value, tongue(text)) for value, text in RELATIVES],
        who_agreed=[(one.value, tongue(text)) for one, text in WHO_AGREED.items()],
        today=tongue.now.astimezone(tongue.timezone).date().isoformat(),
        log=[_line(line, tongue, name_of(line.who, index, tongue)) for line in view.log],
    )


def _line(line: Logged, tongue: Tongue, who: str) -> dict[str, object]:
    stated = line.agreed_by is not AgreedBy.NOBODY
    agreed = tongue(WHO_AGREED[line.agreed_by] if stated else NOBODY_AGREED)
    agreed += f", {line.agreed_name}" if line.agreed_name else ""
    changes = [
        f"{title}: {_said(before, tongue)} → {_said(after, tongue)}"
        for name, title in _titles(tongue)
        if (before := line.before.get(name)) != (after := line.after.get(name))
    ]
    return {
        "iso": line.at.isoformat(),
        "at": tongue.at(line.at),
        "agreed": agreed,
        "on": line.agreed_on.isoformat(),
        "how": line.how if stated else tongue(WITH_THE_CENTRE),
        "who": who,
        "changes": changes,
        "stopped": [_title(rule, tongue) for rule in line.stopped],
    }


def _titles(tongue: Tongue) -> list[tuple[str, str]]:
    return [
        ("location", tongue("Place")),
        *((name, tongue(title)) for name, title, _ in PURPOSES),
        ("relatives", tongue("What relatives may see")),
    ]


def _said(value: object, tongue: Tongue) -> str:
    if isinstance(value, list):
        words = dict(RELATIVES)
        return ", ".join(tongue(words[one]) for one in value) or tongue("nothing")
    if isinstance(value, bool):
        return tongue("yes") if value else tongue("no")
    return tongue(dict(LOCATION).get(str(value), str(value)))


def _title(rule: consents.Rule, tongue: Tongue) -> str:
    own = rule.get("title")
    return own if isinstance(own, str) else rule_title(rule["rule"], tongue.language)


def _tongue(request: Request[Any, Any, Any]) -> Tongue:
    return tongue_for(request, required_visitor(request))
