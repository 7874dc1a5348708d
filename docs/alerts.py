"""Write the generated parts of docs/alerts.md from the table and its settings: ``python -m docs.alerts``."""

from pathlib import Path

from msgspec.structs import fields

from gateway.alerts.model import WEARER_CAN_CANCEL, Outcome, Times, outcomes_for
from gateway.alerts.table import EVENT_MEANING, PERSON_EVENTS, STATE_MEANING, diagram, grid

PAGE = Path(__file__).with_suffix(".md")

TIMES = {
    "eta_minutes": "a promise without a time counts as this many minutes",
    "longest_eta_minutes": "the longest promise, in minutes",
    "unclosed_s": "attended but not closed: brought back after",
    "quiet_repeat_s": "a repeat this soon after carers were told is counted, not told",
    "round_high_s": "least wait between steps after a whole round without an answer, priority high",
    "round_medium_s": "the same, priority medium",
    "round_low_s": "the same, priority low",
    "cleared_high_s": "least wait between steps while the cause is gone, priority high",
    "cleared_medium_s": "the same, priority medium",
    "cleared_low_s": "the same, priority low",
    "hand_over_s": "whoever is asked by name to take over has at most so long; then the next step is told",
    "more_help_again_s": "a second call for more help by the same person this soon is a second tap",
    "risen_s": "whoever took an alert before it became more urgent says so again within this, or the others are asked",
    "failed_step_s": "a step that failed by a fault of the gateway is tried again after",
}

OUTCOMES = {
    Outcome.REAL: "It was what it looked like.",
    Outcome.FALSE: "It was not: a false alarm.",
    Outcome.TEST: "Somebody tried the device or the alarm.",
    Outcome.WEARER_CANCELLED: "The wearer took it back.",
    Outcome.OTHER: "Something else; a note must say what.",
}


def parts() -> dict[str, str]:
    """The generated parts by name, each as Markdown."""
    return {
        "diagram": f"```mermaid\n{diagram()}\n```",
        "states": _table(("state", "meaning"), [(f"`{s}`", text) for s, text in STATE_MEANING.items()]),
        "events": _table(
            ("event", "from", "meaning"),
            [
                (f"`{e}`", "a person" if e in PERSON_EVENTS else "the gateway", text)
                for e, text in EVENT_MEANING.items()
            ],
        ),
        "grid": grid(),
        "times": _table(("setting", "default", "meaning"), [_time(f.name, f.default) for f in fields(Times)]),
        "outcomes": _table(
            ("outcome", "meaning", "for"),
            [
                (f"`{o}`", text, "every kind" if o in outcomes_for("") else ", ".join(sorted(WEARER_CAN_CANCEL)))
                for o, text in OUTCOMES.items()
            ],
        ),
    }


def filled(text: str) -> str:
    """The page's text with every generated part as it is now.

    Raises:
        ValueError: a part has no place in the text.
    """
    for name, part in parts().items():
        begin, end = f"<!-- {name}: made by python -m docs.alerts -->", f"<!-- {name} end -->"
        if begin not in text or end not in text:
            raise ValueError(f"{PAGE.name}: the place for {name} is missing: {begin} ... {end}")
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{part}\n{end}{rest.partition(end)[2]}"
    return text


def files() -> dict[Path, str]:
    """Every generated file with its text."""
    return {PAGE: filled(PAGE.read_text("utf-8"))}


def _time(name: str, default: int) -> tuple[str, ...]:
    unit = "min" if name.endswith("_minutes") else "s"
    return (f"`{name}`", f"{default} {unit}", TIMES[name])


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, "utf-8")
