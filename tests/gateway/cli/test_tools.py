import stat
from contextlib import closing
from pathlib import Path

import pytest

from gateway.centre.load import centre_from_document, to_document
from gateway.clock import ManualClock, SystemClock
from gateway.console import accounts
from gateway.store import centres
from gateway.store.database import connect, reader
from gateway.store.writer import write_now
from simulators import fleet, run
from tests.brokers import free_port
from tests.gateway.cli.desk import DEMO_FILE, House, telecare
from tests.gateway.pipeline.chain import DEMO, START, Chain, frame

SECRET = "correct horse battery staple"


# --- password ------------------------------------------------------------------------------------------------------


def test_a_password_comes_from_standard_input_and_is_never_shown(house: House) -> None:
    ran = house.run("password", "sam", stdin=f"{SECRET}\nanother line\n".encode())
    assert (ran.code, ran.out.splitlines()[0], ran.err) == (0, "The password of sam is set.", "")
    with closing(reader(house.path)) as db:
        kept = "\n".join(db.iterdump())
    assert SECRET not in kept
    assert "$argon2id$" in kept
    with closing(reader(house.path)) as db:
        assert accounts.verify(db, "sam", SECRET) is accounts.Check.RIGHT
    assert SECRET not in house.run("audit").out + house.run("audit", "--json").out
    assert house.run("audit", "--json").json()[0]["action"] == "account.password_set"


@pytest.mark.parametrize("stdin", [b"", b"\n", b"short\n"])
def test_a_password_that_is_too_short_is_bad_input(house: House, stdin: bytes) -> None:
    ran = house.run("password", "sam", stdin=stdin)
    ran.is_bad_input("password")
    assert "short\n" not in ran.err


def test_a_password_is_for_a_carer_of_the_centre(house: House) -> None:
    house.run("password", "nobody", stdin=f"{SECRET}\n".encode()).is_bad_input("'nobody'", "nora", "sam")


# --- audit ---------------------------------------------------------------------------------------------------------


def test_the_audit_shows_the_newest_first(house: House) -> None:
    house.raised()
    rows = house.run("audit", "--json").json()
    # the first centre: what is agreed for its people came with it
    assert [row["action"] for row in rows] == ["alert.raised", *["consent.change"] * 12, "centre.apply"]
    assert [row["seq"] for row in rows] == [*range(14, 0, -1)]
    assert rows[-1]["who"].startswith("cli:")
    assert "centre.apply" in house.run("audit").out
    assert len(house.run("audit", "--json", "--limit", 1).json()) == 1


def test_a_tampered_audit_ends_with_1_and_names_the_row(house: House) -> None:
    house.raised()
    with closing(connect(house.path)) as db:
        db.execute("DROP TRIGGER audit_is_never_changed")
        db.execute("UPDATE audit SET who = 'somebody else' WHERE seq = 1")
    for options in ([], ["--json"], ["--limit", 1]):
        ran = house.run("audit", *options)
        assert ran.code == 1
        assert "row 1" in ran.err


# --- quarantine ----------------------------------------------------------------------------------------------------


def test_quarantine_shows_the_message_and_its_reason(house: House, tmp_path: Path) -> None:
    chain = Chain(tmp_path / "data")
    chain.take(
        frame("sos-r01", "help", START, raw=b'{"v":1,"id":"h-1"'), frame("gps-r01", "position", START, raw=b"\xff")
    )
    chain.db.close()
    newest, oldest = house.run("quarantine", "--json").json()
    assert (oldest["why"], oldest["payload"], oldest["topic"]) == (
        "not_json", '{"v":1,"id":"h-1"', "telecare/haven/sos-r01/help",
    )  # fmt: skip
    assert (newest["why"], newest["payload"]) == ("not_utf8", "\\xff")
    assert newest["received_at"] == "2026-03-01T21:00:00Z"
    table = house.run("quarantine").out
    assert "not_utf8" in table
    assert "telecare/haven/sos-r01/help" in table
    assert len(house.run("quarantine", "--json", "--limit", 1).json()) == 1


def test_markup_in_a_message_is_shown_as_it_is(house: House, tmp_path: Path) -> None:
    chain = Chain(tmp_path / "data")
    chain.take(frame("[bold]x[/nope]", "help", START, raw=b"{"))
    chain.db.close()
    ran = house.run("quarantine")
    assert ran.code == 0
    assert "telecare/haven/[bold]x[/nope]/help" in ran.out


def test_a_message_cannot_command_the_terminal(house: House, tmp_path: Path) -> None:
    chain = Chain(tmp_path / "data")
    chain.take(frame("\x1b]0;owned\x07", "help", START, raw=b"\x1b[2J{"))
    chain.take(frame("\x1b]0;owned\x07", "help", START, phase="pressed"))
    chain.db.close()
    for command, arguments in (("quarantine", []), ("explain", [1]), ("explain", [2]), ("alerts", []), ("audit", [])):
        ran = house.run(command, *arguments)
        assert ran.code == 0
        assert "\x1b" not in ran.out, command


# --- broker-config -------------------------------------------------------------------------------------------------


def test_broker_files_are_for_their_owner_only(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    ran = house.run("broker-config", folder)
    assert ran.code == 0
    written = [Path(line) for line in ran.out.splitlines()]
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in written)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in written)
    config = next(path for path in written if path.suffix == ".conf").read_text()
    assert "autosave_on_changes true" in config
    assert "autosave_interval 1" in config
    everything = "".join(path.read_text() for path in written)
    assert "sos-r01" in everything
    assert "in clear" in ran.err


def test_broker_files_in_use_are_never_written_over(house: House, tmp_path: Path) -> None:
    house.run("broker-config", tmp_path / "broker")
    before = {path: path.read_bytes() for path in (tmp_path / "broker").iterdir()}
    house.run("broker-config", tmp_path / "broker").is_bad_input("already")
    assert {path: path.read_bytes() for path in (tmp_path / "broker").iterdir()} == before


def test_a_device_that_comes_later_is_let_in_and_nobody_is_locked_out(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    assert house.run("broker-config", folder).code == 0
    passwords, access, credentials = (folder / f"telecare.{end}" for end in ("passwd", "acl", "credentials"))
    assert house.run("broker-config", folder, "--add").out == "Nothing to add: everybody has a user.\n"
    # as it stands at the broker: readable by its group, with a line of somebody's own, the credentials deleted
    passwords.write_text(passwords.read_text().replace("gps-r12:", "gps-old:"))
    access.write_text(access.read_text().replace("topic read $SYS/#\n", "topic read $SYS/#\n# ours\n").rstrip("\n"))
    credentials.unlink()
    passwords.chmod(0o640)
    before = passwords.read_text()
    document = to_document(DEMO)
    document["devices"].append({"id": "sos-new", "type": "sos_button", "format": "native"})
    document["devices"].append(
        {"id": "chip", "type": "sos_button", "format": "chirpstack", "address": "0102030405060708"}
    )
    centre = centre_from_document(document)
    write_now(house.path, lambda tx: centres.apply(tx, centre, who="sam"), clock=SystemClock())
    ran = house.run("broker-config", folder, "--add")
    assert ran.code == 0, ran.err
    new = ["gps-r12", "sos-new", "bridge-chirpstack"]
    assert ran.out.splitlines() == [*(f"added: {user}" for user in new), "more topics: gateway (1)"]
    assert "not of the centre: gps-old." in ran.err
    assert "systemctl reload mosquitto" in ran.err
    assert passwords.read_text().startswith(before)
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o640
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert [line.partition(":")[0] for line in credentials.read_text().splitlines()] == new
    assert "# ours" in access.read_text()
    assert "\nuser sos-new\ntopic write telecare/haven/sos-new/" in access.read_text()
    assert "\nuser gateway\ntopic write application/+/device/+/command/down\n" in access.read_text()
    house.run("broker-config", folder, "--add")
    assert passwords.read_text().count("sos-new:") == 1
    assert len(credentials.read_text().splitlines()) == 3
    house.run("broker-config", tmp_path / "nowhere", "--add").is_bad_input("name the folder with telecare.passwd")
    passwords.write_text("other:x\n")
    assert "has no user gateway" in house.run("broker-config", folder, "--add").err


def test_a_folder_that_cannot_be_made_is_bad_input(house: House, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    house.run("broker-config", tmp_path / "file" / "broker").is_bad_input("name a folder that can be written")


# --- check ---------------------------------------------------------------------------------------------------------


def test_check_needs_no_database(empty: House) -> None:
    ran = empty.run("check")
    assert (ran.code, ran.out) == (0, f"{empty.config}: no errors.\n")
    assert not empty.path.exists()


def test_check_says_what_is_in_force(house: House) -> None:
    assert house.run("check").out == f"{house.config}: no errors. Centre version 1 is in force.\n"
    assert house.run("check", "--centre", DEMO_FILE).code == 0


def test_check_tells_the_mistakes_of_both_files_at_once(house: House, tmp_path: Path) -> None:
    centre = tmp_path / "mine.toml"
    centre.write_text(DEMO_FILE.read_text().replace('role = "manager"', 'role = "boss"'))
    house.config.write_text("[broker]\nport = 0\n")
    house.run("check", "--centre", centre).is_bad_input("broker.port", "boss")


def test_check_finds_a_stored_centre_that_does_not_hold(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(tx: object) -> None:
        tx.db.execute("UPDATE centre_sheets SET text = replace(text, 'Europe/Malta', 'Europe/Mars')")  # type: ignore[attr-defined]

    write_now(house.path, spoil, clock=ManualClock(START))
    monkeypatch.setattr(centres, "_memory", type(centres._memory)())  # the command is another process
    house.run("check").is_bad_input("centre version 1", "Europe/Mars")


# --- simulate and replay -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "--centre"),
        (["--centre", DEMO_FILE, "--fleet", 3], "--centre"),
        (["--centre", DEMO_FILE, "--start", "tomorrow"], "--start"),
        (["--centre", DEMO_FILE, "--start", "2026-03-01T08:00:00"], "time zone"),
        (["--centre", DEMO_FILE, "--event", "20s dance r03"], "dance"),
        (["--centre", DEMO_FILE, "--event", "nonsense"], "nonsense"),
        (["--centre", DEMO_FILE, "--speed", 0], "speed"),
        (["--centre", DEMO_FILE, "--for", 0], "seconds"),
        (["--centre", "/no/such/file.toml"], "file.toml"),
        (["--fleet", 2, "--password-file", "/no/such/file"], "--password-file"),
        (["--fleet", 2, "--port", 70_000], "--port"),
    ],
)  # fmt: skip
def test_simulate_with_bad_input(arguments: list[object], word: str) -> None:
    telecare("simulate", *arguments).is_bad_input(word)


def recording(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "night.jsonl"
    file.write_text(text)
    return file


def test_replay_prints_the_same_bytes_each_time() -> None:
    file = Path(__file__).parents[1] / "app" / "recordings" / "sos.jsonl"
    first, second = (telecare("replay", "--centre", DEMO_FILE, file) for _ in range(2))
    assert first.code == 0
    assert first.out == second.out
    assert [row["rule"] for row in first.json()] == ["help"]


def test_replay_tells_every_bad_line_and_plays_nothing(tmp_path: Path) -> None:
    good = '{"received_at":"2026-03-02T10:00:00Z","topic":"telecare/haven/sos-r01/help","payload":{"v":1}}'
    file = recording(tmp_path, f"{good}\nnonsense\n{good.replace('2026', 'x')}\n")
    telecare("replay", "--centre", DEMO_FILE, file).is_bad_input("night.jsonl: line 2", "night.jsonl: line 3")


@pytest.mark.parametrize("until", ["tomorrow", "2026-03-02T10:00:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_replay_with_a_bad_end(tmp_path: Path, until: str) -> None:
    file = recording(tmp_path, "")
    telecare("replay", "--centre", DEMO_FILE, file, "--until", until).is_bad_input("--until", until)


def test_replay_of_what_is_not_there(tmp_path: Path) -> None:
    file = recording(tmp_path, "")
    telecare("replay", "--centre", DEMO_FILE, tmp_path / "no.jsonl").is_bad_input("no.jsonl")
    telecare("replay", "--centre", tmp_path / "no.toml", file).is_bad_input("no.toml")
    telecare("replay", "--centre", DEMO_FILE, tmp_path).is_bad_input("name a file that can be read")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe")
    telecare("replay", "--centre", DEMO_FILE, tmp_path / "bytes.jsonl").is_bad_input("payload_base64")
    assert telecare("replay", "--centre", DEMO_FILE, file).out == ""


WHEN = '"received_at":"2026-03-02T10:00:00Z"'
HELP = f'{WHEN},"topic":"telecare/haven/sos-r01/help"'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f'{{{HELP},"payload_base64":"?"}}', "payload_base64: expected Base64\n"),
        (f'{{{HELP},"payload_base64":5}}', "payload_base64: expected `str`"),
        (f'{{{HELP},"payload":"\\ud800"}}', "payload: expected whole characters"),
        (f'{{{HELP},"payload":{{"deep":["\\udc00"]}}}}', "payload: expected whole characters"),
        (f'{{{WHEN},"topic":"\\ud800","payload":1}}', "topic: expected whole characters"),
        (f'{{{HELP},"payload":', "expected one JSON object"),
        (f'{{{HELP},"payload":1,"format":"morse"}}', "format: expected one of native"),
        (f"{{{HELP}}}", "payload, payload_base64: expected one of the two"),
        ('{"received_at":"noon","topic":"a","payload":1}', "received_at: expected a time such as"),
        ('{"received_at":"2026-03-02T10:00:00","topic":"a","payload":1}', "received_at: expected a time such as"),
    ],
)  # fmt: skip
def test_a_bad_line_names_the_key_and_what_is_expected(tmp_path: Path, line: str, words: str) -> None:
    telecare("replay", "--centre", DEMO_FILE, recording(tmp_path, line)).is_bad_input(f"line 1: {line[:60]}: {words}")


def test_a_replay_that_goes_well_says_nothing_else() -> None:
    file = Path(__file__).parents[1] / "app" / "recordings" / "sos.jsonl"
    assert telecare("replay", "--centre", DEMO_FILE, file).err == ""


@pytest.mark.parametrize("what", [["--fleet", 3], ["--centre", DEMO_FILE]])
def test_simulate_without_a_broker_says_so_soon(monkeypatch: pytest.MonkeyPatch, what: list[object]) -> None:
    assert max(fleet.FIRST_REAL_S, run.FIRST_REAL_S) <= 4
    monkeypatch.setattr("simulators.fleet.FIRST_REAL_S", 0.2)
    monkeypatch.setattr("simulators.run.FIRST_REAL_S", 0.2)
    port = free_port()
    ran = telecare("simulate", *what, "--port", port)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.strip() == f"No broker answers at 127.0.0.1:{port}: start it, or name another host and port."
