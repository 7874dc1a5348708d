"""``telecare notes``: written from standard input or an option, listed, corrected; each look is in the audit."""

from contextlib import closing

import pytest

from gateway.store.database import reader
from tests.gateway.cli.desk import House


def _audit(house: House) -> list[tuple[str, str]]:
    with closing(reader(house.path)) as db:
        found = db.execute(
            "SELECT action, object FROM audit WHERE object LIKE 'resident/%' AND action != 'consent.change'"
            " ORDER BY seq"
        )
        return [tuple(row) for row in found]


def test_a_note_is_written_listed_and_corrected(house: House) -> None:
    assert house.run("notes add", "r01", "--text", "On Tuesdays.").out == "Note 1 is kept.\n"
    ran = house.run("notes add", "r01", "--corrects", 1, "--json", stdin="On Wednesdays: ħobż.\n".encode())
    assert (ran.json()[0]["text"], ran.json()[0]["corrects"]) == ("On Wednesdays: ħobż.", 1)
    listed = house.run("notes list", "r01", "--json").json()
    assert [(note["id"], note["corrected_by"]) for note in listed] == [(2, None), (1, 2)]
    text = house.run("notes list", "r01").out
    assert "corrects 1" in text
    assert "corrected by 2" in text
    assert _audit(house) == [
        ("note.add", "resident/r01"),
        ("note.add", "resident/r01"),
        ("look", "resident/r01/notes"),
        ("look", "resident/r01/notes"),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody", "--text", "x"), "resident: 'nobody'"),
        (("r01", "--text", " "), "text: 0 characters: expected 1 to 1000"),
        (("r01", "--text", "x" * 1001), "text: 1001 characters"),
        (("r01", "--text", "x", "--corrects", 7), "corrects: 7: expected the number of a note"),
    ],
)
def test_what_can_not_be_kept(house: House, arguments: tuple[object, ...], words: str) -> None:
    house.run("notes add", *arguments).is_bad_input(words)
    assert house.run("notes list", "r01").out == "There are no notes.\n"
