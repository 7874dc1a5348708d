"""Bring file, environment and secrets together, and tell every problem at once."""

import base64
import os
import re
import tomllib
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import pydantic_settings
from pydantic import SecretStr, ValidationError
from pydantic_settings import EnvSettingsSource

from devices import registry, topics
from gateway.errors import Problem, SettingsError
from gateway.problems import did_you_mean, one_of, problems_of, schema_of, shown
from gateway.settings.http import SECRET_LENGTH
from gateway.settings.model import Settings, Subscription

ENV_PREFIX = "TELECARE__"
"""Environment variables of this prefix override the file: ``TELECARE__BROKER__HOST``."""

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
"""What any sender can put into a header or an address, whatever it takes for the encoding."""
_WHOLE = "(the whole file)"
_SECRETS = (
    ("broker", "password"), ("channels.smtp", "password"), ("channels.webhook", "secret"), ("channels.ntfy", "token"),
    ("channels.telegram", "token"), ("channels.sms.http", "secret"), ("channels.sms.inbound", "secret"),
    ("channels.voice", "secret"), ("channels.cap", "secret"), ("channels.scaip", "password"),
    ("console.oidc", "client_secret"),
    ("probe", "password"), ("probe.ping", "url"),
)  # fmt: skip
_NEEDED = {
    "channels.webhook": "secret_env or secret_file: receivers check the signature with it",
    "channels.cap": "secret_env or secret_file: the alarm centre checks the signature with it",
    "channels.telegram": "token_env or token_file: the bot's token, from @BotFather",
    "channels.sms.inbound": "secret_env or secret_file: the part of the address that nobody else knows",
    "probe.ping": "url_env or url_file: the address that is asked for after each answer",
}
"""Tables that are of no use without their secret."""
_OWN_SECRETS = ("http.", "channels.sms.inbound")
"""Where the secret is ours to choose, and must be hard to guess."""
_PATHS = (
    "gateway.data", "broker.tls.ca", "broker.tls.cert", "broker.tls.key", "console.secret_file", "console.map.pmtiles",
    "broker.password_file", "channels.smtp.password_file", "channels.webhook.secret_file", "http.cert", "http.key",
    "channels.ntfy.token_file", "channels.telegram.token_file", "channels.webpush.key_file",
    "channels.sms.http.secret_file", "channels.sms.inbound.secret_file", "channels.voice.secret_file",
    "channels.cap.secret_file", "channels.scaip.password_file", "console.oidc.client_secret_file", "console.oidc.ca",
    "probe.password_file", "probe.ping.url_file",
    *(f"channels.sms.gammu.{folder}" for folder in ("outbox", "sent", "errors", "inbox")),
)  # fmt: skip
_MUST_EXIST = (
    "broker.tls.ca", "broker.tls.cert", "broker.tls.key", "http.cert", "http.key", "console.map.pmtiles",
    "console.oidc.ca",
)  # fmt: skip


def load_settings(path: Path, env: Mapping[str, str] = os.environ) -> Settings:
    """Read gateway.toml, the environment above it, and the secrets that it names.

    Paths are made absolute, relative to the file's folder.

    Raises:
        SettingsError: with every problem found; nothing is taken from a file that has one.
    """
    data = _read_toml(path)
    problems: list[Problem] = []
    overlay = _read_env(env, problems)
    data = _merged(data, overlay)
    folder = path.resolve().parent
    where = _Where(path.name, overlay)
    places = (*_SECRETS, *((table, "secret") for table in _http_sources(data)))
    kept = {table: _take_secret(data, table, key, folder, env, where, problems) for table, key in places}
    problems += _check_subscriptions(data.get("subscriptions"), where)
    problems += _check_http_formats(data, where)
    _rebase(data, folder, where, problems)
    settings = _validated(data, where, problems)
    if problems or settings is None:
        raise SettingsError(problems)
    for table, _ in _SECRETS:
        part: Any = settings
        for name in table.split("."):
            part = getattr(part, name, None)
        if part is not None:
            part.keep_secret(kept[table])
    for table, source in zip(_http_sources(data), settings.http.sources, strict=True):
        source.keep_secret(kept[table])
    return settings


def subscriptions_of(settings: Settings) -> tuple[Subscription, ...]:
    """What to subscribe to: what the file says, and where it says nothing every format's own topics."""
    if settings.subscriptions:
        return settings.subscriptions
    return tuple(
        Subscription(format=known.name, topics=filters, lane=lane)
        for known in registry.FORMATS
        for lane, filters in (("alarms", known.alarm_topics), ("telemetry", known.telemetry_topics))
        if filters
    )


class _Where:
    """Where a key's value came from: the file, or a variable of the environment."""

    def __init__(self, file: str, overlay: Mapping[str, Any]) -> None:
        self._file = file
        self._overlay = overlay

    def problem(self, key: str, value: str, expected: str) -> Problem:
        """A problem, told where the value really stands."""
        if _get(self._overlay, key) is not None:
            return Problem("environment", ENV_PREFIX + key.upper().replace(".", "__"), value, expected)
        return Problem(self._file, key, value, expected)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        found = Problem(path.name, _WHOLE, shown(str(path)), f"expected a file that can be read: {error.strerror}")
        raise SettingsError([found]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([Problem(path.name, _WHOLE, f"byte {error.start}", "expected UTF-8 text")]) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([Problem(path.name, _WHOLE, "(not TOML)", f"expected TOML: {error}")]) from error


def _read_env(env: Mapping[str, str], problems: list[Problem]) -> dict[str, Any]:
    """What the environment overrides, as nested tables."""
    tables = list(Settings.model_fields)
    for name in sorted(env):
        table = name.upper().removeprefix(ENV_PREFIX).split("__")[0].lower()
        if name.upper().startswith(ENV_PREFIX) and table not in tables:
            expected = f"expected a table of gateway.toml after {ENV_PREFIX}: {one_of(tables)}"
            problems.append(Problem("environment", name, "(hidden)", expected + did_you_mean(table, tables)))
    source = EnvSettingsSource(Settings, env_prefix=ENV_PREFIX, env_nested_delimiter="__")
    source.env_vars = {name.lower(): value for name, value in env.items()}
    try:
        return source()
    except pydantic_settings.SettingsError as error:
        problems.append(Problem("environment", ENV_PREFIX + "…", "(hidden)", f"expected JSON for a table: {error}"))
        return {}


def _take_secret(
    data: MutableMapping[str, Any],
    table: str,
    key: str,
    folder: Path,
    env: Mapping[str, str],
    where: _Where,
    problems: list[Problem],
) -> SecretStr | None:
    """The secret that a table names; one that stands in the file itself is refused and taken out of ``data``."""
    raw = _get(data, table)
    if not isinstance(raw, dict):
        return None
    variable, file = raw.get(f"{key}_env"), raw.get(f"{key}_file")
    if key in raw:
        del raw[key]
        fix = f"no secret here; put it into a file and write {key}_file, or into a variable and write {key}_env"
        problems.append(where.problem(f"{table}.{key}", "(hidden)", f"expected {fix}"))
        return None
    if variable is not None and file is not None:
        expected = f"expected {key}_env or {key}_file, not both"
        problems.append(where.problem(f"{table}.{key}_file", shown(file), expected))
        return None
    secret: str | None = None
    if isinstance(variable, str):
        secret = env.get(variable)
        if not secret:
            expected = "expected the name of an environment variable that is set"
            # Somebody may have written the secret itself here: only what looks like a name is shown.
            named = shown(variable) if _VARIABLE.fullmatch(variable) else "(hidden)"
            problems.append(where.problem(f"{table}.{key}_env", named, expected))
    elif isinstance(file, str):
        try:
            secret = (folder / file).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            expected = f"expected a file that can be read: {why}"
            problems.append(where.problem(f"{table}.{key}_file", shown(file), expected))
            return None
        if not secret:
            problems.append(where.problem(f"{table}.{key}_file", shown(file), "expected a file that is not empty"))
    elif table in _NEEDED:
        problems.append(where.problem(table, "(missing)", f"expected {_NEEDED[table]}"))
    elif table.startswith("http."):
        expected = "expected secret_env or secret_file: the sender shows with it who it is"
        problems.append(where.problem(table, "(missing)", expected))
    named = f"{table}.{key}_{'env' if variable else 'file'}"
    signs = table == "channels.webhook" or raw.get("auth") == "signature"
    if secret and signs and not _signs(secret):
        problems.append(
            where.problem(named, "(hidden)", "expected a Standard Webhooks secret: whsec_ and Base64 of 24 to 64 bytes")
        )
    elif (
        secret and table.startswith(_OWN_SECRETS) and not (len(secret) >= SECRET_LENGTH and _VISIBLE.fullmatch(secret))
    ):
        expected = f"expected at least {SECRET_LENGTH} letters, digits and signs, without spaces and accents"
        problems.append(where.problem(named, "(hidden)", expected))
    return SecretStr(secret) if secret else None


def _signs(secret: str) -> bool:
    """Whether it is a signing secret: Base64 of 24 to 64 bytes (Standard Webhooks specification, signature scheme)."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    return 24 <= len(key) <= 64


def _check_subscriptions(raw: object, where: _Where) -> list[Problem]:
    names = [known.name for known in registry.FORMATS]
    problems: list[Problem] = []
    seen: list[tuple[str, str]] = []
    for number, item in enumerate(raw if isinstance(raw, list) else []):
        if not isinstance(item, dict):
            continue
        name = item.get("format")
        if isinstance(name, str) and name not in names:
            expected = f"expected {one_of(names)}{did_you_mean(name, names)}"
            problems.append(where.problem(f"subscriptions[{number}].format", shown(name), expected))
        filters = item.get("topics")
        for place, topic in enumerate(filters if isinstance(filters, list) else []):
            key = f"subscriptions[{number}].topics[{place}]"
            if not isinstance(topic, str) or not topics.is_filter(topic):
                continue
            for other, before in seen:
                if topics.overlap(topic, other):
                    expected = f"expected a topic that means one thing only; {before} covers some of it too"
                    problems.append(where.problem(key, shown(topic), expected))
            seen.append((topic, key))
    return problems


def _http_sources(data: Mapping[str, Any]) -> list[str]:
    """The keys of the tables [[http.sources]]."""
    raw = _get(data, "http.sources")
    return [f"http.sources[{number}]" for number in range(len(raw) if isinstance(raw, list) else 0)]


def _check_http_formats(data: Mapping[str, Any], where: _Where) -> list[Problem]:
    names = [known.name for known in registry.FORMATS]
    found = [(f"{table}.format", _get(data, f"{table}.format")) for table in _http_sources(data)]
    return [
        where.problem(key, shown(name), f"expected {one_of(names)}{did_you_mean(name, names)}")
        for key, name in found
        if isinstance(name, str) and name not in names
    ]


def _rebase(data: dict[str, Any], folder: Path, where: _Where, problems: list[Problem]) -> None:
    """Make the paths absolute; those that must be there are looked for."""
    gateway = data.setdefault("gateway", {})
    if isinstance(gateway, dict):
        gateway.setdefault("data", "data")
    push = _get(data, "channels.webpush")
    if isinstance(push, dict):
        push.setdefault("key_file", "webpush.pem")
    for key in (*_PATHS, *(f"{table}.secret_file" for table in _http_sources(data))):
        value = _get(data, key)
        if not isinstance(value, str):
            continue
        table, _, last = key.rpartition(".")
        path = folder / value
        _get(data, table)[last] = str(path)
        if key in _MUST_EXIST and not path.is_file():
            problems.append(where.problem(key, shown(value), "expected a file that is there"))
    profiles = _get(data, "devices.profiles")
    if isinstance(profiles, list):
        data["devices"]["profiles"] = [str(folder / each) if isinstance(each, str) else each for each in profiles]
    codecs = _get(data, "devices.codecs")
    if isinstance(codecs, dict):
        data["devices"]["codecs"] = {
            model: str(folder / each) if isinstance(each, str) else each for model, each in codecs.items()
        }


def _validated(data: dict[str, Any], where: _Where, problems: list[Problem]) -> Settings | None:
    # A leading underscore would be taken for an option of pydantic-settings itself.
    for key in [key for key in data if key.startswith("_")]:
        problems.append(where.problem(key, shown(data.pop(key)), "expected no table of this name"))
    try:
        return Settings(**data)
    except ValidationError as error:
        schema = schema_of(Settings)
        for found in problems_of(error, file="", data=data, schema=schema):
            problems.append(where.problem(found.key, found.value, found.expected))
        return None


def _get(data: Mapping[str, Any], key: str) -> Any:
    found: Any = data
    for part in key.split("."):
        name, _, number = part.partition("[")
        found = found.get(name) if isinstance(found, Mapping) else None
        if number:
            place = int(number.rstrip("]"))
            found = found[place] if isinstance(found, list) and place < len(found) else None
    return found


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both as one; where both have a value, the one above counts."""
    both = dict(below)
    for key, value in above.items():
        under = both.get(key)
        if isinstance(value, Mapping):  # always a new table: what is taken out of it later must not be lost here
            both[key] = _merged(under if isinstance(under, Mapping) else {}, value)
        else:
            both[key] = value
    return both
