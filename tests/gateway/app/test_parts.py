"""Settings turned into parts."""

from pathlib import Path

from gateway.app import parts
from gateway.app.brokerfiles import plan_of
from gateway.ingest.publisher import Publisher
from gateway.notify.channels.log import LogChannel
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


def test_channels_are_there_as_far_as_they_are_set_up(tmp_path: Path) -> None:
    few = settings(tmp_path)
    publisher = Publisher(parts.broker_options(few, "haven"))
    assert set(parts.make_channels(few, publisher, log=LogChannel())) == {"log", "mqtt", "apprise"}
    many = settings(
        tmp_path,
        '[channels.smtp]\nhost = "smtp.example.org"\nsender = "telecare@example.org"\nusername = "t"\n'
        'password_env = "MAIL"\n[channels.webhook]\nsecret_env = "SECRET"\n',
    )
    made = parts.make_channels(many, publisher, log=LogChannel())
    assert set(made) == {"log", "mqtt", "apprise", "smtp", "webhook"}
    assert all(name == channel.name for name, channel in made.items())


def test_every_native_device_signs_in_by_itself_and_each_bridge_for_its_format(tmp_path: Path) -> None:
    plan = plan_of(with_traccar(DEMO), settings(tmp_path))
    names = [device.id for device in plan.devices]
    assert plan.site == "haven"
    assert len(names) == len(set(names)) == len(DEMO.devices) + 1
    (bridge,) = [device for device in plan.devices if device.id.startswith("bridge-")]
    assert bridge.id == "bridge-traccar"
    assert set(bridge.writes) == {"traccar/positions", "traccar/events"}
