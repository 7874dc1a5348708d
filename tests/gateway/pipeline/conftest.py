from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.pipeline.chain import Chain, with_traccar


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    made = Chain(tmp_path, with_traccar())
    yield made
    made.db.close()
