"""Which answers a person may not give: a relative does not open what staff closed, nor answers
what is not theirs any more, nobody settles a notice about
themselves. Asked in the transaction of the answer, so it holds for pages, links, programs and messages alike."""

import sqlite3
from typing import Final

from gateway.alerts.model import Alert, Answer, Close, Decline, MoreHelp, Reopen
from gateway.alerts.policies import still_theirs
from gateway.alerts.table import AlertState
from gateway.centre.index import CentreIndex
from gateway.errors import NotAllowedError
from gateway.words import N_

BREAK_GLASS: Final = "break_glass"
"""The rule of the notice that somebody opened what is not agreed to be seen."""

MANAGERS: Final = frozenset({"manager", "admin"})

NOT_THEIRS: Final = N_("This alert is not yours any more. The care team looks after it.")
ONLY_STAFF: Final = N_("Only staff can open an alert again.")
ONLY_MANAGERS: Final = N_("Only a manager can close this.")
NOT_ONESELF: Final = N_("This is about what you opened yourself: another manager looks at it.")


def check(db: sqlite3.Connection, index: CentreIndex, alert: Alert, answer: Answer, who: str) -> None:
    """Nothing, when ``who`` (a carer's id, or ``cli:<user>`` for whoever has the machine) may give the answer.

    Raises:
        NotAllowedError: they may not.
    """
    if who.startswith("cli:"):
        return
    carer = index.carers.get(who)
    if carer is not None and alert.taken_by != who:  # whoever is on the way must be able to end it
        still_open = alert.state is not AlertState.CLOSED
        if not still_theirs(index, carer, alert.resident, still_open=still_open):
            raise NotAllowedError(NOT_THEIRS)
    if isinstance(answer, Reopen) and not reopens(index, who):
        raise NotAllowedError(ONLY_STAFF)
    if alert.rule != BREAK_GLASS:
        return
    if isinstance(answer, Close) and not closes(index, alert, who):
        raise NotAllowedError(ONLY_MANAGERS)
    if isinstance(answer, Decline | MoreHelp) or _opened_by(db, alert.subject) != who:
        return
    if any(one.role in MANAGERS and one.id != who for one in index.carers.values()):  # who is alone does it in the open
        raise NotAllowedError(NOT_ONESELF)


def _opened_by(db: sqlite3.Connection, number: str) -> str | None:
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    row = db.execute("SELECT carer FROM break_glass WHERE id = ?", (int(number),)).fetchone()
    return None if row is None else str(row["carer"])


def reopens(index: CentreIndex, who: str) -> bool:
    """Whether that person may open a closed alert again."""
    carer = index.carers.get(who)
    return carer is not None and carer.role != "relative"


def closes(index: CentreIndex, alert: Alert, who: str) -> bool:
    """Whether that person may close such an alert at all."""
    carer = index.carers.get(who)
    return alert.rule != BREAK_GLASS or (carer is not None and carer.role in MANAGERS)
