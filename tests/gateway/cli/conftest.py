import shutil
from pathlib import Path

import pytest

from tests.gateway.cli.desk import House


@pytest.fixture(scope="session")
def _furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    House(folder).furnish()
    return folder


@pytest.fixture
def empty(tmp_path: Path) -> House:
    """Settings, and nothing else yet."""
    return House(tmp_path)


@pytest.fixture
def house(tmp_path: Path, _furnished: Path) -> House:
    """The demo centre is in force; a folder of its own for every test."""
    shutil.copytree(_furnished, tmp_path, dirs_exist_ok=True)
    return House(tmp_path)
