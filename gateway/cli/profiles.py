"""``telecare profile list | test``: the models of devices that the gateway knows, and how one is tried."""

import json as json_format
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from devices.profiles import library
from devices.profiles.cases import Case, Outcome, compile_cases
from devices.profiles.check import outcomes
from devices.profiles.flaws import Flaws, ProfileError
from gateway.cli.common import OUT, JsonOption, fail, print_json, printable

app = typer.Typer(help="Models of devices: profiles that map their fields to readings.", no_args_is_help=True)


@app.command("list")
def show(*, json: JsonOption = False) -> None:
    """List the models that have a profile."""
    profiles = sorted(library.installed().profiles, key=lambda profile: profile.name)
    if json:
        for profile in profiles:
            print_json(
                {
                    "model": profile.name,
                    "title": profile.title,
                    "formats": profile.formats,
                    "names": profile.names,
                    "source": profile.source,
                }
            )
        return
    table = Table("model", "what it is", "formats", box=None)
    for profile in profiles:
        table.add_row(profile.name, profile.title, " ".join(profile.formats))
    OUT.print(table)


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
    (profile,) = library.load_files([file])
    results = outcomes(profile)
    if cases is not None:
        results += outcomes(profile, _cases_in(cases))
    for outcome in results:
        _print(outcome, json=json)
    failed = sum(not outcome.passed for outcome in results)
    if not results:
        raise fail(f"{file.name}: {profile.name} has no cases; add [[cases]] with a payload and its readings", code=1)
    if failed:
        raise fail(f"{file.name}: {failed} of {len(results)} cases of {profile.name} came out otherwise", code=1)
    if not json:
        OUT.print(f"{profile.name}: {len(results)} cases, all as they should be.")


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
