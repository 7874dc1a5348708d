"""Verdicts -> what becomes of them: an alert, a repeat, a note on another alert, something shelved, a command."""

from gateway.alerts import desk, shelving
from gateway.centre.index import CentreIndex
from gateway.pipeline import incidents
from gateway.pipeline.judge import Judged
from gateway.store.writer import Tx
from rules.engine import Failed
from rules.model import Cleared, Inhibited, Raised, Superseded


def tell(tx: Tx, index: CentreIndex, judged: Judged) -> None:
    """Do what a verdict asks for, in the caller's transaction."""
    change = judged.change
    match change.verdict:
        case Raised() as raised:
            incident = incidents.of_rule(judged, raised, index)
            if raised.again and not desk.is_open(tx, incident):
                return  # it reminds of an alert that somebody has closed
            if shelving.hold(tx, incident) is None:
                desk.raise_incident(tx, index, incident)
        case Inhibited(by=by, raised=raised):
            incident = incidents.of_rule(judged, raised, index)
            if desk.follow_up(tx, incident, by_key=by) is None and shelving.hold(tx, incident) is None:
                # Whoever dealt with the stronger alert has closed it: what still stands is told by itself.
                desk.raise_incident(tx, index, incident)
        case Superseded(by=by, reason=reason, subject=subject):
            desk.supersede(
                tx,
                resident=incidents.whose(judged),
                rule_key=change.rule_key,
                subject=subject,
                by_key=by,
                reason=reason,
            )
        case Cleared(reason=reason, subject=subject):
            whose = incidents.whose(judged)
            shelving.gone(tx, resident=whose, rule_key=change.rule_key, subject=subject)
            desk.clear_incident(tx, index, resident=whose, rule_key=change.rule_key, subject=subject, reason=reason)
        case Failed() as failed:
            desk.raise_incident(tx, index, incidents.of_failed_rule(judged, failed))
