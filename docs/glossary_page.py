"""The glossary of each language, from the list of terms below and the catalogues: docs/glossary/{language}.md.

A term has its word in one of two ways: it is a text of the program itself (a button, an outcome), and then its word is
that of the catalogue; or it stands inside of texts, and then its words are given here, and every text of the catalogues
that has the English term must have one of them (:func:`strays`).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.words import LANGUAGES, translations
from tests.gateway.notify import catalogues

FOLDER = Path(__file__).parent / "glossary"
OTHERS = LANGUAGES[1:]
NAMES = {"en": "English", "fr": "français", "de": "Deutsch", "it": "italiano", "es": "español", "da": "dansk",
         "mt": "Malti"}  # fmt: skip


class Term(NamedTuple):
    """One term.

    ``shown``: a text of the program with it, as an example; for a button or an outcome the text that it is.
    ``words``: in the order of OTHERS, where the catalogue has no text that is the term itself. After a ``|`` come
    beginnings of words that count as the term too, such as plurals and bent forms.
    ``found_by``: the English texts that have to use it; a regular expression.
    """

    english: str
    meaning: str
    shown: str
    words: tuple[str, ...] = ()
    found_by: str = ""


TERMS: tuple[Term, ...] = (
    Term(
        "alert", "something that a person must deal with; it is open until somebody closes it", "All alerts",
        ("alerte", "Meldung", "allarme|allarm", "aviso", "alarm", "twissija|twissij"), r"\b[Aa]lerts?\b",
    ),
    Term(
        "alarm", "what a device or a centre sends: a press, a fall", "Alarm from a device of nobody",
        ("alarme", "Alarm", "allarme|allarm", "alarma", "alarm", "allarm"), r"\b[Aa]larms?\b(?! (receiving )?cent)",
    ),
    Term("acknowledge (going)", "somebody promises to be there by a time; the others are left in peace", "I am going"),
    Term("decline", "somebody can't; the next people are told at once", "I can’t"),
    Term("arrived (attended)", "somebody is with the person", "I am there"),
    Term("more help", "the next people are told, and whoever is going still is", "More help"),
    Term("close", "the end of an alert, with what it was; only a person does it", "Close it"),
    Term("re-open", "a closed alert was not over", "Re-open"),
    Term("outcome: real", "help was needed and given", "Real: help was given"),
    Term("outcome: false alarm", "nothing had happened", "False alarm"),
    Term("outcome: test", "somebody tried it out", "Test"),
    Term("outcome: cancelled", "the wearer took it back", "Cancelled by the wearer"),
    Term("outcome: other", "something else; a note says what", "Other"),
    Term("high priority", "somebody may be in danger", "Act now"),
    Term("medium priority", "somebody needs you soon", "Act soon"),
    Term("low priority", "it can wait for the round", "Be aware"),
    Term(
        "safe zone", "a place on the map, or rooms, where the person may be alone", "Left the safe zone",
        ("zone sûre|zones sûres", "sichere Zone|sicheren Zone", "zona sicura|zone sicure", "zona segura|zonas seguras",
         "sikkert område|sikre område", "żona sigura|żoni siguri"),
        r"[Ss]afe zone",
    ),
    Term(
        "care plan", "what is watched over for one person, and who is told",
        "Help was pressed, and the care plan has no rule for it.",
        ("plan de soins|plans de soins", "Pflegeplan|Pflegepl", "piano di assistenza|pian",
         "plan de cuidados|planes de cuidados", "plejeplan", "pjan tal-kura|pjanijiet tal-kura"),
        r"[Cc]are plans?\b",
    ),
    Term(
        "shift", "who is on duty, and from when to when", "Gap in the plan of shifts",
        ("équipe|service|de garde", "Dienst|dienst", "turno|turni", "turno", "vagt", "xift"), r"\b[Ss]hifts?\b",
    ),
    Term(
        "step", "whom a policy tells together, and how long it waits",
        "Step {step} of {plan} tells nobody who can be reached, from {since_at} until {until_at}.",
        ("étape", "Schritt", "passo|passi", "paso", "trin", "pass"), r"\b[Ss]teps?\b(?! (less|lower|higher))",
    ),
    Term(
        "failsafe", "who is told when nobody else answered; there is always somebody",
        "{carer} alone is told by every step of {plan}, and by the failsafe: nobody else would hear of it.",
        ("dernier recours", "letzte Sicherung", "ultima risorsa", "último recurso", "sidste sikkerhed",
         "aħħar rimedju"),
        r"failsafe",
    ),
    Term(
        "round", "a walk through the house at a planned time, for changes that are due",
        "A change is due; planned for the round at {round_at}.",
        ("tournée", "Runde", "giro|giri", "ronda", "runde", "rawnd"), r"\b[Rr]ounds?\b",
    ),
    Term(
        "shelf (shelved rule)", "a rule that rings nobody for a limited time, with a reason",
        "Important rule shelved",
        ("en pause|pause de la règle", "ausgesetzt|aussetzen", "in pausa", "en pausa", "på pause|pause", "sospiż"),
        r"\bshelved\b",
    ),
    Term("protected", "something of the person's would tell if they needed help", "Not protected"),
    Term(
        "relative", "a person's family, as far as the person agreed",
        "Step {step} of {plan} tells nobody who can be reached for {room}: no relatives are known.",
        ("proche", "Angehörige", "familiare|familiari", "familiar", "pårørende", "qraba|qarib"), r"\b[Rr]elatives?\b",
    ),
    Term(
        "alarm centre", "an alarm receiving centre that takes alerts over", "Alarm centre does not answer",
        ("centre de téléassistance", "Notrufzentrale", "centrale operativa|centrali operative", "central de alarmas",
         "alarmcentral", "ċentru tal-allarmi"),
        r"[Aa]larm centre",
    ),
    Term(
        "device", "something that sends readings: worn, fixed to a bed or a room",
        "A newer word of the device was judged already.",
        ("appareil", "Gerät", "dispositivo|dispositivi", "dispositivo", "enhed", "apparat"),
        r"(?<!medical )\b[Dd]evices?\b",
    ),
    Term(
        "resident", "a person who is cared for", "{n} resident is not protected",
        ("personne|résident", "Person|Bewohner", "persona|person|residente|ospit", "residente|persona", "person|beboer",
         "resident|persuna"),
        r"\b[Rr]esidents?\b",
    ),
    Term(
        "tracker", "a device that tells where somebody is",
        "Outside {zone}, last {out_m} from its border, and the tracker is offline.",
        ("traceur", "Tracker", "localizzatore|localizzator", "localizador", "tracker", "tracker"),
        r"\b[Tt]rackers?\b",
    ),
    Term("fall detector", "a device that sees falls", "Fall detector"),
    Term("bed sensor", "a device that sees who is in bed", "Bed sensor"),
    Term("continence sensor", "a device that says when a change is due", "Continence sensor"),
    Term(
        "companion", "somebody with whom a person may leave the safe zone", "A companion is near.",
        ("accompagnant", "Begleit", "accompagnator", "acompañante", "ledsager", "akkumpanjatur"),
        r"\b[Cc]ompanions?\b",
    ),
    Term("search", "a link for everybody who helps to find a missing person", "Search"),
    Term("virtual visit", "a video link that a carer can open from an alert", "Virtual visit"),
    Term("gateway", "this program, on its machine", "The gateway"),
)  # fmt: skip
"""The standard terms, in the order of a day's work."""


def files() -> dict[Path, str]:
    """The page of each language with its text."""
    return {FOLDER / f"{language}.md": page(language) for language in LANGUAGES}


def page(language: str) -> str:
    """The glossary of one language."""
    others = " · ".join(f"[{NAMES[one]}]({one}.md)" for one in LANGUAGES if one != language)
    head = (
        f"# Glossary: {NAMES[language]}\n\n"
        "The standard terms of the product, as the screens and messages say them. Made by `python -m docs` from\n"
        "[docs/glossary_page.py](../glossary_page.py) and the catalogues; a test finds texts that use another word.\n\n"
        f"{others}\n\n"
    )
    if language == "en":
        rows = [f"| {term.english} | {term.meaning} | {_cell(term.shown)} |" for term in TERMS]
        return head + "| term | meaning | for example |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    rows = [
        f"| {term.english} | {_cell(word(term, language))} | {term.meaning} | {_cell(said(term.shown, language))} |"
        for term in TERMS
    ]
    return (
        head + f"| English | {NAMES[language]} | meaning | for example |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def word(term: Term, language: str) -> str:
    """What a term is called in a language."""
    return term.words[OTHERS.index(language)].partition("|")[0] if term.words else said(term.shown, language)


def said(text: str, language: str) -> str:
    """A text as the catalogue has it."""
    return translations(language).gettext(text)


def strays(language: str) -> Iterator[str]:
    """Texts of a language's catalogue that have a term in English, and another word for it in the language."""
    terms = [term for term in TERMS if term.found_by]
    for message in catalogues.read(catalogues.po(language), language):
        english = message.id if isinstance(message.id, str) else " ".join(message.id)
        forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
        if not message.id or not any(forms):
            continue
        for term in terms:
            bare = re.sub(r"{\w*}", "", english)
            if re.search(term.found_by, bare) is None:
                continue
            known = term.words[OTHERS.index(language)].lower().split("|")
            if not any(form and any(one in form.lower() for one in known) for form in forms):
                yield f"{term.english}: {english!r} → {forms[-1]!r}, expected one of {known}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
