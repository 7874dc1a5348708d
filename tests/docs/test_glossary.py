"""The glossary says what the catalogues say, and the catalogues keep to it."""

import pytest

from docs import glossary_page as glossary
from gateway.words import LANGUAGES
from tests.gateway.notify import catalogues


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_what_the_catalogues_say(language: str) -> None:
    file = glossary.FOLDER / f"{language}.md"
    assert file.read_text("utf-8") == glossary.page(language), "run python -m docs --no-pictures"


@pytest.mark.parametrize("language", glossary.OTHERS)
def test_every_text_uses_the_standard_terms(language: str) -> None:
    assert list(glossary.strays(language)) == []


@pytest.mark.parametrize("term", glossary.TERMS, ids=lambda term: term.english)
def test_every_term_is_shown_by_a_text_of_the_program(term: glossary.Term) -> None:
    assert term.shown in catalogues.keys(catalogues.read(catalogues.TEMPLATE))
    assert len(term.words) in {0, len(glossary.OTHERS)}
    assert bool(term.words) == bool(term.found_by)
    for language in glossary.OTHERS:
        # "Test" and "hub" are the same word in some languages: a phrase never is
        assert " " not in term.shown or glossary.said(term.shown, language) != term.shown


def test_a_text_with_another_word_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    other = glossary.Term("alert", "", "All alerts", ("signal",) * len(glossary.OTHERS), r"\balerts?\b")
    monkeypatch.setattr(glossary, "TERMS", (other,))
    assert any("All alerts" in found for found in glossary.strays("fr"))
