"""What must hold for every command; a new one is found by itself."""

import os
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from docs import cli as page
from gateway.cli.common import OUT
from tests.brokers import PATIENCE_S
from tests.gateway.cli.desk import DEMO_FILE, House, telecare

COMMANDS = page.commands()
SCRIPT = Path(sys.executable).with_name("telecare")
ROOT = Path(__file__).parents[3]

PLACE = Path(__file__).with_name("place.geojson")
"""A zone, as a map editor writes one."""

ARGUMENTS: dict[str, list[object]] = {
    "ack": [1], "arrive": [1], "decline": [1],
    "close": [1, "--outcome", "real"], "reopen": [1], "explain": [1], "command": ["gps-r01", "ring"],
    "token make": ["nora", "--name", "x"], "token revoke": [1],
    "users show": ["nora"], "users link": ["nora"], "users sign-out": ["nora"], "users remove": ["nora"],
    "users remove-passkey": ["nora", "key"], "users end-browser": ["nora", 1], "users end-link": ["nora"],
    "identity link": ["nora", "subject-1"], "identity unlink": [1],
    "password": ["nora"], "broker-config": ["files"],
    "profile test": [ROOT / "devices" / "profiles" / "data" / "browan-tbpb100.toml"],
    "shelve": ["r01", "bed_exit", "--for", "1h", "--why", "x"], "unshelve": [1],
    "escalate": [1], "hand-over": [1, "sam"], "shift end": [1],
    "shift override": ["nurse", "--from", "2026-01-01", "--to", "2026-01-02", "--out", "nora", "--why", "x"],
    "shift swap": [
        "nurse", "nora", "ben", "--from", "2026-01-01", "--to", "2026-01-02", "--back-from", "2026-01-03", "--back-to",
        "2026-01-04", "--why", "x",
    ],
    "notes list": ["r01"], "notes add": ["r01", "--text", "x"],
    "test-contact": ["nora", "--contact", 1],
    "sleep": ["r03"], "search": ["r01"], "end-search": [1], "try": [DEMO_FILE],
    "centre apply": [DEMO_FILE], "centre export": ["out.toml"],
    "centre undo": [2], "centre set-zone": [PLACE], "centre remove-zone": ["chapel"],
    "export-person": ["r01", "--out", "person.zip"], "erase-person": ["r01", "--confirm", "r01"],
    "centre where": [DEMO_FILE, "14.4", "35.89"],
    "decode": ["--format", "native", "--topic", "telecare/haven/sos-r01/help", DEMO_FILE],
}  # fmt: skip
"""What a command needs besides its settings."""

WITHOUT_DATABASE = {"run", "decode", "profile list", "push-keys", "identity link"}
"""Commands that make the database, take only profiles from the settings, or ask for a provider first: test_oidc."""


def with_option(option: str) -> list[str]:
    return [
        name.removeprefix("telecare ")
        for name, command in COMMANDS.items()
        if any(option in parameter.opts for parameter in command.params)
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name: str) -> None:
    ran = telecare(*name.split()[1:], "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: {name}")
    assert COMMANDS[name].help.splitlines()[0][:40] in " ".join(ran.out.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is(name: str) -> None:
    for parameter in COMMANDS[name].params:
        assert parameter.help or "--help" in parameter.opts, parameter.name


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_bad_input(name: str) -> None:
    telecare(*name.split()[1:], "--no-such-option").is_bad_input("--no-such-option")


def test_no_command_and_an_unknown_one_are_bad_input() -> None:
    assert telecare().code == 2
    telecare("dance").is_bad_input("dance")
    assert telecare("centre").code == 2


def test_the_page_has_every_command_as_it_is() -> None:
    ((path, text),) = page.files().items()
    assert path.read_text("utf-8") == text, "run: python -m docs.cli"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_has_every_option(name: str) -> None:
    text = page.PAGE.read_text("utf-8")
    found = re.search(rf"^### `{re.escape(name)}`\n\n```text\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    for parameter in COMMANDS[name].params:
        for word in (*parameter.opts, *parameter.secondary_opts):
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", found[1]), word


def test_the_pages_examples_are_commands() -> None:
    text = page.PAGE.read_text("utf-8").partition("## Reference")[0]
    examples = re.findall(
        r"^telecare ([a-z-]+(?: (?:apply|export|check|schema|list|changes|override|swap|end)\b)?)", text, re.MULTILINE
    )
    assert len(examples) > 5
    assert {f"telecare {example}" for example in examples} <= set(COMMANDS)


@pytest.mark.parametrize("command", with_option("--config"))
def test_settings_that_are_not_there_are_bad_input(tmp_path: Path, command: str) -> None:
    ran = telecare(*command.split(), *ARGUMENTS.get(command, []), "--config", tmp_path / "no.toml")
    ran.is_bad_input("no.toml", "expected")


@pytest.mark.parametrize("command", with_option("--config"))
def test_settings_with_mistakes_are_bad_input_and_all_are_told(tmp_path: Path, command: str) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('[broker]\nport = 70000\n[console]\nprot = 1\n[gateway]\ndata = "data"\n')
    ran = telecare(*command.split(), *ARGUMENTS.get(command, []), "--config", config)
    ran.is_bad_input("broker.port", "console.prot")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", sorted(set(with_option("--config")) - WITHOUT_DATABASE - {"check", "centre apply"}))
def test_without_a_database_the_words_say_what_to_do(empty: House, command: str) -> None:
    empty.run(command, *ARGUMENTS.get(command, [])).is_bad_input("Start the gateway once, or name its data folder")
    assert not empty.path.exists()


@pytest.mark.parametrize("command", sorted(set(with_option("--config")) - WITHOUT_DATABASE))
def test_a_database_that_is_none_is_bad_input(empty: House, command: str) -> None:
    empty.path.parent.mkdir()
    empty.path.write_bytes(b"not a database at all, but long enough to look at" * 50)
    empty.run(command, *ARGUMENTS.get(command, [])).is_bad_input("gateway.db")


@pytest.mark.parametrize("command", sorted(set(with_option("--config")) - WITHOUT_DATABASE - {"check", "centre apply"}))
def test_an_empty_database_is_no_traceback(empty: House, command: str) -> None:
    """A first start that was interrupted leaves a file without tables."""
    empty.path.parent.mkdir()
    empty.path.touch()
    ran = empty.run(command, *ARGUMENTS.get(command, []))
    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert "gateway.db" in ran.err


@pytest.mark.parametrize("command", with_option("--json"))
def test_json_output_parses(house: House, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if command in {"simulate", "probe"}:
        pytest.skip("needs a broker: tests/gateway/app")
    if command.startswith("shift "):
        pytest.skip("needs shifts: test_shifts")
    number = house.raised()
    monkeypatch.chdir(tmp_path)  # some write a file
    if command in {"centre undo", "centre remove-zone"}:
        house.run("centre set-zone", PLACE)
    if command == "erase-person":
        pytest.skip("refused while something is worn: test_persons")
    if command == "reopen":
        house.run("close", number, "--outcome", "real")
    for word in ("search", "shelve"):  # what is listed or ended has to be there
        if command in {f"{word}es", f"{word}s", f"end-{word}", f"un{word}"}:
            assert house.run(word, *ARGUMENTS[word]).code == 0
    arguments = [number if argument == 1 else argument for argument in ARGUMENTS.get(command, [])]
    words = [*command.split(), *arguments, "--json"]
    if command in with_option("--config"):
        words += ["--config", house.config]
    ran = telecare(*words)
    assert ran.code == 0, ran.err
    rows: list[Any] = ran.json()
    assert all(isinstance(row, dict) for row in rows)
    assert rows or command in {"quarantine", "commands", "rounds", "notes list", "token list", "identity list"}


def test_the_installed_script_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [SCRIPT, "--help"], capture_output=True, text=True, timeout=2 * PATIENCE_S, check=True, cwd=tmp_path
    )
    assert "replay" in done.stdout
    refused = subprocess.run(
        [SCRIPT, "alerts"], capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False, cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith("TELECARE")},
    )  # fmt: skip
    assert refused.returncode == 2
    assert refused.stderr.startswith("gateway.toml: ")


def test_a_reader_who_has_seen_enough_is_no_traceback(tmp_path: Path) -> None:
    """``telecare decode … | head -1``"""
    payload = tmp_path / "many.json"
    transitions = [{"_type": "transition", "event": "leave", "desc": "H", "tst": 1772352000}] * 700
    payload.write_text(str(transitions).replace("'", '"'))
    arguments = [str(SCRIPT), "decode", "--format", "owntracks", "--topic", "owntracks/rita/pixel/event", str(payload)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        code = process.wait(30)
    assert code in {0, 1, -signal.SIGPIPE}
    assert b"Traceback" not in errors


def test_the_version() -> None:
    ran = telecare("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"telecare {version('telecare-gateway')}\n", "")


def onto_a_full_disk(*arguments: object) -> tuple[int, str]:
    """Exit code and standard error of a command whose output can't be written."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ran = telecare(*arguments, stdout=full)
        with OUT.capture():  # what could not be written must not come out with the next command of this process
            pass
        full.flush()  # what Python does at its end; it would raise if the rest still waited
    return ran.code, ran.err


FULL = (1, "standard output can't be written: No space left on device\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", COMMANDS)
def test_output_that_cannot_be_written_is_one_line(name: str) -> None:
    assert onto_a_full_disk(*name.split()[1:], "--help") == FULL


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_data_that_cannot_be_written_is_one_line(house: House) -> None:
    number = house.raised()
    for words in (["alerts"], ["alerts", "--json"], ["explain", number], ["audit"], ["ack", number]):
        assert onto_a_full_disk(*words, "--config", house.config) == FULL
    for words in (["formats"], ["formats", "--json"], ["centre", "schema"], ["--version"]):
        assert onto_a_full_disk(*words) == FULL
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [SCRIPT, "formats"], stdout=full, stderr=subprocess.PIPE, timeout=2 * PATIENCE_S, check=False
        )
    assert (done.returncode, done.stderr.decode()) == FULL


@pytest.mark.parametrize("command", with_option("--config"))
def test_a_path_is_shown_as_it_was_given(command: str) -> None:
    ran = telecare(*command.split(), *ARGUMENTS.get(command, []), "--config", "/no/such/x.toml")
    ran.is_bad_input('/no/such/x.toml: (the whole file): "/no/such/x.toml": expected')
