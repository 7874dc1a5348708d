"""A disk that refuses: a real error of the file system, in a process of its own."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from gateway.store.database import reader
from tests.brokers import PATIENCE_S
from tests.gateway.store.desk import broken, made, names

ROOT = Path(__file__).parents[3]


def test_after_the_first_error_nothing_is_acknowledged_and_nothing_is_lost(tmp_path: Path) -> None:
    path = made(tmp_path)
    limit = path.stat().st_size + 400_000
    done = subprocess.run(
        [sys.executable, "-m", "tests.gateway.store.limited", str(path), str(limit)],
        cwd=ROOT, capture_output=True, text=True, timeout=2 * PATIENCE_S, check=True,
    )  # fmt: skip
    acknowledged = done.stdout.split()
    refused, outcome = done.stderr.splitlines()[-1].split()
    assert 0 < len(acknowledged) < 200
    assert int(refused) == 200 - len(acknowledged)  # the first error was the last attempt
    assert acknowledged == [f"s{number:03}" for number in range(len(acknowledged))]
    assert outcome == "StoreFailedError"
    assert names(path) == acknowledged
    with closing(reader(path)) as db:
        assert broken(db) == ["ok"]
