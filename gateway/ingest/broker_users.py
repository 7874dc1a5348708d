"""Users for devices that come later: what the broker's password and access files have stays, what is missing is added.

A device's password stands in the device, so none that is there is ever made anew.
"""

from collections.abc import Mapping

import msgspec

from gateway.errors import BrokerError
from gateway.ingest.broker_config import (
    ACCESS_FILE,
    CREDENTIALS_FILE,
    PASSWORD_FILE,
    BrokerPlan,
    broker_config,
    make_passwords,
)


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """The files as they are to be: name -> text. Only the credentials of new users stand among the new ones."""

    files: dict[str, str]
    users: tuple[str, ...]
    """New ones, in the order of the plan."""
    topics: dict[str, int]
    """How many topics were added for users that were there."""
    left: tuple[str, ...]
    """Users that are let in and that the plan does not know: devices and carers who are gone, or somebody's own."""


def add_users(plan: BrokerPlan, there: Mapping[str, str]) -> Added:
    """What the broker's files become, so that everybody of the plan is let in.

    Args:
        plan: site, devices and paths, as for :func:`gateway.ingest.broker_config.broker_config`.
        there: the files that are there, name -> text; the credentials may be missing.

    Raises:
        BrokerError: a name can't be used, or these are not the files of this gateway's broker.
    """
    wanted = broker_config(plan, make_passwords(plan))
    known = list(_users(there[PASSWORD_FILE]))
    if plan.gateway not in known:
        raise BrokerError(
            f"broker-config: {PASSWORD_FILE} has no user {plan.gateway}: name the folder with the files of this broker."
        )
    new = tuple(user for user in _users(wanted[PASSWORD_FILE]) if user not in known)
    have, want = _access(there[ACCESS_FILE]), _access(wanted[ACCESS_FILE])
    missing = {user: [line for line in lines if line not in have.get(user, ())] for user, lines in want.items()}
    blocks = "".join(
        f"\nuser {user}\n" + "".join(f"{line}\n" for line in lines) for user, lines in missing.items() if lines
    )
    kept = "".join(
        f"{line}\n" for line in there.get(CREDENTIALS_FILE, "").splitlines() if line.partition(":")[0] not in new
    )
    return Added(
        files={
            # The password in clear first: when it goes wrong after that, nobody is let in with one that nobody knows.
            CREDENTIALS_FILE: kept + _only(wanted[CREDENTIALS_FILE], new),
            ACCESS_FILE: _ended(there[ACCESS_FILE]) + blocks,
            PASSWORD_FILE: _ended(there[PASSWORD_FILE]) + _only(wanted[PASSWORD_FILE], new),
        },
        users=new,
        topics={user: len(lines) for user, lines in missing.items() if lines and user not in new},
        left=tuple(user for user in known if user not in want),
    )


def _users(passwords: str) -> dict[str, str]:
    lines = (line.strip() for line in passwords.splitlines())
    return {line.partition(":")[0]: line for line in lines if ":" in line and not line.startswith("#")}


def _access(text: str) -> dict[str, list[str]]:
    """What each user may, line by line; a user may have several blocks, which the broker takes as one."""
    found: dict[str, list[str]] = {}
    user = ""
    for raw in text.splitlines():
        line = " ".join(raw.split())
        if line.startswith("user "):
            user = line.removeprefix("user ")
            found.setdefault(user, [])
        elif line.startswith("topic ") and user:
            found[user].append(line)
    return found


def _only(text: str, users: tuple[str, ...]) -> str:
    return "".join(f"{line}\n" for line in text.splitlines() if line.partition(":")[0] in users)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
