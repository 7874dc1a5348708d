"""The profiles in use, by every name that a model goes by. Two profiles that claim the same name are refused.

The gateway installs its library once, at start, before a message is decoded (``install``). Whoever decodes without
doing so (tests, ``telecare decode``) gets the bundled profiles at first need.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from devices.errors import UnreadableError, Why
from devices.profiles.flaws import Flaw, ProfileError
from devices.profiles.profile import Profile, parse
from devices.refusals import shown

Codec: TypeAlias = Callable[[bytes, int, datetime], Any]
"""``codec(payload, port, received_at)``: the decoded object of a raw LoRaWAN payload; the time is aware, and when the
network server had it. Raises UnreadableError."""

_PUNCTUATION = re.compile(r"[^a-z0-9]+")


def key_of(name: str) -> str:
    """A model's name without case, spaces and punctuation: "Milesight VS373" and "milesight/vs373" are one."""
    return _short_key(name) if len(name) <= _SHORT else _key(name)


def _key(name: str) -> str:
    return _PUNCTUATION.sub("", name.lower())


_short_key = lru_cache(maxsize=1024)(_key)
_SHORT = 128
"""Longer names are no model's, and are not remembered."""


class Library(msgspec.Struct, frozen=True):
    """Profiles and codecs by name."""

    profiles: tuple[Profile, ...]
    by_key: dict[str, Profile]
    codecs: dict[str, Codec]
    envelopes: tuple[Profile, ...] = ()
    """The profiles of networks that hand on raw bytes."""
    templates: dict[str, tuple[Profile, ...]] = {}
    """Format → the profiles that have topics of their own."""

    def find(self, names: Iterable[str | None], form: str) -> Profile | None:
        """The profile of the first name that has one for this format."""
        for name in names:
            if name:
                profile = self.by_key.get(key_of(name))
                if profile is not None and form in profile.formats:
                    return profile
        return None

    def codec(self, names: Iterable[str | None]) -> Codec | None:
        """The codec of the first name that has one, by itself or by the profile that goes by that name."""
        if not self.codecs:
            return None
        for name in names:
            if name:
                key = key_of(name)
                profile = self.by_key.get(key)
                found = self.codecs.get(key) or (profile and self.codecs.get(key_of(profile.name)))
                if found:
                    return found
        return None

    def of_topic(self, topic: str, form: str) -> tuple[Profile, str] | None:
        """The profile whose topic template fits, and the device in the topic ("" if it names none)."""
        for profile in self.templates.get(form, ()):
            address = profile.message.address(topic)
            if address is not None:
                return profile, address
        return None


def build(profiles: Iterable[Profile], codecs: Mapping[str, Codec] | None = None) -> Library:
    """A library. Raises ProfileError if two profiles claim the same name or topic template."""
    listed = tuple(profiles)
    by_key: dict[str, Profile] = {}
    templates: dict[tuple[str, str], Profile] = {}
    flaws: list[Flaw] = []
    for profile in listed:
        for index, name in enumerate((profile.name, *profile.names)):
            other = by_key.setdefault(key_of(name), profile)
            if other is not profile:
                key = "model" if index == 0 else f"names[{index - 1}]"
                expected = f"expected a name that no other profile has; {other.file} has it"
                flaws.append(Flaw(profile.file, key, shown(name), expected))
        for form in profile.formats:
            for index, template in enumerate(profile.message.filters()):
                other = templates.setdefault((form, template), profile)
                if other is not profile:
                    expected = f"expected topics that no other profile has; {other.file} has them"
                    flaws.append(Flaw(profile.file, f"message.topics[{index}]", shown(template), expected))
    if flaws:
        raise ProfileError(flaws)
    by_form: dict[str, tuple[Profile, ...]] = {}
    for profile in listed:
        for form in profile.formats if profile.message.templates else ():
            by_form[form] = (*by_form.get(form, ()), profile)
    return Library(
        profiles=listed,
        by_key=by_key,
        codecs={key_of(name): codec for name, codec in (codecs or {}).items()},
        envelopes=tuple(profile for profile in listed if profile.raw is not None),
        templates=by_form,
    )


def load_bundled() -> tuple[Profile, ...]:
    """The profiles that come with the gateway."""
    folder = resources.files("devices.profiles") / "data"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda file: file.name)
    return tuple(parse(file.read_text(encoding="utf-8"), file.name) for file in files)


def load_files(paths: Iterable[Path]) -> tuple[Profile, ...]:
    """Profiles of a care centre. Raises ProfileError with the flaws of all files."""
    profiles: list[Profile] = []
    flaws: list[Flaw] = []
    for path in paths:
        try:
            profiles.append(parse(path.read_text(encoding="utf-8"), path.name))
        except ProfileError as error:
            flaws += error.flaws
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            flaws.append(
                Flaw(path.name, "(the whole file)", shown(str(path)), f"expected a file that can be read: {why}")
            )
    if flaws:
        raise ProfileError(flaws)
    return tuple(profiles)


class _Installed:
    library: Library | None = None


def install(library: Library) -> None:
    """Use these profiles and codecs from now on. For the start of a process, and for tests."""
    _Installed.library = library


def installed() -> Library:
    """The profiles and codecs in use."""
    if _Installed.library is None:
        _Installed.library = build(load_bundled())
    return _Installed.library


def unknown_model(names: Iterable[Any]) -> UnreadableError:
    """The refusal of a message whose model has no profile: its numbers are never guessed at."""
    known = ", ".join(shown(name) for name in names if name) or "nothing names its model"
    return UnreadableError(Why.UNKNOWN_MODEL, f"{known[:160]}; expected a model with a profile (telecare profile list)")
