"""A resident as JSON: what the page's tabs show. Every answer is bounded, and names what is hidden."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from sqlite3 import Connection
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath, QueryParameter

from gateway.console import resident_charts, resident_continence, resident_now, resident_rules, resident_timeline
from gateway.console.api import AlertView, alert_view
from gateway.console.beside import beside
from gateway.console.guards import at_least
from gateway.console.listing import POLLED, polled
from gateway.console.privacy import Purpose
from gateway.console.problems import problem
from gateway.console.resident_who import Looked, look, protection_of, today
from gateway.console.resident_words import Entry
from gateway.console.routing import Router
from gateway.store import nights
from rules.sleep_summary import NightSummary

Day = Annotated[date | None, QueryParameter(description="Local day; today, or the last one, without it.")]
Days = Annotated[int, QueryParameter(ge=1, le=14, description="So many days up to that one.")]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="At most so many.")]
Cursor = Annotated[str, QueryParameter(description="`next` of the piece before.")]

EARLIEST: Final = date(2000, 1, 1)


class PlaceView(msgspec.Struct, kw_only=True):
    """The last known place: degrees WGS 84, radius of the accuracy in metres (null: not known), RFC 3339 in UTC."""

    lon: float
    lat: float
    accuracy_m: float | None
    at: datetime


class DeviceView(msgspec.Struct, kw_only=True):
    """A device of the resident. ``since`` and ``until`` (null: for ever) are the assignment's, ``heard_at`` when it
    last said something (null: not lately), RFC 3339 in UTC; the battery is in percent, null when not known."""

    id: str
    type: str
    model: str | None
    since: datetime
    until: datetime | None
    heard_at: datetime | None
    battery_percent: float | None


class RuleView(msgspec.Struct, kw_only=True):
    """A rule of the care plan in words, in the asker's language."""

    title: str
    sentence: str
    priority: str | None


class ResidentDetail(msgspec.Struct, kw_only=True):
    """A resident. ``hidden`` says in sentences what the asker may not see, and why. ``note``, ``visit``, ``devices``,
    ``consents``, ``rules`` and the protection are for staff: null for relatives."""

    id: str
    name: str
    room: str
    ward: str | None
    note: str | None
    visit: str | None
    level: str | None
    missing: list[str] | None
    alerts: list[AlertView]
    place: PlaceView | None
    devices: list[DeviceView] | None
    consents: list[str] | None
    rules: list[RuleView] | None
    hidden: list[str]


class TimelineView(msgspec.Struct, kw_only=True):
    """A piece of a day, the newest first; sentences in the asker's language. ``next``: cursor of the next piece."""

    day: date
    entries: list[Entry]
    next: str | None
    hidden: list[str]


class NightsView(msgspec.Struct, kw_only=True):
    """Nights in numbers, the newest first."""

    nights: list[NightSummary]


class ActivityView(msgspec.Struct, kw_only=True):
    """Days hour by hour, the newest first."""

    days: list[resident_charts.ActivityDay]


class PastAlerts(msgspec.Struct, kw_only=True):
    """A piece of a resident's alerts, the newest first. ``next``: cursor of the next piece; null: the last one."""

    alerts: list[AlertView]
    next: str | None


def router() -> Router:
    """GET /api/residents/{id} and below."""

    @get("/", summary="A resident", operation_id="resident", responses=POLLED)
    async def resident_(request: Request[Any, Any, Any], resident: FromPath[str]) -> Response[ResidentDetail]:
        seen = await look(request, resident, via="api")
        return await polled(request, await beside(seen.console, lambda db: _detail(db, seen, request)), look=None)

    @get("/timeline", summary="What happened on a day", operation_id="timelineOfResident")
    async def timeline(
        request: Request[Any, Any, Any],
        resident: FromPath[str],
        day: Day = None,
        limit: Limit = 100,
        cursor: Cursor = "",
    ) -> Response[Any]:
        seen = await look(request, resident, via="api", part="timeline")
        wanted, at = _day(seen, day), _number(cursor)
        if wanted is None or at is None:
            return _refused(day, cursor)
        found = await beside(
            seen.console,
            lambda db: resident_timeline.day_entries(db, seen.index, resident, wanted, seen.allowed, seen.tongue),
        )
        more = str(at + limit) if at + limit < len(found) else None
        return Response(TimelineView(day=wanted, entries=found[at : at + limit], next=more, hidden=seen.hidden()))

    @get("/nights", summary="Nights in numbers", operation_id="nightsOfResident")
    async def nights_(
        request: Request[Any, Any, Any], resident: FromPath[str], day: Day = None, days: Days = 7
    ) -> Response[Any]:
        seen = await look(request, resident, via="api", part="sleep")
        now = seen.tongue.now
        return await _chart(
            seen,
            Purpose.SLEEP,
            day,
            lambda db, last: NightsView(nights=nights.nights(db, seen.index, resident, last, days, now=now)),
        )

    @get("/vitals", summary="Heart and breathing from noon to noon", operation_id="vitalsOfResident")
    async def vitals(request: Request[Any, Any, Any], resident: FromPath[str], day: Day = None) -> Response[Any]:
        seen = await look(request, resident, via="api", part="vitals")
        now = seen.tongue.now
        return await _chart(
            seen,
            Purpose.SLEEP,
            day or (now.astimezone(seen.index.timezone) - timedelta(hours=12)).date(),
            lambda db, one: resident_charts.vitals_day(db, seen.index, resident, one, now=now),
        )

    @get("/continence", summary="States of the continence sensor", operation_id="continenceOfResident")
    async def continence(
        request: Request[Any, Any, Any], resident: FromPath[str], day: Day = None, days: Days = 7
    ) -> Response[Any]:
        seen = await look(request, resident, via="api", part="continence")
        return await _chart(
            seen,
            Purpose.CONTINENCE,
            day,
            lambda db, last: resident_continence.continence_days(
                db, seen.index, resident, last, days, now=seen.tongue.now
            ),
        )

    @get("/activity", summary="Movement, hour by hour", operation_id="activityOfResident")
    async def activity(
        request: Request[Any, Any, Any], resident: FromPath[str], day: Day = None, days: Days = 7
    ) -> Response[Any]:
        seen = await look(request, resident, via="api", part="activity")
        return await _chart(
            seen,
            Purpose.ACTIVITY,
            day,
            lambda db, last: ActivityView(days=resident_charts.activity_days(db, seen.index, resident, last, days)),
        )

    @get("/alerts", summary="Alerts of a resident, the newest first", operation_id="alertsOfResident")
    async def alerts(
        request: Request[Any, Any, Any], resident: FromPath[str], limit: Limit = 50, cursor: Cursor = ""
    ) -> Response[Any]:
        seen = await look(request, resident, via="api", part="alerts")
        before = _number(cursor)
        if before is None:
            return _refused(None, cursor)
        found = await beside(
            seen.console,
            lambda db: resident_timeline.past_alerts(
                db, resident, seen.allowed, before=before or None, limit=limit + 1
            ),
        )
        views = [alert_view(request, alert) for alert in found[:limit]]
        return Response(PastAlerts(alerts=views, next=str(found[limit - 1].id) if len(found) > limit else None))

    return Router(
        "/api/residents/{resident:str}",
        route_handlers=[resident_, timeline, nights_, vitals, continence, activity, alerts],
        guards=[at_least("relative")],
        tags=["residents"],
    )


async def _chart(
    seen: Looked, purpose: Purpose, day: date | None, work: Callable[[Connection, date], object]
) -> Response[Any]:
    if not seen.purposes[purpose].allowed:
        return problem(403, " ".join(seen.hidden(purpose)))
    wanted = _day(seen, day)
    if wanted is None:
        return _refused(day, "")
    return Response(await beside(seen.console, lambda db: work(db, wanted)))


def _day(seen: Looked, day: date | None) -> date | None:
    last = today(seen.console, seen.index)
    if day is None:
        return last
    return min(day, last) if day >= EARLIEST else None


def _number(cursor: str) -> int | None:
    if not cursor:
        return 0
    return int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else None


def _refused(day: date | None, cursor: str) -> Response[Any]:
    if day is not None and day < EARLIEST:
        return problem(422, f"day: {day.isoformat()}: expected a day from 2000 on")
    return problem(422, f"cursor: {cursor[:40]!r}: expected `next` of the piece before")


def _detail(db: Connection, seen: Looked, request: Request[Any, Any, Any]) -> ResidentDetail:
    resident, staff = seen.resident, seen.visitor.sees_everyone
    kept = protection_of(db, [resident.id]).get(resident.id) if staff else None
    agreed = seen.index.plan_of(resident.id).consents
    return ResidentDetail(
        id=resident.id,
        name=resident.name,
        room=resident.room,
        ward=resident.ward,
        note=resident.note if staff else None,
        visit=resident.visit if staff else None,
        level=kept[0].value if kept else None,
        missing=resident_now.missing(kept[1], seen.tongue) if kept else None,
        alerts=[alert_view(request, alert) for alert in resident_timeline.open_of(db, resident.id, seen.allowed)],
        place=_place(db, seen),
        devices=_devices(db, seen) if staff else None,
        consents=[text for _, text in resident_rules.consent_lines(agreed, seen.tongue)] if staff else None,
        rules=[
            RuleView(title=title, sentence=sentence, priority=priority)
            for title, sentence, priority in resident_rules.rule_lines(seen.index, resident.id, seen.tongue)
        ]
        if staff
        else None,
        hidden=seen.hidden(),
    )


def _place(db: Connection, seen: Looked) -> PlaceView | None:
    found = resident_now.last_fix(db, seen)
    if found is None:
        return None
    at, position = found
    return PlaceView(lon=position.lon, lat=position.lat, accuracy_m=position.accuracy_m, at=at)


def _devices(db: Connection, seen: Looked) -> list[DeviceView]:
    known = resident_now.heard_of(db, seen.resident.id, seen.tongue.now + timedelta(minutes=1))
    found = []
    for one in seen.index.centre.assignments:
        if one.resident == seen.resident.id:
            device = seen.index.devices[one.device]
            heard, battery = known.get(device.id, (None, None))
            found.append(
                DeviceView(
                    id=device.id,
                    type=device.type,
                    model=device.model,
                    since=one.start,
                    until=one.end,
                    heard_at=heard,
                    battery_percent=battery,
                )
            )
    return found
