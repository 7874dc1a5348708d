"""Settings of every rule, several kinds of each: for what must hold of all rules, and for the simulation's care plans.

A new rule in the registry needs an entry here; a test says so.
"""

from typing import Any, TypeAlias

Choices: TypeAlias = dict[str, tuple[dict[str, Any], ...]]
"""By the rule's word: sets of settings, any of which may be used (one rule of a word in a plan, unless its key says
more)."""

_ALWAYS: dict[str, Any] = {"from": "00:00", "to": "00:00"}


def choices(*, zone: str, other_zone: str, tracker: str, door: str, lamp: str, companion: str | None = None) -> Choices:
    """Valid settings for whoever has these; ``door`` a door's or motion sensor's id, ``companion`` a carer's."""
    beside = {"companions": [companion]} if companion else {}
    afternoon = {"weekly": [{"from": "13:10", "to": "14:00"}, {"from": "22:00", "to": "23:30"}]}
    return {
        "help": ({}, {"repeat_within_s": 0, "old_after_s": 0}),
        "fall": (
            {},
            {"cancel_within_s": 20},
            {"cancel_within_s": 30, "suspected_after_s": 60, "long_lie_after_s": 300, "still_after_s": 10},
            {"ended_clears": True, "again_within_s": 0, "long_lie_after_s": 0, "hard_impact_g": 4},
        ),
        "zone_exit": (
            {"zone": zone},
            {"zone": zone, "confirmations": 1, "decide_within_s": 0} | beside,
            {"zone": zone, "schedule": afternoon},
        ),
        "bed_exit": ({}, _ALWAYS | {"minutes": 10}),
        "continence": ({"rounds": ["14:00", "21:00"]}, {}),
        "silent": ({"after_s": 600}, {}),
        "low_battery": ({},),
        "switched_off": ({},),
        "removed": ({}, {"after_s": 60}),
        "tamper": ({},),
        "clock_wrong": ({},),
        "charge_by": ({}, {"by": "14:00"}),
        "not_back": (_ALWAYS, {}),
        "not_in_bed_by": ({}, {"by": "13:30"}),
        "not_up_by": ({"from": "12:00", "by": "15:00"}, {}),
        "restless_night": ({"from": "12:00", "to": "18:00", "nights": 3}, {}),
        "heart_rate": ({"for_s": 60, "readings": 2}, {}),
        "breathing": ({"for_s": 60, "readings": 2}, {}),
        "oxygen": ({"for_s": 60, "readings": 2}, {}),
        "bed_sensor_silent": ({},),
        "continence_off": ({},),
        "not_changed": ({},),
        "falls_often": ({},),
        "no_movement": ({"after_hours": 1, "event_only": ["tracker"]}, _ALWAYS | {"after_hours": 1}),
        "unusual_inactivity": ({},),
        "zone_entry": ({"zone": other_zone, "near_accuracy_m": 100}, {"zone": other_zone} | beside),
        "return_by": ({"zone": zone}, {"zone": zone, "by": "13:30"}),
        "not_where_expected": ({"zone": zone, "schedule": afternoon},),
        "out_of_sight": ({"zones": [zone], "after_s": 630, "offline_after_s": 90}, {"zones": [zone]}),
        "night_wandering": (_ALWAYS | {"changes": 2, "own_room": "gps", "away_minutes": 5}, {}),
        "door_at_night": (_ALWAYS | {"doors": [door]}, _ALWAYS | {"doors": [door], "by": "anybody"}),
        "path_light": ({"lamp": lamp} | _ALWAYS,),
        "day_light": (
            {"lamp": lamp, "steps": [{"at": "14:00", "command": "light-day"}, {"at": "22:00", "command": "light-off"}]},
        ),
        "answer": ({"to": "help", "device": tracker}, {"to": "fall", "device": tracker, "when": "pending"}),
        "custom": (
            {"id": "hot", "title": "Much too warm", "priority": "medium",
             "all": [{"kind": "vitals", "field": "heart_rate_bpm", "op": ">", "value": 120.0, "for_s": 30}]},
            {"id": "often", "title": "Out of bed again", "clear": {"kind": "bed", "field": "in_bed", "value": True},
             "any": [{"kind": "bed", "field": "in_bed", "value": False, "count": 2, "within_s": 3600},
                     {"kind": "status", "absent_s": 3600}]},
            {"id": "moved", "title": "Another room", "any": [{"kind": "room", "field": "room", "changes": True}]},
        ),
    }  # fmt: skip


NO_PROOF = frozenset({"silent", "no_movement", "return_by", "not_where_expected", "custom"})
"""Rules that may tell that nothing was heard, and so without evidence."""
