"""Readings -> cases: when it happened, whose device it is, who wore it then, and whom else it may concern."""

import sqlite3
from collections.abc import Callable
from datetime import datetime

from devices.model import ALARM_KINDS, Reading, kind_of
from gateway.centre.index import HOUSE, CentreIndex
from gateway.pipeline import incidents
from gateway.pipeline.clocks import NO_DOUBT, Clocks
from gateway.pipeline.intake import RETAINED, Entry, happened_at, is_alarm, sender
from gateway.pipeline.judge import Case
from gateway.pipeline.rows import seen_before
from gateway.store.migrations import READINGS_PER_FRAME
from rules.engine import ResidentRules
from rules.model import Heard
from rules.timing import lost


class Cases:
    """Knows the clocks of the devices; ``index`` gives the centre as it is now."""

    def __init__(self, index: Callable[[], CentreIndex]) -> None:
        self._index = index
        self._clocks = Clocks()

    def of(self, db: sqlite3.Connection, fresh: list[tuple[Entry, Reading]]) -> list[Case]:
        """The cases of a batch's readings, in order; an alarm, or what nobody wears, may concern several people."""
        index = self._index()
        cases: list[Case] = []
        place = 0
        before: Case | None = None
        rules: ResidentRules | None
        clocks, watched = self._clocks, self._clocks.watched
        for entry, reading in fresh:
            received_at = entry.receipt.frame.received_at
            at = said_at = happened_at(reading, received_at)
            if (
                (watched or received_at - at >= NO_DOUBT)
                and reading.observed_at is not None
                and not entry.flags & RETAINED  # of some time ago, whatever the clock
                and clocks.behind((entry.receipt.format, reading.device), at, received_at)
            ):
                at = received_at
            if before is not None and before.heard.frame == entry.seq:
                place += 1
            else:
                place, before = 0, None
            if (
                before is not None
                and before.rules is not None
                and before.heard.reading.device == reading.device
                and before.heard.at == at
            ):
                # the parts of one message: the same device, resident and rules
                device, word, resident, rules = before.device, before.heard.device, before.resident, before.rules
            else:
                device, word, resident, rules = self._whose(index, entry.receipt.format, reading, at, received_at)
            kind = kind_of(reading)
            heard = Heard(reading, kind, word, at, received_at, entry.seq, {})
            case = before = Case(entry.seq * READINGS_PER_FRAME + place, heard, device, resident, rules)
            if at is not said_at:
                case.marks = (incidents.CLOCK_WRONG,)
            if entry.flags & RETAINED:
                # The broker kept it: it tells of some time ago, not of now. An alarm that nobody saw is still told.
                case.marks = (*case.marks, incidents.KEPT)
                if kind not in ALARM_KINDS or seen_before(db, case):
                    case.rules = None
                    case.told = True
            cases.append(case)
            if resident is None and case.device is not None and not entry.flags & RETAINED:
                cases += self._overheard(index, case)
            if kind in ALARM_KINDS:
                if reading.observed_at is not None and lost(reading.observed_at, received_at):
                    case.marks = (*case.marks, incidents.CLOCK_WRONG)
                cases += self._also(index, case, said_at)
        return cases

    @staticmethod
    def _overheard(index: CentreIndex, case: Case) -> list[Case]:
        """What nobody wears is heard by the house's rules, and by those residents' whose rules name the device."""
        assert case.device is not None
        heard = case.heard
        found = []
        for resident in index.listeners(case.device, heard.received_at):
            own = resident == HOUSE
            one = Heard(heard.reading, heard.kind, heard.device, heard.at, heard.received_at, heard.frame, {}, own)
            rules = index.rules_of(resident, heard.received_at)
            found.append(Case(case.seq, one, case.device, resident, rules, case.marks, extra=True))
        return found

    @staticmethod
    def _also(index: CentreIndex, case: Case, said_at: datetime) -> list[Case]:
        """An alarm from when somebody else wore the device may be that one's, heard late, or come from whoever wears
        it now, with a clock that is behind: it is judged for both. ``said_at`` is when it happened by its own word.
        """
        if case.device is None or case.told:
            return []
        received_at = case.heard.received_at
        worn = (index.resident_of(case.device, at) for at in (received_at, said_at))
        other = next((one for one in worn if one is not None and one.id != case.resident), None)
        if other is None:
            return []
        case.marks = (*case.marks, incidents.CHANGED_HANDS)
        rules = index.rules_of(other.id, received_at)
        return [Case(case.seq, case.heard, case.device, other.id, rules, case.marks, extra=True)]

    @staticmethod
    def _whose(
        index: CentreIndex, form: str, reading: Reading, at: datetime, received_at: datetime
    ) -> tuple[str | None, str, str | None, ResidentRules | None]:
        """The device's id (None: unknown), what to call it, who wore it then, and that resident's rules.

        There are no rules for what is heard of a former wearer, but for alarms: nothing would ever correct it.
        """
        device = index.device(form, reading.device)
        if device is None:
            return None, sender(form, reading.device), None, None
        resident = index.resident_of(device.id, at)
        if resident is None:
            return device.id, device.id, None, None
        if device.id in index.handed_on and not is_alarm(reading):
            now = index.resident_of(device.id, received_at)
            if now is None or now.id != resident.id:
                return device.id, device.id, resident.id, None
        return device.id, device.id, resident.id, index.rules_of(resident.id, received_at)
