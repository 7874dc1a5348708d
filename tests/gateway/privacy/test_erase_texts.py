"""Where others' texts name a person who is erased: every column of the schema is looked at, or known to be harmless."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from gateway.centre.naming import ERASED, Names
from gateway.clock import ManualClock
from gateway.store import erase_texts
from gateway.store.database import prepare, reader
from gateway.store.writer import Tx, write_now
from tests.gateway.privacy.life import NOW

NAME = "Ġorġa Zahra"
CONSENT = (
    "INSERT INTO consent_log (resident, at, who, agreed_by, agreed_name, agreed_on, how, version, before, after,"
    " stopped) VALUES ('r02', 1, 'sam', 'resident', '', '2026-01-01', 'spoken', 1, '{}', '{}', ?)"
)
LIBRARY = {"_sqlite_migrations", "sqlite_sequence"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare(tmp_path / "gateway.db")
    return tmp_path / "gateway.db"


def test_every_column_of_texts_is_looked_at_or_named_as_harmless(path: Path) -> None:
    looked_at = {(table, column) for table, _, column in erase_texts._TEXTS}
    named = [
        (table, column)
        for columns in (erase_texts.HARMLESS, erase_texts.ELSEWHERE)
        for table, words in columns.items()
        for column in words.split()
    ]
    with closing(reader(path)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        kinds = {
            (table, row["name"]): row["type"].upper()
            for table in set(tables) - LIBRARY
            for row in db.execute(f"PRAGMA table_info({table})")
        }
    texts = {column for column, kind in kinds.items() if kind not in {"INTEGER", "REAL", "BLOB"}}
    assert texts - looked_at - set(named) == set(), "new columns: into _TEXTS or HARMLESS"
    assert (looked_at | set(named)) - set(kinds) == set(), "columns that are gone"
    assert looked_at & set(named) == set()


@pytest.mark.parametrize(
    ("insert", "read", "text"),
    [
        (
            CONSENT,
            "SELECT stopped FROM consent_log",
            json.dumps([{"rule": "out_of_bed", "title": f"Walks to {NAME}"}]),
        ),
        (
            "INSERT INTO rota_copies (shift, source, text, fetched_at) VALUES ('#1', 'x', ?, 1)",
            "SELECT text FROM rota_copies",
            f"BEGIN:VCALENDAR\r\nSUMMARY:nora sits with {NAME}\r\n",
        ),
        (
            "INSERT INTO rota_copies (shift, source, text, fetched_at) VALUES ('night', 'x', ?, 1)",
            "SELECT text FROM rota_copies",
            f"BEGIN:VCALENDAR\r\nSUMMARY:nora sits with {NAME[:4]}\r\n {NAME[4:]}\r\n",
        ),
        (
            "INSERT INTO rota_copies (shift, source, problem) VALUES ('night', 'x', ?)",
            "SELECT problem FROM rota_copies",
            f"line 3: {NAME}: expected a date",
        ),
        (
            "INSERT INTO identities (issuer, subject, carer, shown, linked_by, linked_at) VALUES ('i','s','n',?,'n',1)",
            "SELECT shown FROM identities",
            f"{NAME} (shared tablet)",
        ),
        (
            "INSERT INTO passkeys VALUES ('--k', 'nora', x'00', 0, ?, 1, NULL)",
            "SELECT name FROM passkeys",
            f"tablet of {NAME}",
        ),
    ],
)
def test_the_name_goes_and_the_rest_stays(path: Path, insert: str, read: str, text: str) -> None:
    def erase(tx: Tx) -> None:
        tx.db.execute(insert, (text,))
        for work in erase_texts.works(Names([NAME])):
            while work(tx).more:
                pass

    write_now(path, erase, clock=ManualClock(NOW))
    with closing(reader(path)) as db:
        [(left,)] = db.execute(read).fetchall()
    unfolded = text.replace("\r\n ", "")
    assert left == unfolded.replace(json.dumps(NAME)[1:-1], ERASED).replace(NAME, ERASED)
    assert ERASED in left
