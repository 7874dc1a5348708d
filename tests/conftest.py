"""For all tests: a busy machine is no failure of a property, a narrow terminal none of a table, logs start afresh."""

import gc
import os
from collections.abc import Iterator
from typing import Any

os.environ["COLUMNS"] = "200"  # before rich is imported, which looks once

import pytest
import structlog
from hypothesis import HealthCheck, settings

settings.register_profile("patient", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_collection_finish() -> None:
    """Ten thousand tests stay until the end: the collector need not look at all of them again and again.

    A full round over them takes half a second, and comes every few tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def logs_afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command line that ran in this process must not decide what the next test's loggers let through.

    Loggers live as long as their modules, and one that is cached keeps the settings of the test that used it first.
    """
    configure = structlog.configure

    def uncached(**settings: Any) -> None:
        configure(**{**settings, "cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", uncached)
    yield
    structlog.reset_defaults()
