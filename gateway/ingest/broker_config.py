"""Configuration files of a production Mosquitto: durable, encrypted, every device a user that sees its own topics only.

Setting names and their meaning: mosquitto.conf(5), mosquitto_passwd(1). Measured reasons stand in docs/broker.md.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

import msgspec

from devices.model import KINDS
from gateway.errors import BrokerError

CONFIG_FILE = "mosquitto.conf"
PASSWORD_FILE = "telecare.passwd"  # noqa: S105 - a file's name
ACCESS_FILE = "telecare.acl"
CREDENTIALS_FILE = "telecare.credentials"

_ITERATIONS = 101
"""As mosquitto_passwd writes it. The passwords made here have 144 random bits, so guessing is hopeless at any count,
and Mosquitto computes this in its only thread at every sign-in."""
_SALT_BYTES = 12
_PASSWORD_BYTES = 18


class DeviceAccess(msgspec.Struct, frozen=True):
    """A device or bridge that signs in to the broker by itself.

    ``writes`` and ``reads`` are topic filters; left empty, they are those of our own contract
    (``telecare/{site}/{id}/{kind}``, and ``ack`` and ``command`` to read).
    """

    id: str
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


class BrokerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker's files depend on. Paths are those on the broker's machine."""

    site: str
    devices: tuple[DeviceAccess, ...]
    gateway: str = "gateway"
    """User name of the gateway. It reads everything and writes acknowledgements, commands and alerts."""
    gateway_writes: tuple[str, ...] | None = None
    """Topic filters; None: ack, command and alerts of the site."""
    folder: PurePosixPath = PurePosixPath("/etc/mosquitto")
    data: PurePosixPath = PurePosixPath("/var/lib/mosquitto")
    port: int = 8883
    """TLS, for devices."""
    local_port: int | None = 1883
    """Without TLS on 127.0.0.1, for a gateway on the same machine; None: no such listener."""
    ca: PurePosixPath = PurePosixPath("/etc/mosquitto/certs/ca.pem")
    certificate: PurePosixPath = PurePosixPath("/etc/mosquitto/certs/server.pem")
    key: PurePosixPath = PurePosixPath("/etc/mosquitto/certs/server.key")
    client_certificates: bool = False
    """Ask every device for a certificate that the authority signed, on top of its password."""
    in_flight: int = 2000
    """Unacknowledged messages per client; as many as the gateway's receive maximum, for its MQTT 3.1.1 too."""


def make_passwords(plan: BrokerPlan) -> dict[str, str]:
    """A new random password for the gateway and every device."""
    return {name: secrets.token_urlsafe(_PASSWORD_BYTES) for name in _users(plan)}


def broker_config(plan: BrokerPlan, passwords: Mapping[str, str]) -> dict[str, str]:
    """The files: name -> text.

    ``telecare.passwd`` and ``telecare.credentials`` are secret (mode 0600; the first must be readable by the user
    ``mosquitto``); the second holds the passwords in clear, to be entered into the devices and then deleted.

    Args:
        plan: site, devices and paths.
        passwords: of the gateway and every device, see ``make_passwords``.

    Raises:
        BrokerError: a name can't be used; lists every one.
    """
    users = _users(plan)
    problems = [*_bad_names([plan.site, *users]), *(f"{u}: has no password" for u in users if not passwords.get(u))]
    seen: set[str] = set()
    for user in users:
        if user in seen:
            problems.append(f"{user}: is there twice; every device and the gateway need names of their own")
        seen.add(user)
    topics = [t for device in plan.devices for t in (*device.writes, *device.reads)] + list(plan.gateway_writes or ())
    problems += [f"{t!r}: a topic filter of one line is expected" for t in topics if not t or not t.isprintable()]
    if problems:
        raise BrokerError("broker-config: " + "\nbroker-config: ".join(problems))
    return {
        CONFIG_FILE: _config(plan),
        PASSWORD_FILE: "".join(f"{user}:{hash_password(passwords[user])}\n" for user in users),
        ACCESS_FILE: _access(plan),
        CREDENTIALS_FILE: "".join(f"{user}:{passwords[user]}\n" for user in users),
    }


def hash_password(password: str, salt: bytes | None = None) -> str:
    """A password as Mosquitto 1.6.11 and newer store it: ``$7$``, PBKDF2 with HMAC-SHA-512.

    Source: mosquitto_passwd(1), hash ``sha512-pbkdf2``.
    """
    used = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), used, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(used).decode()}${base64.b64encode(digest).decode()}"


def _users(plan: BrokerPlan) -> list[str]:
    return [plan.gateway, *(device.id for device in plan.devices)]


def _bad_names(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        if not name or not name.isprintable() or any(c in "+#/:" or c.isspace() for c in name):
            yield f"{name!r}: letters, digits, - and _ are expected, without space, +, #, / and :"


def _config(plan: BrokerPlan) -> str:
    local = ""
    if plan.local_port is not None:
        words = "# The gateway on this machine; passwords are asked for here too."
        local = f"\n{words}\nlistener {plan.local_port} 127.0.0.1\n"
    certificates = "require_certificate true\n" if plan.client_certificates else ""
    return f"""\
# Mosquitto for the telecare gateway. Written by "telecare broker-config"; the reasons stand in docs/broker.md.

# Keep what was accepted: with autosave_on_changes the interval counts changes, so the store is written after each.
# The default (every 30 minutes) loses everything since then when the process is killed.
persistence true
persistence_location {plan.data}/
autosave_on_changes true
autosave_interval 1

# The default of 1000 drops what comes while the gateway is away, without a word.
max_queued_messages 0
max_inflight_messages {plan.in_flight}
# No reading is larger; a larger message is refused here.
message_size_limit 1048576
# Small packets leave at once.
set_tcp_nodelay true

allow_anonymous false
password_file {plan.folder / PASSWORD_FILE}
acl_file {plan.folder / ACCESS_FILE}

# Write what happens, but no topics of single messages: they name devices.
log_type error
log_type warning
log_type notice
connection_messages true
{local}
# Devices.
listener {plan.port}
cafile {plan.ca}
certfile {plan.certificate}
keyfile {plan.key}
tls_version tlsv1.2
{certificates}"""


def _access(plan: BrokerPlan) -> str:
    site = f"telecare/{plan.site}"
    writes = plan.gateway_writes or (f"{site}/+/ack", f"{site}/+/command", f"{site}/alert/#")
    lines = [
        "# Who may read and write what. A topic that is not named is refused.",
        f"user {plan.gateway}",
        "topic read #",
        "topic read $SYS/#",
        *(f"topic write {topic}" for topic in writes),
    ]
    for device in plan.devices:
        own = f"{site}/{device.id}"
        lines += ["", f"user {device.id}"]
        lines += [f"topic write {topic}" for topic in device.writes or [f"{own}/{kind}" for kind in KINDS]]
        lines += [f"topic read {topic}" for topic in device.reads or (f"{own}/ack", f"{own}/command")]
    return "\n".join(lines) + "\n"
