"""Settings turned into parts."""

from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from gateway.app import parts
from gateway.app.brokerfiles import plan_of
from gateway.app.channels import make_channels
from gateway.centre import model as centre
from gateway.clock import ManualClock
from gateway.errors import SettingsError
from gateway.ingest.publisher import Publisher
from gateway.links import Links
from gateway.notify.channel import Channel
from gateway.notify.channels.log import LogChannel
from gateway.notify.channels.sms import GammuSmsChannel, HttpSmsChannel
from gateway.notify.channels.webpush import write_key
from gateway.pipeline.pipeline import ALARMS, TELEMETRY
from gateway.settings import Settings, load_settings
from tests.gateway.pipeline.chain import DEMO, with_traccar


def settings(folder: Path, text: str = "") -> Settings:
    file = folder / "gateway.toml"
    file.write_text(text)
    return load_settings(file, {"SECRET": "whsec_" + "QUJD" * 10, "MAIL": "mail password", "BROKER": "broker password"})


def test_the_client_id_is_the_sites_unless_named(tmp_path: Path) -> None:
    assert parts.broker_options(settings(tmp_path), "haven").client_id == "telecare-haven"
    named = settings(tmp_path, '[broker]\nclient_id = "mine"\nusername = "gw"\npassword_env = "BROKER"\n')
    options = parts.broker_options(named, "haven")
    assert (options.client_id, options.username, options.password) == ("mine", "gw", "broker password")
    assert "broker password" not in repr(named)


def test_alarms_have_a_lane_of_their_own(tmp_path: Path) -> None:
    every = settings(tmp_path)
    alarms = {s.topic_filter for s in parts.subscriptions(every, ALARMS)}
    telemetry = {s.topic_filter for s in parts.subscriptions(every, TELEMETRY)}
    assert {"telecare/+/+/help", "telecare/+/+/fall", "traccar/events"} <= alarms
    assert "telecare/+/+/position" in telemetry
    assert not alarms & telemetry
    own = settings(tmp_path, '[[subscriptions]]\nformat = "traccar"\ntopics = ["fleet/#"]\nlane = "alarms"\n')
    assert [(s.topic_filter, s.format) for s in parts.subscriptions(own, ALARMS)] == [("fleet/#", "traccar")]
    assert parts.subscriptions(own, TELEMETRY) == []


def made_of(wanted: Settings, publisher: Publisher, folder: Path) -> dict[str, Channel]:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    links = Links("https://care.example.org", "not a secret", clock)
    database = folder / "gateway.db"
    return make_channels(wanted, publisher, log=LogChannel(), links=links, clock=clock, database=database)


def test_channels_are_there_as_far_as_they_are_set_up(tmp_path: Path) -> None:
    few = settings(tmp_path)
    publisher = Publisher(parts.broker_options(few, "haven"))
    assert set(made_of(few, publisher, tmp_path)) == {"log", "mqtt", "apprise"}
    many = settings(
        tmp_path,
        '[channels.smtp]\nhost = "smtp.example.org"\nsender = "telecare@example.org"\nusername = "t"\n'
        'password_env = "MAIL"\n[channels.webhook]\nsecret_env = "SECRET"\n',
    )
    made = made_of(many, publisher, tmp_path)
    assert set(made) == {"log", "mqtt", "apprise", "smtp", "webhook"}
    assert all(name == channel.name for name, channel in made.items())


def test_every_channel_of_the_centre_file_can_be_set_up(tmp_path: Path) -> None:
    write_key(tmp_path / "push.pem")
    text = (
        '[channels.smtp]\nhost = "m"\nsender = "a@example.org"\n[channels.webhook]\nsecret_env = "SECRET"\n'
        '[channels.ntfy]\ntoken_env = "MAIL"\n[channels.telegram]\ntoken_env = "MAIL"\n'
        '[channels.webpush]\nsubject = "mailto:it@example.org"\nkey_file = "push.pem"\n'
        '[channels.voice]\nurl = "https://calls.example.org/"\nform = { To = "{to}" }\n'
    )
    modem = settings(tmp_path, text + '[channels.sms.gammu]\noutbox = "out"\n')
    assert modem.channels.sms is not None
    assert modem.channels.sms.gammu is not None
    assert modem.channels.sms.gammu.outbox == tmp_path / "out"
    publisher = Publisher(parts.broker_options(modem, "haven"))
    made = made_of(modem, publisher, tmp_path)
    assert set(made) == set(get_args(centre.Channel)) - {"scaip", "cap"}
    assert isinstance(made["sms"], GammuSmsChannel)
    provider = settings(tmp_path, text + '[channels.sms.http]\nurl = "https://sms.example.org/"\n')
    assert isinstance(made_of(provider, publisher, tmp_path)["sms"], HttpSmsChannel)
    assert "mail password" not in repr(modem)


def test_a_push_key_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    wanted = settings(tmp_path, '[channels.webpush]\nsubject = "mailto:it@example.org"\n')
    with pytest.raises(SettingsError, match="telecare push-keys"):
        made_of(wanted, Publisher(parts.broker_options(wanted, "haven")), tmp_path)


def test_every_native_device_signs_in_by_itself_and_each_bridge_for_its_format(tmp_path: Path) -> None:
    plan = plan_of(with_traccar(DEMO), settings(tmp_path))
    names = [device.id for device in plan.devices]
    assert plan.site == "haven"
    assert len(names) == len(set(names)) == len(DEMO.devices) + 1
    (bridge,) = [device for device in plan.devices if device.id.startswith("bridge-")]
    assert bridge.id == "bridge-traccar"
    assert set(bridge.writes) == {"traccar/positions", "traccar/events"}
