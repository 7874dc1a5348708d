"""Good and bad centre files: each bad one has its problems beside it, word by word."""

from pathlib import Path

import pytest

from gateway.centre.load import centre_from_document, load_centre, to_document
from gateway.errors import CentreError

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.toml"))
GOOD = sorted((HERE / "good").glob("*.toml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_problem_of_a_bad_file_is_told_at_once(path: Path) -> None:
    """An expected line that ends in … is the beginning only: what follows are the words of rules or of a library."""
    expected = path.with_suffix(".expected").read_text("utf-8").splitlines()
    with pytest.raises(CentreError) as caught:
        load_centre(path)
    told = [str(problem) for problem in caught.value.problems]
    pairs = zip(told, expected, strict=False)
    beginnings = [line[: len(want) - 1] + "…" if want.endswith("…") else line for line, want in pairs]
    assert beginnings + told[len(expected) :] == expected
    assert str(caught.value).splitlines() == told


def test_no_expectation_without_its_file() -> None:
    assert {path.stem for path in (HERE / "bad").glob("*.expected")} == {path.stem for path in BAD}
    assert len(BAD) >= 40


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_files_are_read_and_survive_as_a_document(path: Path) -> None:
    centre = load_centre(path)
    assert centre.id == "haven"
    assert centre_from_document(to_document(centre)) == centre


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CentreError) as caught:
        load_centre(tmp_path / "centre.toml")
    [problem] = caught.value.problems
    assert problem.key == "(the whole file)"
    assert "No such file" in problem.expected


def test_secret_addresses_are_not_shown() -> None:
    with pytest.raises(CentreError) as caught:
        load_centre(HERE / "bad" / "contact-addresses.toml")
    assert "s3cret" not in str(caught.value)


def test_nothing_that_a_terminal_would_obey_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "centre.toml"
    path.write_text('"\\u009b31m" = "\\u001b[31m"\n[centre]\n"\\u001b]0;x" = "\\u009b2J"\n', "utf-8")
    with pytest.raises(CentreError) as caught:
        load_centre(path)
    assert all(line.isprintable() for line in str(caught.value).splitlines())
    assert "\\x9b2J" in str(caught.value)


def test_deep_json_is_refused_not_crashed_on(tmp_path: Path) -> None:
    (tmp_path / "deep.geojson").write_text("[" * 200_000, "utf-8")
    path = tmp_path / "centre.toml"
    site = '[centre]\nid = "haven"\nname = "Haven"\ntimezone = "Europe/Malta"\nzones = "deep.geojson"\n'
    path.write_text(site, "utf-8")
    with pytest.raises(CentreError) as caught:
        load_centre(path)
    assert [(problem.file, problem.value) for problem in caught.value.problems if problem.file == "deep.geojson"] == [
        ("deep.geojson", "(not JSON)")
    ]


def test_a_document_names_itself_in_its_problems() -> None:
    document = to_document(load_centre(HERE / "good" / "one-resident.toml"))
    document["residents"][0]["room"] = ""
    document["assignments"][0]["from"] = "2026-01-01T00:00:00"
    with pytest.raises(CentreError) as caught:
        centre_from_document(document, file="version 7")
    assert [(problem.file, problem.key) for problem in caught.value.problems] == [
        ("version 7", "residents[0].room"),
        ("version 7", "assignments[0].from"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"residents": 5},
        {"residents": [[]]},
        {"centre": []},
        {"carers": [{"contacts": [5]}]},
        {"carers": [{"id": "x", "contacts": {"channel": "log"}}]},
        {"policies": [{"steps": [5], "failsafe": [{}]}]},
        {"policies": [{"steps": "nora", "failsafe": "nora"}]},
        {"care_plans": [{"rules": [5]}]},
        {"care_plans": [{"rules": {"rule": "help"}, "consents": 5}]},
        {"care_plans": [{"rules": [{"rule": ["help"], "zones": [5], "zone": {}, "device": 5}]}]},
        {"assignments": [{"device": [], "resident": {}, "from": [], "to": 5}]},
        {"devices": [{"id": 5, "address": [], "format": {}}]},
        {"zones": [{"id": "z", "name": "z", "geometry": "Point"}]},
        {"zones": [{"id": "z", "name": "z", "geometry": {"type": "Point", "coordinates": {"a": 1}}, "radius_m": 5}]},
    ],
    ids=str,
)
def test_whatever_stands_in_a_document_it_is_an_answer_and_no_crash(wrong: dict[str, object]) -> None:
    document = to_document(load_centre(HERE / "good" / "one-resident.toml")) | wrong
    with pytest.raises(CentreError) as caught:
        centre_from_document(document)
    [table] = wrong
    assert any(problem.key.startswith(table) for problem in caught.value.problems)
