"""Bad settings and a bad care centre: every error is told, the exit code is 2, and nothing has changed."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from gateway.store.database import FILE, reader
from tests.faults.harness.process import telecare
from tests.faults.harness.ward import DAY_S, apply, write_centre, write_config


def everything(data: Path) -> list[str]:
    """All that the database says."""
    with closing(reader(data / FILE)) as db:
        return list(db.iterdump())


@pytest.fixture
async def at_work(tmp_path: Path) -> tuple[Path, Path]:
    """A centre file and the settings of a gateway that has it in force."""
    centre = write_centre(
        tmp_path, residents=2, carers={"desk": [("log", "")]}, steps=[(["desk"], DAY_S)], failsafe=["desk"]
    )
    config = write_config(tmp_path, port=1883, protocol="auto")
    await apply(centre, config)
    return centre, config


async def test_a_bad_centre_file_tells_all_its_errors_and_changes_nothing(at_work: tuple[Path, Path]) -> None:
    centre, config = at_work
    before = everything(config.parent / "data")
    text = centre.read_text()
    text = text.replace('resident = "r1"', 'resident = "r9"').replace('timezone = "UTC"', 'timezone = "Moon/Sea"')
    text = text.replace('failsafe = [\n    "desk",\n]', 'failsafe = ["ghost"]').replace('zone = "z0"', 'zone = "z77"')
    centre.write_text(text)
    in_force: list[str | Path] = ["--config", config]
    for command, more in (("apply", in_force), ("check", [])):
        done = await telecare("centre", command, centre, *more)
        assert done.code == 2
        for wrong in ("Moon/Sea", "r9", "ghost", "z77"):
            assert wrong in done.err, f"{wrong}: {done.err}"
        assert "Traceback" not in done.err
    assert everything(config.parent / "data") == before


async def test_bad_settings_tell_all_their_errors_and_nothing_starts(at_work: tuple[Path, Path]) -> None:
    _, config = at_work
    before = everything(config.parent / "data")
    good = config.read_text()
    config.write_text(
        good.replace("port = 1883", "port = 99999")
        .replace('protocol = "auto"', 'protocol = "7"')
        .replace('secret_file = "webhook.key"', 'secret_file = "nowhere.key"')
        + "\n[consoel]\nport = 1\n"
    )
    for command in ("run", "check"):
        done = await telecare(command, "--config", config)
        assert done.code == 2
        for wrong in ("99999", "protocol", "nowhere.key", "consoel"):
            assert wrong in done.err, f"{wrong}: {done.err}"
        assert "Traceback" not in done.err
    assert everything(config.parent / "data") == before
    shutil.rmtree(config.parent / "data")
    assert (await telecare("run", "--config", config)).code == 2
    assert not (config.parent / "data").exists()
