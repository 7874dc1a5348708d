from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.console.house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    await house.start()
    await house.give_passwords()
    try:
        yield house
    finally:
        await house.stop()
