"""gateway.toml: what is taken, what is refused, and that secrets stay secret."""

import base64
import json
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from devices.registry import FORMATS
from docs import schemas
from gateway.errors import SettingsError
from gateway.settings import Settings, load_settings, subscriptions_of

ROOT = Path(__file__).parents[2]
SIGNING = "whsec_" + base64.b64encode(b"for tests, and only tests").decode()
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "gateway.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def problems(path: Path, env: dict[str, str] | None = None) -> dict[str, tuple[str, str, str]]:
    """Key -> (file, value, expected) of every problem."""
    with pytest.raises(SettingsError) as caught:
        load_settings(path, env or {})
    found = caught.value.problems
    assert len({problem.key for problem in found}) == len(found), "each key once"
    return {problem.key: (problem.file, problem.value, problem.expected) for problem in found}


def test_an_empty_file_has_sensible_defaults(write: Write, tmp_path: Path) -> None:
    settings = load_settings(write(""), {})
    assert (settings.broker.host, settings.broker.port, settings.broker.protocol) == ("localhost", 1883, "auto")
    assert settings.gateway.data == tmp_path / "data"
    assert settings.console.base_url == "http://127.0.0.1:8080"
    assert settings.console.secure_cookies is False
    assert settings.secret_file == tmp_path / "data" / "console.key"
    assert settings.channels.smtp is None
    assert settings.channels.webhook is None
    assert settings.broker.password is None


def test_defaults_that_follow_from_other_keys(write: Write) -> None:
    settings = load_settings(
        write(
            "[broker.tls]\nenabled = true\n"
            '[console]\nbase_url = "https://care.example.org/"\n'
            '[channels.smtp]\nhost = "m"\nsender = "a@b.example"\nsecurity = "tls"\n'
        ),
        {},
    )
    assert settings.broker.port == 8883
    assert settings.console.base_url == "https://care.example.org"
    assert settings.console.secure_cookies is True
    assert settings.channels.smtp is not None
    assert settings.channels.smtp.port == 465


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_each_encryption_of_mail_has_its_port(write: Write, security: str, port: int) -> None:
    text = f'[channels.smtp]\nhost = "m"\nsender = "a@b.example"\nsecurity = "{security}"\n'
    smtp = load_settings(write(text), {}).channels.smtp
    assert smtp is not None
    assert smtp.port == port


def test_every_problem_is_told_at_once(write: Write) -> None:
    found = problems(
        write(
            '[broker]\nhots = "x"\nport = 99999\nprotocol = "4"\n'
            "[console]\nport = -1\n"
            '[channels.smtp]\nsender = "nobody"\ntimeout_s = 0\n'
            '[channels.mqtt]\ntopic = "alerts/{room}/#"\n'
            "[brokr]\n"
        )
    )
    assert set(found) == {
        "broker.hots", "broker.port", "broker.protocol", "console.port", "channels.smtp.host", "channels.smtp.sender",
        "channels.smtp.timeout_s", "channels.mqtt.topic", "brokr",
    }  # fmt: skip
    assert 'did you mean "host"?' in found["broker.hots"][2]
    assert 'did you mean "broker"?' in found["brokr"][2]
    assert found["broker.port"] == ("gateway.toml", "99999", "expected a number of at most 65535")
    assert found["broker.protocol"][2] == 'expected one of "auto", "5", "3.1.1"'
    assert found["channels.smtp.host"][1] == "(missing)"


@pytest.mark.parametrize("bad", ["[broker\n", "a = nonsense\n"])
def test_broken_toml_says_where(write: Write, bad: str) -> None:
    [(_, value, expected)] = problems(write("\n" + bad)).values()
    assert value == "(not TOML)"
    assert "line 2" in expected


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "No such file" in problems(tmp_path / "none.toml")["(the whole file)"][2]
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    assert problems(tmp_path / "latin.toml")["(the whole file)"][2] == "expected UTF-8 text"


def test_the_environment_is_above_the_file(write: Write) -> None:
    path = write('[broker]\nhost = "one"\nport = 1884\n')
    settings = load_settings(path, {"TELECARE__BROKER__HOST": "two", "HOME": "/", "BROKER__PORT": "1"})
    assert (settings.broker.host, settings.broker.port) == ("two", 1884)


def test_a_mistake_in_the_environment_is_told_as_such(write: Write) -> None:
    env = {"TELECARE__BROKER__PORT": "many", "TELECARE__BROKRE__HOST": "x", "TELECARE__BROKER__HOTS": "x"}
    found = problems(write("[broker]\nport = 1884\n"), env)
    assert found["TELECARE__BROKER__PORT"] == ("environment", '"many"', "expected a whole number")
    assert 'did you mean "broker"?' in found["TELECARE__BROKRE__HOST"][2]
    assert 'did you mean "host"?' in found["TELECARE__BROKER__HOTS"][2]


def test_secrets_come_from_variables_and_files(write: Write, tmp_path: Path) -> None:
    (tmp_path / "mail-password").write_text("från fil\n", "utf-8")
    path = write(
        '[broker]\nusername = "g"\npassword_env = "BROKER_PASSWORD"\n'
        '[channels.smtp]\nhost = "m"\nsender = "a@b.example"\npassword_file = "mail-password"\n'
        '[channels.webhook]\nsecret_env = "SIGNING"\n'
    )
    settings = load_settings(path, {"BROKER_PASSWORD": "from-env", "SIGNING": SIGNING})
    assert settings.channels.smtp is not None
    assert settings.channels.webhook is not None
    kept = (settings.broker.password, settings.channels.smtp.password, settings.channels.webhook.secret)
    assert [secret.get_secret_value() for secret in kept if secret] == ["from-env", "från fil", SIGNING]
    for told in (repr(settings), str(settings), settings.model_dump_json()):
        assert not any(secret in told for secret in ("from-env", "från fil", SIGNING))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[broker]\npassword = "hunter2"\n', "broker.password"),
        ('[channels.smtp]\nhost = "m"\nsender = "a@b.example"\npassword = "hunter2"\n', "channels.smtp.password"),
        ('[channels.webhook]\nsecret = "hunter2"\n', "channels.webhook.secret"),
        ('[console]\nsecret = "hunter2"\n', "console.secret"),
        ('[channels.apprise]\ntoken = "hunter2"\n', "channels.apprise.token"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_shown(write: Write, text: str, key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(text), {})
    [problem] = caught.value.problems
    assert (problem.key, problem.value) == (key, "(hidden)")
    assert "hunter2" not in str(caught.value)


def test_the_refusal_of_a_password_says_what_to_do(write: Write) -> None:
    expected = problems(write('[broker]\npassword = "hunter2"\n'))["broker.password"][2]
    assert "password_file" in expected
    assert "password_env" in expected


def test_secrets_that_are_not_there(write: Write, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n", "utf-8")
    found = problems(
        write(
            '[broker]\npassword_env = "NOT_SET"\n'
            '[channels.smtp]\nhost = "m"\nsender = "a@b.example"\npassword_file = "empty"\n'
            '[channels.webhook]\nsecret_file = "none"\n'
        )
    )
    assert set(found) == {"broker.password_env", "channels.smtp.password_file", "channels.webhook.secret_file"}
    assert found["broker.password_env"][1] == '"NOT_SET"'


@pytest.mark.parametrize("env", [{}, {"TELECARE__BROKER__PASSWORD_ENV": "hunter2"}])
def test_a_secret_written_where_its_variable_belongs_is_not_shown(write: Write, env: dict[str, str]) -> None:
    [(_, value, expected)] = problems(write('[broker]\npassword_env = "hunter2"\n'), env).values()
    assert value == "(hidden)"
    assert "environment variable" in expected


def test_a_password_right_in_the_environment_is_refused_and_not_shown(write: Write) -> None:
    found = problems(write(""), {"TELECARE__BROKER__PASSWORD": "hunter2"})
    assert found["TELECARE__BROKER__PASSWORD"][:2] == ("environment", "(hidden)")


def test_lists_in_the_environment_are_json(write: Write) -> None:
    env = {"TELECARE__SUBSCRIPTIONS": '[{"format": "native", "topics": ["a/#"]}]'}
    assert load_settings(write(""), env).subscriptions[0].topics == ("a/#",)
    [(file, value, expected)] = problems(write(""), {"TELECARE__SUBSCRIPTIONS": "a/#"}).values()
    assert (file, value) == ("environment", "(hidden)")
    assert "JSON" in expected
    assert "subscriptions" in expected


def test_one_source_for_a_secret(write: Write) -> None:
    found = problems(write('[broker]\npassword_env = "A"\npassword_file = "b"\n'), {"A": "x"})
    assert found["broker.password_file"][2] == "expected password_env or password_file, not both"


def test_webhooks_are_always_signed_and_with_a_usable_secret(write: Write) -> None:
    assert "secret_file" in problems(write("[channels.webhook]\n"))["channels.webhook"][2]
    for bad in ("whsec_not base64 at all!", "whsec_c2hvcnQ=", "whsec_"):
        found = problems(write('[channels.webhook]\nsecret_env = "S"\n'), {"S": bad})
        assert found["channels.webhook.secret_env"][1] == "(hidden)"


def test_certificates_go_together_and_must_be_there(write: Write, tmp_path: Path) -> None:
    found = problems(write('[broker.tls]\nenabled = true\ncert = "gateway.pem"\n'))
    assert found["broker.tls.cert"][2] == "expected a file that is there"
    assert found["broker.tls"][2] == "expected cert and key together, or neither"
    for name in ("ca.pem", "gateway.pem", "gateway.key"):
        (tmp_path / name).touch()
    whole = '[broker.tls]\nenabled = true\nca = "ca.pem"\ncert = "gateway.pem"\nkey = "gateway.key"\n'
    assert load_settings(write(whole), {}).broker.tls.key == tmp_path / "gateway.key"
    assert "enabled = true" in problems(write('[broker.tls]\nca = "ca.pem"\n'))["broker.tls"][2]


def test_without_subscriptions_every_format_has_its_own_topics(write: Write) -> None:
    found = subscriptions_of(load_settings(write(""), {}))
    for form in FORMATS:
        alarms = [topic for one in found if one.format == form.name and one.lane == "alarms" for topic in one.topics]
        rest = [topic for one in found if one.format == form.name and one.lane == "telemetry" for topic in one.topics]
        assert (tuple(alarms), tuple(rest)) == (form.alarm_topics, form.telemetry_topics)


def test_subscriptions_of_the_file_stand_alone(write: Write) -> None:
    settings = load_settings(
        write('[[subscriptions]]\nformat = "traccar"\ntopics = ["fleet/#"]\nlane = "alarms"\n'), {}
    )
    [only] = subscriptions_of(settings)
    assert (only.format, only.topics, only.lane) == ("traccar", ("fleet/#",), "alarms")


def test_bad_subscriptions(write: Write) -> None:
    found = problems(
        write(
            '[[subscriptions]]\nformat = "nativ"\ntopics = ["a/#/b", "x/+"]\n'
            '[[subscriptions]]\nformat = "traccar"\ntopics = ["x/y"]\nlane = "alarm"\n'
            '[[subscriptions]]\nformat = "traccar"\ntopics = []\n'
        )
    )
    assert set(found) == {
        "subscriptions[0].format", "subscriptions[0].topics[0]", "subscriptions[1].topics[0]", "subscriptions[1].lane",
        "subscriptions[2].topics",
    }  # fmt: skip
    assert "subscriptions[0].topics[1]" in found["subscriptions[1].topics[0]"][2]


@pytest.mark.parametrize("key", ["_env_file", "_secrets_dir", "_cli_parse_args"])
def test_options_of_the_library_are_no_settings(write: Write, key: str) -> None:
    assert key in problems(write(f'{key} = "x"\n'))


@pytest.mark.parametrize("text", ["broker = 5\n", "[channels]\nsmtp = []\n", "gateway = 1\n", "subscriptions = 3\n"])
def test_a_value_where_a_table_belongs_is_a_problem_and_no_crash(write: Write, text: str) -> None:
    assert problems(write(text))


def test_settings_made_in_code_read_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELECARE__BROKER__HOST", "elsewhere")
    monkeypatch.setenv("BROKER", '{"host": "elsewhere"}')
    assert Settings().broker.host == "localhost"


def test_schemas_and_the_table_of_keys_are_current() -> None:
    for path, text in schemas.files().items():
        assert path.read_text("utf-8") == text, f"{path.name} is old: run python -m docs.schemas"


def test_every_key_is_in_the_guide() -> None:
    guide = (ROOT / "docs/settings.md").read_text("utf-8")
    for definition in json.loads((ROOT / "docs/schema/gateway.json").read_text("utf-8"))["$defs"].values():
        for key in definition["properties"]:
            assert f"`{key}`" in guide or f".{key}]" in guide, key


def test_the_example_is_right_once_its_secrets_are_there(tmp_path: Path) -> None:
    text = (ROOT / "config/gateway.toml").read_text("utf-8")
    jsonschema.validate(tomllib.loads(text), json.loads((ROOT / "docs/schema/gateway.json").read_text("utf-8")))
    found = problems(ROOT / "config/gateway.toml")
    assert set(found) == {"broker.password_file", "channels.smtp.password_file", "channels.webhook.secret_file"}
    for name in ("broker-password", "smtp-password", "webhook-secret"):
        (tmp_path / name).write_text(SIGNING, "utf-8")
    (tmp_path / "gateway.toml").write_text(text.replace("secrets/", ""), "utf-8")
    assert load_settings(tmp_path / "gateway.toml", {}).console.secure_cookies is True


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("name", ["telecare.service", "telecare-probe.service"])
def test_the_service_files_are_ones_that_systemd_understands(tmp_path: Path, name: str) -> None:
    unit = tmp_path / name
    text = (ROOT / "config" / name).read_text("utf-8")
    unit.write_text(text.replace("/opt/telecare/bin/telecare", "/bin/true"), "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert name not in done.stderr, done.stderr


def test_the_probe_has_two_secrets_and_its_ping_needs_an_address(write: Write) -> None:
    path = write('[probe]\nusername = "gate"\npassword_env = "P"\n[probe.ping]\nurl_env = "U"\n')
    probe = load_settings(path, {"P": "one", "U": "https://watch.example.org/x"}).probe
    assert probe.password is not None
    assert probe.ping is not None
    assert probe.ping.url is not None
    found = (probe.password.get_secret_value(), probe.ping.url.get_secret_value())
    assert found == ("one", "https://watch.example.org/x")
    assert "url_file" in problems(write("[probe.ping]\n"))["probe.ping"][2]
