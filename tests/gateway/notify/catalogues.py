"""The msgids of the whole program, and the catalogues brought up to date with them.

``python -m tests.gateway.notify.catalogues`` writes the template (gateway/locales/telecare.pot), adds new msgids to
every language, keeps what is translated, and prints what is missing.
"""

import ast
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment, nodes

from gateway.centre.draft import TABLES
from gateway.centre.model import Site
from gateway.console.form_schema import texts_of
from gateway.words import DOMAIN, FOLDER, LANGUAGES
from rules.registry import RULES

ROOT = Path(__file__).parents[3]
TEMPLATE = FOLDER / f"{DOMAIN}.pot"

PYTHON: dict[str, tuple[int, ...] | None] = {
    "N_": None, "gettext": None, "ngettext": (1, 2), "Reason": None, "tongue": None, "self": None, "many": (1, 2),
}  # fmt: skip
"""Functions whose text is a msgid: ours, and the console's Tongue."""

TEMPLATES: dict[str, tuple[int, ...] | None] = {"_": None, "gettext": None, "many": (1, 2), "ngettext": (1, 2)}


def msgids() -> Iterator[str | tuple[str, str]]:
    """Every msgid in the sources; a pair is singular and plural."""
    yield from (rule.title for rule in RULES)
    for model in (Site, *TABLES.values(), *(rule.settings for rule in RULES)):
        yield from texts_of(model)
    for package in ("rules", "gateway"):
        for file in sorted((ROOT / package).rglob("*.py")):
            yield from _found("python", file, PYTHON)
            yield from _by_name(file)
        for file in sorted((ROOT / package).rglob("*.html")):
            yield from _found("jinja2.ext.babel_extract", file, TEMPLATES)
            yield from _plurals(file)


def _found(method: str, file: Path, keywords: dict[str, tuple[int, ...] | None]) -> Iterator[str | tuple[str, str]]:
    for _, message, _, _ in extract_from_file(method, file, keywords):
        if isinstance(message, tuple):
            yield (str(message[0]), str(message[1]))
        elif message:
            yield message


def _plurals(file: Path) -> Iterator[tuple[str, str]]:
    """``_.many("…", "…", n)`` of a page: babel's own extractor sees plain names only."""
    for call in Environment(autoescape=True).parse(file.read_text("utf-8")).find_all(nodes.Call):
        match call:
            case nodes.Call(
                node=nodes.Getattr(node=nodes.Name(name="_"), attr="many"),
                args=[nodes.Const(value=str(one)), nodes.Const(value=str(several)), *_],
            ):
                yield one, several


def _by_name(file: Path) -> Iterator[str]:
    """Texts that get a name first: ``text = "…"``, then ``Reason(text)``."""
    found = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    calls = [n for n in found if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "Reason"]
    names = {call.args[0].id for call in calls if call.args and isinstance(call.args[0], ast.Name)}
    for node in found:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))) if name in names:
                yield text


def template() -> Catalog:
    """What the template should be: sorted, without line numbers, so that it changes only when a text does."""
    catalogue = Catalog(domain=DOMAIN, project="telecare-gateway", fuzzy=False)
    for message in msgids():
        catalogue.add(message)
    return catalogue


def keys(catalogue: Catalog) -> set[str]:
    """Msgids; of a pair the singular."""
    return {message.id if isinstance(message.id, str) else message.id[0] for message in catalogue if message.id}


def read(file: Path, language: str | None = None) -> Catalog:
    """A catalogue as it is kept."""
    with file.open("rb") as source:
        return read_po(source, locale=language, domain=DOMAIN)


def missing(language: str) -> list[str]:
    """Msgids of the template that have no translation in a language."""
    kept = read(po(language), language)
    return sorted(key for key in keys(read(TEMPLATE)) if not _translated(kept, key))


def _translated(catalogue: Catalog, key: str) -> bool:
    message = catalogue.get(key)
    return message is not None and not message.fuzzy and all(_forms(message.string))


def _forms(string: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return tuple(string) if isinstance(string, tuple | list) else (string or "",)


def po(language: str) -> Path:
    """Where a language's catalogue is."""
    return FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def write(file: Path, catalogue: Catalog) -> None:
    """Write one, without dates, so that nothing changes when nothing has changed."""
    out = BytesIO()
    write_po(out, catalogue, omit_header=False, no_location=True, sort_output=True, width=0, ignore_obsolete=True)
    lines = out.getvalue().decode().splitlines(keepends=True)
    dates = ('"POT-Creation-Date', '"PO-Revision-Date', '"Last-Translator', '"Report-Msgid-Bugs', '"Language-Team')
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = [line for line in lines if not line.startswith(("#", *dates))]
    file.write_text("".join(kept), "utf-8")


def main() -> None:
    """Bring everything up to date."""
    wanted = template()
    write(TEMPLATE, wanted)
    for language in LANGUAGES[1:]:
        kept = read(po(language), language) if po(language).exists() else Catalog(locale=language, fuzzy=False)
        kept.update(wanted, no_fuzzy_matching=True)
        write(po(language), kept)
        lacking = missing(language)
        print(f"{language}: {len(lacking)} missing", *lacking, sep="\n  ")


if __name__ == "__main__":
    main()
