import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlite_utils import Database, Migrations

from gateway.alerts import queries
from gateway.errors import StoreError
from gateway.pipeline.pipeline import Pipeline
from gateway.store import audit, centres, migrations
from gateway.store.database import FILE, connect, prepare, reader
from tests.databases import make
from tests.gateway.pipeline.chain import DEMO, Chain, frame
from tests.gateway.store.desk import broken, made

VERSIONS = make.versions()


def migrated(folder: Path, version: str) -> Path:
    path = folder / FILE
    make.load(version, path)
    prepare(path)
    return path


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_has_its_old_database(version: str) -> None:
    assert make.file_of(version).exists(), "run: python -m tests.databases.make"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_database_gets_the_schema_of_a_new_one(tmp_path: Path, version: str) -> None:
    with closing(reader(migrated(tmp_path, version))) as old:
        with closing(reader(made(tmp_path / "new"))) as new:
            assert make.schema(old) == make.schema(new)
        assert broken(old) == ["ok"]
        assert old.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_released_version_was_not_edited(tmp_path: Path) -> None:
    """The newest version's dump says what its migrations make; while it is not released: tests.databases.make."""
    make.load(VERSIONS[-1], tmp_path / FILE)
    with closing(sqlite3.connect(tmp_path / FILE)) as old, closing(reader(made(tmp_path / "new"))) as new:
        assert make.schema(old) == make.schema(new), "run: python -m tests.databases.make"


@pytest.mark.parametrize("version", VERSIONS)
def test_what_an_old_database_knew_is_still_known(tmp_path: Path, version: str) -> None:
    path = migrated(tmp_path, version)
    with closing(reader(path)) as db:
        help_alert, fall, battery = sorted(queries.alerts(db), key=lambda alert: alert.id)
        assert (help_alert.rule, help_alert.state, help_alert.closed_by) == ("help", "closed", "nora")
        assert (fall.rule, fall.state, fall.resident) == ("fall", "open", "r02")
        assert battery.rule == "low_battery"
        explained = queries.explain(db, 1)
        assert [seen.topic for seen in explained.frames] == ["telecare/haven/sos-r01/help"]
        assert [seen.kind for seen in explained.readings] == ["help"]
        assert explained.told[0].carer == "nora"
        assert audit.broken_at(db) is None
        found = centres.latest(db)
        assert found is not None
        assert found.version == 1
        assert db.execute("SELECT why FROM quarantine").fetchall()[0][0] == "bad_position"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_gateway_goes_on_from_an_old_database(tmp_path: Path, version: str) -> None:
    chain = Chain(tmp_path / "fresh", DEMO)
    path = migrated(tmp_path, version)
    with closing(connect(path)) as db:
        chain.db.close()
        chain.db, chain.pipeline = db, Pipeline(db, lambda: chain.index)
        chain.clock.move(3600)
        repeated = chain.take(frame("fall-r02", "fall", chain.now, id="f-1", phase="detected"))
        assert repeated.readings == 0  # the old database knew this event
        assert len(chain.alerts("fall")) == 1
        chain.take(frame("sos-r03", "help", chain.now, phase="pressed"))
        (new,) = [alert for alert in chain.alerts("help") if alert.resident == "r03"]
        assert new.id == 4


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = made(tmp_path)
    with closing(connect(path)) as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('gateway', 'v999_later', '')"
        )
        before = make.schema(db)
    with pytest.raises(StoreError, match=r"v999_later.*newer gateway"):
        prepare(path)
    with closing(sqlite3.connect(path)) as db:
        assert make.schema(db) == before


def test_a_migration_that_fails_in_the_middle_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path)
    later = Migrations("gateway")
    for migration in migrations.MIGRATIONS._migrations:
        later(name=migration.name)(migration.fn)

    def v998_half(db: Database) -> None:
        db.execute("ALTER TABLE alerts ADD COLUMN colour TEXT")
        db.execute("DELETE FROM rule_states")
        db.execute("INSERT INTO no_such_table VALUES (1)")

    later(name="v998_half")(v998_half)
    with closing(connect(path)) as db:
        db.execute("INSERT INTO rule_states (resident, states) VALUES ('r01', '{}')")
        before = make.schema(db)
    monkeypatch.setattr(migrations, "MIGRATIONS", later)
    for _ in range(2):  # trying again finds the same, not half a migration
        with pytest.raises(StoreError, match="no_such_table"):
            prepare(path)
        with closing(sqlite3.connect(path)) as db:
            assert make.schema(db) == before
            assert db.execute("SELECT count(*) FROM rule_states").fetchone()[0] == 1


def test_answers_of_an_old_database_are_known_by_hashes_and_who_had_left_is_noted(tmp_path: Path) -> None:
    path = tmp_path / FILE
    make.load("v006_search", path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO answers VALUES ('nora/7/abc/close/real/A fall', '{\"note\":\"A fall\"}', 5)")
        [(document,)] = db.execute("SELECT document FROM centre_versions").fetchall()
        left = msgspec.json.decode(document)
        gone = left["residents"].pop(0)
        for table in ("care_plans", "assignments"):
            left[table] = [one for one in left[table] if one["resident"] != gone["id"]]
        db.execute(
            "INSERT INTO centre_versions (version, applied_at, digest, document) VALUES (2, 9, '', ?)",
            (msgspec.json.encode(left).decode(),),
        )
        db.commit()
    prepare(path)
    digest = hashlib.sha256
    with closing(reader(path)) as db:
        assert tuple(db.execute("SELECT key, digest, alert FROM answers WHERE at = 5").fetchone()) == (
            f"nora/7/{digest(b'abc/close/real/A fall').hexdigest()}", digest(b'{"note":"A fall"}').hexdigest(), 7,
        )  # fmt: skip
        assert [tuple(row) for row in db.execute("SELECT * FROM former_residents")] == [
            (gone["id"], gone["name"], 1, 9)
        ]
