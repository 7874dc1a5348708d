"""All commands in one visible list."""

import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Annotated

import typer

from devices.errors import DeviceError
from gateway.cli import (
    alerts,
    care,
    centre,
    commands,
    contacts,
    coverage,
    daemon,
    decode,
    identities,
    kpi,
    notes,
    persons,
    probe,
    profiles,
    replay,
    retention,
    search,
    shelves,
    shifts,
    simulate,
    status,
    tokens,
    tools,
    trial,
    users,
)
from gateway.cli.common import complain, complain_of_system
from gateway.errors import GatewayError
from rules.errors import RuleError

app = typer.Typer(
    name="telecare",
    help="Telecare gateway: readings in, alerts judged, carers told and reminded until a person has dealt with it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"telecare {version('telecare-gateway')}")
        raise typer.Exit


@app.callback()
def telecare(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Telecare gateway: readings in, alerts judged, carers told and reminded until a person has dealt with it."""


app.command("demo")(daemon.demo)
app.command("run")(daemon.run)
app.command("check")(daemon.check)
app.command("probe")(probe.probe)
app.add_typer(centre.app, name="centre")
app.command("decode")(decode.decode)
app.command("formats")(decode.formats)
app.add_typer(profiles.app, name="profile")
app.command("replay")(replay.replay)
app.command("try")(trial.try_centre)
app.command("outcomes")(trial.outcomes_)
app.command("alerts")(alerts.alerts)
app.command("status")(status.status)
app.command("sleep")(care.sleep)
app.command("rounds")(care.rounds)
app.command("kpi")(kpi.kpi)
app.command("ack")(alerts.ack)
app.command("arrive")(alerts.arrive)
app.command("decline")(alerts.decline)
app.command("close")(alerts.close)
app.command("reopen")(alerts.reopen)
app.command("escalate")(alerts.escalate)
app.command("hand-over")(alerts.hand_over)
app.command("explain")(alerts.explain)
app.command("shelve")(shelves.shelve)
app.command("shelves")(shelves.shelves)
app.command("unshelve")(shelves.unshelve)
app.add_typer(shifts.app, name="shift")
app.command("coverage")(coverage.coverage)
app.command("search")(search.search)
app.command("searches")(search.searches)
app.command("end-search")(search.end_search)
app.command("command")(commands.command)
app.command("commands")(commands.commands)
app.add_typer(simulate.app, name="simulate")
app.command("password")(tools.password)
app.add_typer(tokens.app, name="token")
app.add_typer(users.app, name="users")
app.add_typer(identities.app, name="identity")
app.command("broker-config")(tools.broker_config)
app.command("test-contact")(contacts.contact_test)
app.command("push-keys")(contacts.push_keys)
app.add_typer(notes.app, name="notes")
app.command("audit")(tools.audit)
app.command("export-person")(persons.export_person)
app.command("erase-person")(persons.erase_person)
app.command("retention")(retention.retention)
app.command("quarantine")(tools.quarantine)


@cache
def _command() -> Callable[..., object]:
    """The tree of commands, made once: Typer makes it anew at each call."""
    return typer.main.get_command(app)


def main() -> None:
    """Run the command line; every error that was foreseen is one clear text and an exit code, never a traceback."""
    try:
        _command()(prog_name="telecare")
    except (GatewayError, DeviceError, RuleError) as error:
        sys.exit(complain(error))
    except BrokenPipeError:
        # whoever read our output has seen enough
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        sys.exit(complain_of_system(error))
