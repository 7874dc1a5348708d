from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.console.house import House
from tests.gateway.console.living import HOME, LivingHouse


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    await house.start()
    await house.give_passwords()
    try:
        yield house
    finally:
        await house.stop()


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[LivingHouse]:
    """A house that is administered."""
    home = LivingHouse(tmp_path)
    await home.start()
    await home.apply(HOME)
    await home.give_passwords()
    try:
        yield home
    finally:
        await home.stop()
