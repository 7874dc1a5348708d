import json
from contextlib import closing
from pathlib import Path

import pytest

from gateway.centre.model import Centre
from gateway.clock import ManualClock
from gateway.errors import CentreError
from gateway.store import centres
from gateway.store.centres import Applied
from gateway.store.database import connect, reader
from gateway.store.writer import write_now
from tests.gateway.alerts.ward import centre
from tests.gateway.store.desk import START, made


def applied(path: Path, wanted: Centre, *, who: str = "cli:root") -> Applied:
    return write_now(path, lambda tx: centres.apply(tx, wanted, who=who), clock=ManualClock(START))


def renamed(name: str) -> Centre:
    plain = centre().centre
    return plain.model_copy(update={"centre": plain.centre.model_copy(update={"name": name})})


def test_versions_count_up_and_the_newest_is_in_force(tmp_path: Path) -> None:
    path = made(tmp_path)
    with closing(reader(path)) as db:
        assert centres.latest(db) is None
        assert centres.latest_number(db) == 0
        assert applied(path, renamed("One")) == Applied(1, changed=True)
        assert applied(path, renamed("Two"), who="sam") == Applied(2, changed=True)
        assert centres.latest_number(db) == 2
        found = centres.latest(db)
        assert found is not None
        assert (found.version, found.applied_at, found.applied_by) == (2, START, "sam")
        assert found.centre == renamed("Two")
        assert db.execute("SELECT count(*) FROM centre_versions").fetchone()[0] == 2  # the old one is kept
        actions = [(r["who"], r["action"], r["object"]) for r in db.execute("SELECT * FROM audit ORDER BY seq")]
        assert actions == [("cli:root", "centre.apply", "centre/1"), ("sam", "centre.apply", "centre/2")]


def test_the_same_again_is_no_new_version(tmp_path: Path) -> None:
    path = made(tmp_path)
    applied(path, renamed("One"))
    assert applied(path, renamed("One")) == Applied(1, changed=False)
    with closing(reader(path)) as db:
        assert centres.latest_number(db) == 1
        assert db.execute("SELECT count(*) FROM audit").fetchone()[0] == 1


def test_going_back_to_an_older_one_is_a_new_version(tmp_path: Path) -> None:
    path = made(tmp_path)
    applied(path, renamed("One"))
    applied(path, renamed("Two"))
    assert applied(path, renamed("One")) == Applied(3, changed=True)


def test_a_stored_version_that_does_not_hold_is_told(tmp_path: Path) -> None:
    path = made(tmp_path)
    applied(path, renamed("One"))
    with closing(connect(path)) as db:
        order = json.loads(db.execute("SELECT sheets FROM centre_versions").fetchone()[0])
        order["carers"] = []
        db.execute("UPDATE centre_versions SET sheets = ?", (json.dumps(order),))
    with closing(reader(path)) as db, pytest.raises(CentreError, match="centre version 1"):
        centres.latest(db)
