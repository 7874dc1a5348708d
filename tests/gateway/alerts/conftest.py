from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.alerts.ward import Ward


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    ward = Ward(tmp_path / "gateway.db")
    yield ward
    ward.close()
