"""docs/traccar.md: its settings are settings of the gateway, and its topics those of the format."""

import re
import tomllib
from pathlib import Path

import pytest

from devices import traccar
from gateway.settings import Settings

TEXT = Path(__file__).parents[2].joinpath("docs", "traccar.md").read_text("utf-8")
TOML = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
XML = dict(re.findall(r'<entry key="([^"]+)">([^<]+)</entry>', TEXT))


@pytest.mark.parametrize("text", [text for text in TOML if "[[devices]]" not in text])
def test_the_settings_are_accepted(text: str) -> None:
    settings = Settings(**tomllib.loads(text))
    formats = [entry.format for entry in (*settings.subscriptions, *settings.http.sources)]
    assert formats
    assert set(formats) == {"traccar"}


def test_the_topics_are_those_that_the_gateway_subscribes_to() -> None:
    assert (XML["forward.topic"],) == traccar.TELEMETRY_TOPICS
    assert (XML["event.forward.topic"],) == traccar.ALARM_TOPICS


def test_each_address_over_http_is_that_of_a_source() -> None:
    (sources,) = [tomllib.loads(text)["http"]["sources"] for text in TOML if "[[http.sources]]" in text]
    paths = {f"/in/{source['name']}" for source in sources}
    assert paths == set(re.findall(r"https://gateway\.example\.org(/in/[^<]+)<", TEXT))
    alarms = [source["name"] for source in sources if source.get("lane") == "alarms"]
    assert alarms == ["traccar-events"]
