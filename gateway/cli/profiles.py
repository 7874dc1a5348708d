"""``telecare profile list | test``: the models of devices that the gateway knows, and how one is tried."""

import json as json_format
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from devices.profiles import library
from devices.profiles.cases import Case, Outcome, compile_cases
from devices.profiles.check import outcomes
from devices.profiles.flaws import Flaw, Flaws, ProfileError
from devices.profiles.profile import Profile
from gateway.cli.common import DEFAULT_CONFIG, OUT, ConfigOption, JsonOption, as_given, fail, print_json, printable
from gateway.settings import load_settings
from gateway.settings.profiles import files_of, library_of

app = typer.Typer(help="Models of devices: profiles that map their fields to readings.", no_args_is_help=True)


BUNDLED = "bundled"


@app.command("list")
def show(*, config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """List the models that have a profile: the gateway's own, and those that the settings name.

    Without settings (no gateway.toml here) it lists the gateway's own.
    """
    listed = sorted(_listed(config), key=lambda pair: pair[0].name)
    if json:
        for profile, origin in listed:
            print_json(
                {
                    "model": profile.name,
                    "title": profile.title,
                    "formats": profile.formats,
                    "names": profile.names,
                    "source": profile.source,
                    "from": origin,
                }
            )
        return
    table = Table("model", "what it is", "formats", "from", box=None)
    for profile, origin in listed:
        where = origin if origin == BUNDLED else Path(origin).name
        table.add_row(profile.name, printable(profile.title), " ".join(profile.formats), printable(where))
    OUT.print(table)


def _listed(config: Path) -> list[tuple[Profile, str]]:
    """Every profile in use and the file that it came from, or "bundled".

    Raises:
        SettingsError: the settings, or a profile that they name, can't be used.
    """
    if config == DEFAULT_CONFIG and not config.exists():
        return [(profile, BUNDLED) for profile in library.load_bundled()]
    settings = as_given(load_settings, config)
    known = library_of(settings).profiles
    paths, _ = files_of(settings.devices.profiles)  # problems were raised above
    own = {profile.name: str(path) for path in paths for profile in library.load_files([path])}
    return [(profile, own.get(profile.name, BUNDLED)) for profile in known]


@app.command("test")
def try_out(
    file: Annotated[Path, typer.Argument(help="The profile, a TOML file.")],
    *,
    cases: Annotated[
        Path | None, typer.Option("--cases", help="More cases: a JSONL file of name, payload and readings or error.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check a profile, run its cases and print what came out; ends with 1 if a case comes out otherwise."""
    profile = _read(file)
    results = outcomes(profile)
    if cases is not None:
        results += outcomes(profile, _cases_in(cases))
    for outcome in results:
        _print(outcome, json=json)
    failed = sum(not outcome.passed for outcome in results)
    if failed:
        raise fail(f"{file.name}: {failed} of {len(results)} cases of {profile.name} came out otherwise", code=1)
    if not json:
        OUT.print(f"{profile.name}: {len(results)} cases, all as they should be.")


def _read(file: Path) -> Profile:
    """The profile of a file, which must have cases and names that no bundled profile has.

    Raises:
        ProfileError: with everything wrong in it.
    """
    flaws: list[Flaw] = []
    try:
        (profile,) = library.load_files([file])
    except ProfileError as error:
        flaws = error.flaws
    else:
        try:
            library.build([*(known for known in library.load_bundled() if known.name != profile.name), profile])
        except ProfileError as error:
            flaws = error.flaws
    if _has_no_cases(file):
        expected = (
            "expected at least one [[cases]] table with a payload and its readings: it is how a profile is tested"
        )
        flaws.append(Flaw(file.name, "cases", "(missing)", expected))
    if flaws:
        raise ProfileError(flaws)
    return profile


def _has_no_cases(file: Path) -> bool:
    """Whether a file that is TOML has no cases; one that is not has been told already."""
    try:
        return not tomllib.loads(file.read_text("utf-8")).get("cases")
    except (OSError, ValueError):
        return False


def _cases_in(path: Path) -> tuple[Case, ...]:
    """The cases of a JSONL file. Raises ProfileError with everything wrong in it."""
    flaws = Flaws(path.name)
    rows: list[Any] = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{path}: expected a file of UTF-8 text that can be read") from error
    for number, line in enumerate(lines, 1):
        try:
            rows += [json_format.loads(line)] if line.strip() else []
        except ValueError:
            flaws.add(f"line {number}", line, "one JSON object")
    found = compile_cases(rows, flaws)
    if flaws.found:
        raise ProfileError(flaws.found)
    return found


def _print(outcome: Outcome, *, json: bool) -> None:
    if json:
        print_json(
            {
                "case": outcome.case.name,
                "passed": outcome.passed,
                "readings": outcome.readings,
                "error": outcome.error,
                "detail": outcome.detail,
            }
        )
        return
    OUT.print(f"{'ok  ' if outcome.passed else 'FAIL'} {printable(outcome.case.name)}")
    if outcome.error is not None:
        OUT.print(f"     {printable(outcome.detail or outcome.error)}")
    for reading in outcome.readings:
        OUT.print(f"     {printable(msgspec.json.encode(reading).decode())}")
    if not outcome.passed:
        case = outcome.case
        wanted = case.error if case.readings is None else msgspec.json.encode(case.readings).decode()
        OUT.print(f"     expected {printable(str(wanted))}")
