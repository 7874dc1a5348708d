"""Verdicts -> what becomes of them: an alert, a repeat, a note on another alert, something shelved, a command."""

import structlog

from gateway.alerts import bedside, desk, shelving
from gateway.centre.index import CentreIndex
from gateway.commands import queue
from gateway.commands.queue import Wanted
from gateway.commands.ways import CommandOptions
from gateway.errors import CommandError
from gateway.pipeline import incidents
from gateway.pipeline.judge import Judged
from gateway.store.writer import Tx
from rules.engine import Failed
from rules.model import Act, Cleared, Inhibited, Raised, Superseded

_LOG = structlog.get_logger(__name__)


def tell(tx: Tx, index: CentreIndex, judged: Judged, *, commands: CommandOptions) -> None:
    """Do what a verdict asks for, in the caller's transaction. ``commands``: what the settings say about them."""
    change = judged.change
    match change.verdict:
        case Raised() as raised:
            incident = incidents.of_rule(judged, raised, index)
            if raised.again and desk.dealt_with(tx.db, incident):
                _LOG.info("rule.not_told_again", rule=judged.change.rule_key)
            elif shelving.hold(tx, incident) is None and not bedside.hold(tx, incident):
                desk.raise_incident(tx, index, incident)
        case Inhibited(by=by, raised=raised):
            incident = incidents.of_rule(judged, raised, index)
            noted = desk.follow_up(tx, incident, by_key=by) is not None or shelving.hold(tx, incident) is not None
            if not noted and not bedside.hold(tx, incident):
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
        case Act() as act:
            _command(tx, index, judged, act, commands)
        case Failed() as failed:
            desk.raise_incident(tx, index, incidents.of_failed_rule(judged, failed))


def _command(tx: Tx, index: CentreIndex, judged: Judged, act: Act, options: CommandOptions) -> None:
    """Queue what a rule wants of a device: limited, consented to and audited as if a person had asked."""
    wanted = Wanted(
        device=act.device,
        command=act.command,  # type: ignore[arg-type] # rules.lamps and the centre file have the same words
        who=f"rule:{judged.change.rule_key}",
        why=act.reason.text.format_map(act.reason.values),
        expires_s=act.expires_s,
    )
    try:
        queue.request(tx, index, options, wanted)
    except CommandError as error:
        # The device has left the centre since the rules were built: nothing to tell, and no reason to hold up a batch.
        _LOG.warning("rule.command_refused", rule=judged.change.rule_key, device=act.device, error=type(error).__name__)
