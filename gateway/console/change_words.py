"""A change of the centre in words: what was added, changed, removed; keys that are secrets are not shown."""

from typing import Any, Final

from gateway.centre.diff import EntryChange, FieldChange
from gateway.centre.index import CentreIndex
from gateway.console.change_values import NOTHING, entry_name, label_of, value_said
from gateway.console.entries import TABLE_WORDS
from gateway.console.masking import masked
from gateway.console.pages import Tongue
from gateway.words import N_, rule_title

WHAT: Final = {"added": N_("added"), "changed": N_("changed"), "removed": N_("removed")}

LONGEST: Final = 200
"""Characters of a value that are shown."""


def in_words(change: EntryChange, index: CentreIndex, tongue: Tongue) -> dict[str, Any]:
    """One entry's change for a page: ``table``, ``name``, ``what``, and ``fields`` as (label, before, after)."""
    return {
        "table": tongue(TABLE_WORDS[change.table].one),
        "name": _name(change, index, tongue),
        "what": change.what,
        "word": tongue(WHAT[change.what]),
        "fields": [row for field in change.fields for row in _rows(change.table, field, index, tongue)],
    }


def _name(change: EntryChange, index: CentreIndex, tongue: Tongue) -> str:
    """As it was called then; where an entry has no name of its own, those of whom and what it is about."""
    keyed = change.table in {"assignments", "care_plans", "devices"}
    return entry_name(change.table, change.key, index, tongue) if keyed else change.name


def _rows(table: str, field: FieldChange, index: CentreIndex, tongue: Tongue) -> list[tuple[str, str, str]]:
    label = label_of(field.field, tongue)
    before, after = (
        masked(table, {field.field: value}).get(field.field) if value is not None else None
        for value in (field.before, field.after)
    )
    if field.field == "rules" and isinstance(before, list) and isinstance(after, list):
        return _rules(before, after, index, tongue)
    return [(label, _shown(before, field.field, index, tongue), _shown(after, field.field, index, tongue))]


def _rules(before: list[Any], after: list[Any], index: CentreIndex, tongue: Tongue) -> list[tuple[str, str, str]]:
    """Rules that are on one side only; of one that is there on both, only what differs."""
    gone = [one for one in before if one not in after]
    new = [one for one in after if one not in before]
    rows: list[tuple[str, str, str]] = []
    for rule in gone:
        title = rule_title(str(rule.get("rule")), tongue.language)
        other = next((one for one in new if one.get("rule") == rule.get("rule")), None)
        if other is None:
            rows.append((title, tongue(N_("watched")), NOTHING))
            continue
        new.remove(other)
        rows += [
            (
                f"{title}: {label_of(key, tongue)}",
                _shown(rule.get(key), key, index, tongue),
                _shown(other.get(key), key, index, tongue),
            )
            for key in dict.fromkeys((*rule, *other))
            if rule.get(key) != other.get(key)
        ]
    return [
        *rows,
        *((rule_title(str(one.get("rule")), tongue.language), NOTHING, tongue(N_("watched"))) for one in new),
    ]


def _shown(value: Any, key: str, index: CentreIndex, tongue: Tongue) -> str:
    text = value_said(value, key, index, tongue)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
