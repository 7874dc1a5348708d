"""What people read: every text in every language, and numbers, times and distances as each language writes them."""

import ast
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway import words
from gateway.alerts.model import Outcome
from gateway.clock import to_ms
from gateway.words import LANGUAGES
from rules.model import Priority, Reason
from rules.registry import RULES
from tests.gateway.notify import catalogues

MALTA = ZoneInfo("Europe/Malta")
NOW = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
OTHERS = LANGUAGES[1:]


def said(text: str, language: str = "en", **values: float | str) -> str:
    # Languages use several kinds of narrow and no-break spaces; here they count as one.
    return re.sub(r"\s", " ", words.say(Reason(text, values), language, MALTA, NOW))


@pytest.mark.parametrize(
    ("name", "value", "english", "german", "danish"),
    [
        ("d_m", 3.4, "3 m", "3 m", "3 m"),
        ("d_m", -350, "350 m", "350 m", "350 m"),
        ("d_m", 347, "350 m", "350 m", "350 m"),
        ("d_m", 998, "1 km", "1 km", "1 km"),
        ("d_m", 1234, "1.2 km", "1,2 km", "1,2 km"),
        ("d_s", 1, "1 second", "1 Sekunde", "1 sekund"),
        ("d_s", 80, "80 seconds", "80 Sekunden", "80 sekunder"),
        ("d_s", 120, "2 minutes", "2 Minuten", "2 minutter"),
        ("d_s", 3600, "60 minutes", "60 Minuten", "60 minutter"),
        ("d_s", 7300, "2 hours", "2 Stunden", "2 timer"),
        ("d_s", 3 * 86400, "3 days", "3 Tage", "3 dage"),
        ("d_percent", 7.4, "7%", "7 %", "7 %"),
        ("d", 1234.5, "1,234.5", "1.234,5", "1.234,5"),
        ("d", "garden", "garden", "garden", "garden"),
    ],
)
def test_values_are_written_by_their_suffix(
    name: str, value: float | str, english: str, german: str, danish: str
) -> None:
    for language, expected in (("en", english), ("de", german), ("da", danish)):
        assert said("({" + name + "})", language, **{name: value}) == f"({expected})"


def test_times_are_local_and_have_a_date_on_other_days() -> None:
    today = to_ms(datetime(2026, 3, 2, 13, 5, tzinfo=UTC))
    assert said("{x_at}", "en", x_at=today) == "14:05"
    assert said("{x_at}", "da", x_at=today) == "14.05"
    # 23:30 UTC on the first is already the second in Malta
    assert said("{x_at}", "en", x_at=to_ms(datetime(2026, 3, 1, 23, 30, tzinfo=UTC))) == "00:30"
    assert said("{x_at}", "en", x_at=to_ms(datetime(2026, 3, 1, 22, 30, tzinfo=UTC))) == "1 Mar 2026 23:30"
    assert said("{x_at}", "fr", x_at=to_ms(datetime(2026, 3, 1, 22, 30, tzinfo=UTC))) == "1 mars 2026 23:30"


def test_times_in_the_night_of_the_clock_change() -> None:
    """The last Sunday of March 2026: 02:00 becomes 03:00 in Malta."""
    now = datetime(2026, 3, 29, 6, 0, tzinfo=UTC)
    before = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    assert words.time_of(before, "de", MALTA, now) == "01:59"
    assert words.time_of(before + timedelta(minutes=1), "de", MALTA, now) == "03:00"


def test_a_blank_that_nothing_is_given_for_and_broken_texts_lose_no_message() -> None:
    assert said("Out of bed for {out_s}, longer than {limit_s}.", out_s=120) == (
        "Out of bed for 2 minutes, longer than {limit_s}."
    )
    assert said("50% {", x=1) == "50% {"
    assert said("{0} {x.real}", x="y") in {"{0} {x.real}", "{0} y"}


def test_a_language_that_we_do_not_have_is_english_and_a_region_is_its_language() -> None:
    assert said("A fall was detected.", "sv") == "A fall was detected."
    assert said("A fall was detected.", "de-CH") == "Ein Sturz wurde erkannt."
    assert words.gettext("", "de") == "", "the empty msgid is the catalogue's header"


@pytest.mark.parametrize("language", OTHERS)
def test_plurals(language: str) -> None:
    once = words.ngettext("Happened once more.", "Happened {n} times more.", 1, language)
    often = words.ngettext("Happened once more.", "Happened {n} times more.", 5, language)
    assert "5" in often
    assert once != often
    assert "Happened" not in once + often


def test_every_rule_priority_and_outcome_has_its_word() -> None:
    assert {rule.name for rule in RULES} <= set(words.RULE_TITLES)
    assert set(words.PRIORITY_WORDS) == set(words.PRIORITY_MARKS) == {str(priority) for priority in Priority}
    assert set(words.OUTCOME_WORDS) == {str(outcome) for outcome in Outcome}
    assert words.rule_title("fall", "it") == "Caduta"
    assert words.rule_title("a_rule_of_tomorrow", "it") == "a_rule_of_tomorrow"
    assert words.priority_word("high", "fr") == "Agissez tout de suite"
    assert words.outcome_word("false", "es") == "Falsa alarma"


@cache
def _texts_of_the_program() -> set[str]:
    return catalogues.keys(catalogues.template())


@pytest.mark.xdist_group("catalogues")  # to look for all texts takes seconds
def test_the_template_has_every_text_of_the_program() -> None:
    lacking = _texts_of_the_program() - catalogues.keys(catalogues.read(catalogues.TEMPLATE))
    assert not lacking, f"run python -m tests.gateway.notify.catalogues, and translate: {sorted(lacking)}"


@pytest.mark.xdist_group("catalogues")
def test_every_reason_of_the_rules_is_a_msgid_that_can_be_found() -> None:
    """A Reason whose text is put together at run time could never be translated."""
    known = _texts_of_the_program()
    for file in sorted((catalogues.ROOT / "rules").glob("*.py")):
        for text in _reasons(file):
            assert text in known, f"{file.name}: {text}"


def _reasons(file: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason":
            text = node.args[0]
            assert isinstance(text, ast.Constant), f"{file.name}:{node.lineno}: write the text into the Reason"
            found.append(str(text.value))
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_translations_have_the_blanks_of_their_msgids(language: str) -> None:
    def blanks(text: str) -> set[str]:
        return set(re.findall(r"{\w*}", text))

    for message in catalogues.read(catalogues.po(language), language):
        if not message.id:
            continue
        if isinstance(message.id, str):
            assert not message.string or blanks(str(message.string)) == blanks(message.id), message.id
        else:
            assert message.string, message.id
            assert blanks(message.string[-1]) == blanks(message.id[1]), message.id


@pytest.mark.parametrize("language", OTHERS)
def test_most_of_every_language_is_translated(language: str) -> None:
    """New texts may wait for their translation, and are English until then; a language must not rot away, though."""
    lacking = catalogues.missing(language)
    print(f"{language}: {len(lacking)} without translation", *lacking, sep="\n  ")
    assert len(lacking) <= 0.1 * len(catalogues.keys(catalogues.read(catalogues.TEMPLATE)))


def test_the_package_has_the_catalogues_of_all_languages() -> None:
    assert {file.parent.parent.name for file in words.FOLDER.glob("*/LC_MESSAGES/telecare.po")} == set(OTHERS)


@pytest.mark.parametrize(
    ("language", "moment", "minutes", "eleven", "hours", "days"),
    [
        ("en", "just now", "2 minutes ago", "11 minutes ago", "5 hours ago", "3 days ago"),
        ("fr", "à l’instant", "il y a 2 minutes", "il y a 11 minutes", "il y a 5 heures",
         "il y a 3 jours"),
        ("de", "gerade eben", "vor 2 Minuten", "vor 11 Minuten", "vor 5 Stunden", "vor 3 Tagen"),
        ("it", "proprio ora", "2 minuti fa", "11 minuti fa", "5 ore fa", "3 giorni fa"),
        ("es", "ahora mismo", "hace 2 minutos", "hace 11 minutos", "hace 5 horas", "hace 3 días"),
        ("da", "lige nu", "for 2 minutter siden", "for 11 minutter siden", "for 5 timer siden",
         "for 3 dage siden"),
        ("mt", "bħalissa", "2 minuti ilu", "11-il minuta ilu", "5 sigħat ilu", "3 ġranet ilu"),
    ],
)  # fmt: skip
def test_how_long_ago_as_people_say_it(
    language: str, moment: str, minutes: str, eleven: str, hours: str, days: str
) -> None:
    for seconds, expected in (
        (-30, moment), (3, moment), (90, minutes), (120, minutes), (660, eleven), (5 * 3600, hours), (3 * 86400, days)
    ):  # fmt: skip
        said = words.ago(NOW - timedelta(seconds=seconds), language, NOW)
        assert re.sub(r"\s", " ", said) == expected, seconds


@pytest.mark.parametrize(
    ("language", "home", "garden"),
    [
        ("en", "350 m from home", "1.2 km from Garden"),
        ("fr", "à 350 m de la maison", "à 1,2 km de « Garden »"),
        ("de", "350 m von zu Hause", "1,2 km von „Garden“ entfernt"),
        ("it", "a 350 m da casa", "a 1,2 km da «Garden»"),
        ("es", "a 350 m de casa", "a 1,2 km de «Garden»"),
        ("da", "350 m hjemmefra", "1,2 km fra Garden"),
        ("mt", "350 m ’l bogħod mid-dar", "1.2 km ’l bogħod minn Garden"),
    ],
)
def test_how_far_away_as_people_say_it(language: str, home: str, garden: str) -> None:
    assert re.sub(r"\s", " ", words.away(-347, language)) == home
    assert re.sub(r"\s", " ", words.away(1234, language, "Garden")) == garden


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(2, "2 minuti"), (10, "10 minuti"), (11, "11-il minuta"), (19, "19-il minuta"), (20, "20 minuta"),
     (60, "60 minuta")],
)  # fmt: skip
def test_maltese_has_four_plural_forms(minutes: int, expected: str) -> None:
    assert words.duration(60 * minutes, "mt") == expected
    assert words.duration(1, "mt") == "1 sekonda"
    assert words.duration(2 * 3600 * 24, "mt") == "2 jiem"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_alert_has_a_next_step_in_every_language(language: str) -> None:
    for rule in words.RULE_TITLES:
        step = words.next_step(rule, language)
        assert step.endswith("."), rule
        assert language == "en" or step != words.next_step(rule, "en"), rule
    unknown = set(words.NEXT_STEPS) - set(words.RULE_TITLES)
    assert not unknown, "a next step for a rule that does not exist"
