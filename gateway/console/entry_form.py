"""The form of an entry: its fields, what is wrong with them, and what else the entry leads to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from litestar import Request, Response
from litestar.exceptions import NotFoundException

from gateway.centre.diff import SITE, key_of
from gateway.centre.draft import TABLES
from gateway.centre.model import Site
from gateway.console.admin import LOOK_AT_FIELDS, admin_page, flaws_in_words, present
from gateway.console.change_values import entry_name
from gateway.console.deps import console_of
from gateway.console.entries import TABLE_WORDS, find, offered
from gateway.console.form_fields import Around, Field, fields
from gateway.console.form_read import Flaw, Form
from gateway.console.form_schema import Setting, settings_of
from gateway.console.guards import required_visitor
from gateway.console.leaving import SERVES, house_policy
from gateway.console.masking import masked
from gateway.console.pages import Tongue, tongue_for
from gateway.console.warded import seen
from gateway.problems import WHOLE

ELSEWHERE: Final[dict[str, frozenset[str]]] = {
    "residents": frozenset({"photo"}),
    "care_plans": frozenset({"rules", "consents"}),
    "house_plans": frozenset({"rules"}),
}
"""Keys that this form leaves alone: photos come with a file, consents and rules have pages of their own."""


FIRST: Final[dict[str, frozenset[str]]] = {
    "residents": frozenset({"name", "room", "ward", "note", "relatives"}),
    "devices": frozenset({"type", "format", "address", "model", "room"}),
    "carers": frozenset({"name", "role", "language", "contacts"}),
    "policies": frozenset({"steps", "failsafe"}),
    "shifts": frozenset({"name", "role", "weekly", "calendar"}),
}
"""What is changed most often; the rest waits below, unless something stands there. Other tables are short."""


def model_settings(table: str) -> tuple[Setting, ...]:
    """What the form of a table asks for."""
    left_out = ELSEWHERE.get(table, frozenset())
    return tuple(one for one in settings_of(Site if table == SITE else TABLES[table]) if one.key not in left_out)


def path_of(table: str, key: str) -> str:
    """The page of an entry."""
    if table in {"care_plans", "house_plans"}:
        return "/admin/plan/" + quote("@house" if table == "house_plans" else key)
    return f"/admin/entry/{table}/{quote(key)}"


def entry_in(document: Mapping[str, Any], table: str, key: str) -> Mapping[str, Any]:
    """An entry of the centre.

    Raises:
        NotFoundException: there is none.
    """
    entry = find(document, table, key)
    if entry is None:
        raise NotFoundException
    return entry


def form_page(
    request: Request[Any, Any, Any],
    table: str,
    key: str | None,
    *,
    entry: Mapping[str, Any] | None = None,
    flaws: Mapping[str, Flaw] | None = None,
    others: list[str] | None = None,
    notice: str | None = None,
    status: int = 200,
    more_rows: str | None = None,
    typed: Form | None = None,
) -> Response[str]:
    """The form of an entry, or of a new one.

    Args:
        request: whose page it is.
        table: of the centre's document.
        key: of the entry; None: a new one.
        entry: what the fields say, where that is not what is stored.
        flaws: what is wrong, by the field's path.
        others: what is wrong with other parts of the centre.
        notice: said above the form.
        status: of the response.
        more_rows: path of a list that gets one more row.
        typed: the form as it was sent.

    Raises:
        NotFoundException: there is no such entry.
    """
    console, visitor = console_of(request), required_visitor(request)
    tongue = tongue_for(request, visitor)
    version, document = present(console)
    document = seen(visitor, document)
    if entry is None and key is not None:
        entry = masked(table, entry_in(document, table, key))
    errors = flaws_in_words(flaws or {}, tongue)
    around = Around(
        tongue=tongue,
        timezone=tongue.timezone,
        offered=offered(document),
        errors=errors,
        fixed=frozenset({"id"}) if key is not None else frozenset(),
        more_rows=more_rows,
        usual={"language": document["centre"].get("language", "")} if table == "carers" else {},
    )
    made = fields(model_settings(table), entry or {}, around)
    others = [*(tongue(one) for one in others or ()), *_unplaced(errors, made, tongue)]
    typed = typed or {}
    return admin_page(
        request,
        "admin_entry.html",
        status=status,
        table=table,
        key=key,
        words=TABLE_WORDS[table],
        title=None
        if key is None
        else str((entry or {}).get("name") or entry_name(table, key, console.deps.index(), tongue)),
        usual=[one for one in made if _usual(table, one)],
        rarer=[one for one in made if not _usual(table, one)],
        others=others,
        notice=notice,
        base=version,
        why=(typed.get("_why") or [""])[0],
        policies=offered(document)["policies"] if table == "residents" and key is None else [],
        policy=(typed.get("_policy") or [""])[0],
        policy_wrong=errors.get("_policy", []),
        about=_about(table, key, document, tongue),
        serves=tongue(SERVES) if table == "policies" and key is not None and house_policy(document) == key else None,
    )


def _usual(table: str, one: Field) -> bool:
    first = FIRST.get(table)
    return first is None or one.setting.required or one.setting.key in first or one.filled


def _unplaced(errors: Mapping[str, list[str]], made: list[Field], tongue: Tongue) -> list[str]:
    """What is wrong with something that has no field here: it is said above the form."""
    paths = set(_paths(made)) | {"_policy"}
    wrong = ((path, text) for path, texts in errors.items() if path not in paths for text in texts)
    return [text if path == WHOLE else f"{path}: {text}" for path, text in wrong]


def _paths(made: list[Field]) -> list[str]:
    found = []
    for one in made:
        found += [one.path, *_paths(one.inner), *(path for row in one.rows for path in _paths(row))]
    return found


def _about(table: str, key: str | None, document: Mapping[str, Any], tongue: Tongue) -> dict[str, Any]:
    """What else the page of an entry leads to."""
    names = {one["id"]: f"{one['name']} ({one['room']})" for one in document.get("residents", ())}
    word = {"devices": "device", "residents": "resident"}.get(table)
    rows = [one for one in document.get("assignments", ()) if word and one.get(word) == key]
    return {
        "assignments": [
            {
                "path": path_of("assignments", key_of("assignments", one)),
                "text": names.get(one["resident"], one["resident"]) if table == "devices" else one["device"],
                "device": one["device"],
                "since": _day(one["from"], tongue),
                "until": _day(one["to"], tongue) if one.get("to") else None,
            }
            for one in rows
        ],
        "residents": offered(document)["residents"] if table == "devices" and key is not None else [],
    }


def _day(text: str, tongue: Tongue) -> str:
    return tongue.at(datetime.fromisoformat(text))


def form_again(
    request: Request[Any, Any, Any],
    table: str,
    key: str | None,
    entry: Mapping[str, Any],
    flaws: Mapping[str, Flaw],
    others: list[str],
    form: Form,
) -> Response[str]:
    """The form as it was sent, with what is wrong in it."""
    notice = tongue_for(request, required_visitor(request))(LOOK_AT_FIELDS)
    return form_page(
        request, table, key, entry=entry, flaws=flaws, others=others, typed=form, notice=notice, status=422
    )
