"""A change of the centre in words: what was added, changed, removed; keys that are secrets are not shown."""

import json
from typing import Any, Final

from gateway.centre.diff import EntryChange, FieldChange
from gateway.console.entries import TABLE_WORDS
from gateway.console.form_fields import said
from gateway.console.form_schema import LABELS
from gateway.console.masking import masked
from gateway.console.pages import Tongue
from gateway.words import N_, rule_title

WHAT: Final = {"added": N_("added"), "changed": N_("changed"), "removed": N_("removed")}

LONGEST: Final = 200
"""Characters of a value that are shown."""


def in_words(change: EntryChange, tongue: Tongue) -> dict[str, Any]:
    """One entry's change for a page: ``table``, ``name``, ``what``, and ``fields`` as (label, before, after)."""
    return {
        "table": tongue(TABLE_WORDS[change.table].one),
        "name": change.name,
        "what": change.what,
        "word": tongue(WHAT[change.what]),
        "fields": [row for field in change.fields for row in _rows(change.table, field, tongue)],
    }


def _rows(table: str, field: FieldChange, tongue: Tongue) -> list[tuple[str, str, str]]:
    label = tongue(LABELS.get(field.field, field.field))
    before, after = (
        masked(table, {field.field: value}).get(field.field) if value is not None else None
        for value in (field.before, field.after)
    )
    if field.field == "rules" and isinstance(before, list) and isinstance(after, list):
        return _rules(before, after, tongue)
    return [(label, _shown(before, tongue), _shown(after, tongue))]


def _rules(before: list[Any], after: list[Any], tongue: Tongue) -> list[tuple[str, str, str]]:
    """Rules that are on one side only; of one that is there on both, only what differs."""
    gone = [one for one in before if one not in after]
    new = [one for one in after if one not in before]
    rows: list[tuple[str, str, str]] = []
    for rule in gone:
        title = rule_title(str(rule.get("rule")), tongue.language)
        other = next((one for one in new if one.get("rule") == rule.get("rule")), None)
        if other is None:
            rows.append((title, tongue(N_("watched")), "–"))
            continue
        new.remove(other)
        rows += [
            (f"{title}: {tongue(LABELS.get(key, key))}", _shown(rule.get(key), tongue), _shown(other.get(key), tongue))
            for key in dict.fromkeys((*rule, *other))
            if rule.get(key) != other.get(key)
        ]
    return [*rows, *((rule_title(str(one.get("rule")), tongue.language), "–", tongue(N_("watched"))) for one in new)]


def _shown(value: Any, tongue: Tongue) -> str:
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return tongue(N_("yes")) if value else tongue(N_("no"))
    if isinstance(value, str) and value.startswith("data:"):
        return tongue(N_("a photo"))
    if isinstance(value, str):
        text = said(value, tongue)
    elif isinstance(value, list) and all(isinstance(one, str) for one in value):
        text = ", ".join(value)
    else:
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else f"{value:g}"
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
