"""``telecare decode``, ``telecare formats``: what the gateway makes of a message."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from devices import registry
from devices.errors import UnreadableError
from devices.model import Frame
from devices.profiles import library
from gateway.cli.common import CLOCK, OUT, JsonOption, as_given, fail, print_json
from gateway.codecs import Codecs
from gateway.settings import load_settings
from gateway.settings.profiles import library_of

_NAMES = ", ".join(form.name for form in registry.FORMATS)


def decode(
    format_name: Annotated[str, typer.Option("--format", help=f"One of: {_NAMES}.")],
    topic: Annotated[str, typer.Option("--topic", help="The topic that the message came on.")],
    file: Annotated[Path, typer.Argument(help="The payload; - reads it from standard input.", show_default="-")] = Path(
        "-"
    ),
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Use the profiles and codecs that these settings name.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="vendor/model, for formats with profiles.")] = None,
) -> None:
    """Print the readings in a message, one JSON object a line.

    A message that can't be read prints an object with "error" and ends with 1.
    """
    if format_name not in {form.name for form in registry.FORMATS}:
        raise fail(f"--format: {format_name!r}: expected one of {_NAMES}")
    if not is_text(topic):
        raise fail(f"--topic: {topic!r}: expected UTF-8 text, as every MQTT topic is")
    if "+" in topic or "#" in topic:
        raise fail(f"--topic: {topic!r}: expected the topic of one message, without the wildcards + and #")
    try:
        payload = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise fail(f"{file}: {error.strerror}: name a file that can be read, or - for standard input") from error
    frame = Frame(topic=topic, payload=payload, received_at=CLOCK.now())
    try:
        with _profiles_of(config):
            readings = registry.decode(format_name, frame, model)
    except UnreadableError as error:
        print_json({"error": error.why.value, "field": error.field, "detail": error.detail})
        raise typer.Exit(1) from error
    for reading in readings:
        fields = msgspec.to_builtins(reading)
        # as the documentation orders them
        print_json({"device": fields.pop("device"), "kind": fields.pop("kind"), **fields})


@contextmanager
def _profiles_of(config: Path | None) -> Iterator[None]:
    """Use the care centre's own profiles and codecs meanwhile, where settings are named; else the bundled ones."""
    if config is None:
        yield
        return
    settings = as_given(load_settings, config)
    with closing(Codecs.load(settings.devices.codecs)) as codecs:
        library.install(library_of(settings, codecs.decoders()))
        try:
            yield
        finally:
            library.install(library.build(library.load_bundled()))


def is_text(words: str) -> bool:
    """Whether it can be written as UTF-8; bytes of the command line that are no text come as lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in words)


def formats(*, json: JsonOption = False) -> None:
    """List the formats that the gateway understands, with their topics."""
    if json:
        for form in registry.FORMATS:
            print_json(
                {
                    "name": form.name,
                    "title": form.title,
                    "alarm_topics": form.alarm_topics,
                    "telemetry_topics": form.telemetry_topics,
                }
            )
        return
    table = Table("format", "what it is", "alarm topics", "telemetry topics", box=None)
    for form in registry.FORMATS:
        table.add_row(form.name, form.title, "\n".join(form.alarm_topics), "\n".join(form.telemetry_topics))
    OUT.print(table)
