"""The device profiles that a care centre adds: ``[devices] profiles`` of gateway.toml."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from devices.profiles import library
from devices.profiles.flaws import ProfileError
from devices.profiles.library import Codec, Library
from gateway.errors import Problem, SettingsError
from gateway.problems import shown
from gateway.settings.model import Settings

KEY = "devices.profiles"


def library_of(settings: Settings, codecs: Mapping[str, Codec] | None = None) -> Library:
    """The bundled profiles and the care centre's own, of which one of the same vendor and model counts instead.

    ``codecs``: vendor/model → decoder of raw payloads.

    Raises:
        SettingsError: with every problem of every file.
    """
    if not settings.devices.profiles:
        return library.build(library.load_bundled(), codecs)
    paths, problems = files_of(settings.devices.profiles)
    try:
        own = library.load_files(paths)
        names = {profile.name for profile in own}
        built = library.build([*(known for known in library.load_bundled() if known.name not in names), *own], codecs)
    except ProfileError as error:
        problems += [Problem(flaw.file, flaw.key, flaw.value, flaw.expected) for flaw in error.flaws]
    if problems:
        raise SettingsError(problems)
    return built


def files_of(patterns: Iterable[str]) -> tuple[list[Path], list[Problem]]:
    """The files that the patterns match, each once, and a problem for every pattern that matches none."""
    paths: dict[Path, None] = {}
    problems: list[Problem] = []
    for number, pattern in enumerate(patterns):
        path = Path(pattern)  # absolute since the settings were loaded
        found = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
        paths.update(dict.fromkeys(found))
        if not found:
            expected = "expected at least one file that is there"
            problems.append(Problem("gateway.toml", f"{KEY}[{number}]", shown(pattern), expected))
    return list(paths), problems
