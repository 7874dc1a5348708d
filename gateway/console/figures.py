"""The page of key figures, and the same as CSV: how quickly people were told, answered and came; false alarms."""

import csv
import io
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import QueryParameter

from gateway.alerts.kpi import Figures, Kpis, Per, Share, Spread, kpis, shift_changes
from gateway.alerts.kpi_table import columns
from gateway.console.beside import beside
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor
from gateway.console.looks import looked
from gateway.console.pages import Tongue, page, tongue_for
from gateway.console.routing import Router
from gateway.console.view import title_of
from gateway.words import N_

LONGEST: Final = timedelta(days=400)
USUAL: Final = timedelta(days=28)

_SHARES: Final[dict[str, str]] = {
    "notified_within_60_s": N_("Told within 60 seconds"),
    "acknowledged_within_60_s": N_("Answered within 60 seconds"),
    "acknowledged_within_180_s": N_("Answered within 3 minutes"),
    "attended_within_45_min": N_("There within 45 minutes"),
}
_PER: Final[dict[Per, str]] = {Per.DAY: N_("By day"), Per.WEEK: N_("By week"), Per.SHIFT: N_("By shift")}
_BY: Final[dict[str, str]] = {"rule": N_("By rule"), "device": N_("By device"), "resident": N_("By resident")}


class Card(msgspec.Struct, frozen=True):
    """A figure with its name, and a line below it."""

    title: str
    value: str
    below: str


class Wanted(msgspec.Struct, frozen=True):
    """Whole days in the house's time zone, both included, and how they are cut up."""

    first: date
    last: date
    per: Per


def router() -> Router:
    """GET /figures, GET /figures.csv."""

    @get("/figures")
    async def show(
        request: Request[Any, Any, Any],
        first: Annotated[str, QueryParameter()] = "",
        last: Annotated[str, QueryParameter()] = "",
        per: Annotated[str, QueryParameter()] = "week",
    ) -> Response[str]:
        visitor = required_visitor(request)
        tongue = tongue_for(request, visitor)
        wanted, refused = _wanted(request, tongue, first, last, per)
        found = await _read(request, wanted)
        await looked(console_of(request), visitor.id, "kpis", via="page")
        return page(
            request,
            "figures.html",
            tongue,
            visitor=visitor,
            wanted=wanted,
            refused=refused,
            ways=[(one.value, tongue(text)) for one, text in _PER.items()],
            cards=_cards(found.total, tongue),
            rows=[_row(figures, tongue) for figures in found.periods],
            false_alarms=_false_alarms(request, found, tongue),
            deliveries=[
                (one.channel, one.messages, one.told, one.failed, _percent(one.share_failed, tongue))
                for one in found.deliveries
            ],
        )

    @get("/figures.csv")
    async def table(
        request: Request[Any, Any, Any],
        first: Annotated[str, QueryParameter()] = "",
        last: Annotated[str, QueryParameter()] = "",
        per: Annotated[str, QueryParameter()] = "week",
    ) -> Response[str]:
        visitor = required_visitor(request)
        wanted, _ = _wanted(request, tongue_for(request, visitor), first, last, per)
        found = await _read(request, wanted)
        await looked(console_of(request), visitor.id, "kpis", via="page")
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow([name for name, _ in columns(found.total)])
        writer.writerows([value for _, value in columns(figures)] for figures in (*found.periods, found.total))
        name = f"figures-{wanted.first}-{wanted.last}.csv"
        return Response(
            out.getvalue(), media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    return Router("/", route_handlers=[show, table], guards=[at_least("manager")], include_in_schema=False)


def _wanted(
    request: Request[Any, Any, Any], tongue: Tongue, first: str, last: str, per: str
) -> tuple[Wanted, str | None]:
    """What was asked for; with what can't be used, the usual four weeks and a sentence that says so."""
    index = console_of(request).deps.index()
    today = tongue.now.astimezone(index.timezone).date()
    usual = Wanted(today - USUAL, today, Per(per) if per in set(Per) else Per.WEEK)
    try:
        wanted = Wanted(
            date.fromisoformat(first) if first else usual.first, date.fromisoformat(last) if last else today, usual.per
        )
    except ValueError:
        return usual, tongue("Please give the days like 2026-01-31. These are the last four weeks.")
    if not (
        wanted.first.year >= 2000 and wanted.last.year < 2200 and timedelta() <= wanted.last - wanted.first <= LONGEST
    ):
        return usual, tongue("Please give a first and a last day, at most a year. These are the last four weeks.")
    return wanted, None


async def _read(request: Request[Any, Any, Any], wanted: Wanted) -> Kpis:
    console = console_of(request)
    index, now = console.deps.index(), console.deps.clock.now()
    since, until = (
        datetime.combine(day, time(), index.timezone).astimezone(UTC)
        for day in (wanted.first, wanted.last + timedelta(days=1))
    )
    return await beside(
        console,
        lambda db: kpis(
            db,
            since=since,
            until=min(until, now) if since < now else until,
            now=now,
            timezone=index.timezone,
            per=wanted.per,
            shifts=shift_changes(index.centre),
        ),
    )


def _cards(total: Figures, tongue: Tongue) -> list[Card]:
    cards = [
        Card(tongue("Alerts"), str(total.alerts), tongue("{n} not answered", n=total.unanswered)),
        Card(
            tongue("Promises not kept"),
            str(total.promises_not_kept),
            tongue("somebody said “going”, and was not there in time"),
        ),
    ]
    for name, text in _SHARES.items():
        share = total.shares[name]
        below = tongue("{within} of {of}", within=share.within, of=share.of) if share.of else tongue("nothing to count")
        cards.append(Card(tongue(text), _share(share, tongue), below))
    return cards


def _row(figures: Figures, tongue: Tongue) -> tuple[str, list[str]]:
    spreads = [_spread(one, tongue) for one in (figures.notified, figures.acknowledged, figures.attended)]
    shares = [_share(figures.shares[name], tongue) for name in _SHARES]
    return figures.label, [
        str(figures.alerts), str(figures.unanswered), str(figures.promises_not_kept), *spreads, *shares,
    ]  # fmt: skip


def _false_alarms(
    request: Request[Any, Any, Any], found: Kpis, tongue: Tongue
) -> list[tuple[str, list[tuple[str, int, int, int, str]]]]:
    index = console_of(request).deps.index()

    def named(by: str, name: str) -> str:
        if by == "rule":
            return title_of(name, tongue)
        return index.public_name(name) if by == "resident" and name in index.residents else name

    return [
        (
            tongue(title),
            [
                (named(by, one.name), one.closed, one.false, one.wearer_cancelled, _percent(one.share, tongue))
                for one in found.false_alarms
                if one.by == by
            ][:25],
        )
        for by, title in _BY.items()
    ]


def _spread(spread: Spread, tongue: Tongue) -> str:
    if spread.median_s is None:
        return "–"
    seconds = spread.median_s
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 180 else f"{seconds / 60:.0f} min"


def _share(share: Share, tongue: Tongue) -> str:
    return _percent(share.share, tongue)


def _percent(share: float | None, tongue: Tongue) -> str:
    return "–" if share is None else tongue.percent(share * 100)
