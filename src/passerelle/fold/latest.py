"""The newest message stands for all: what an identity is folded by."""

from collections.abc import Sequence

from passerelle.contracts.source import Table
from passerelle.fold.folded import Folded
from passerelle.fold.messages import newest, pam_message, refusal
from passerelle.reading import Row
from passerelle.reading.pam_fr import ABOUT_OTHERS
from passerelle.records import Reason


def fold_latest(table: Table, messages: Sequence[Row], *, zone: str, production: bool = False) -> Folded:
    """The row of the newest message that goes on, and what was noticed about the identity in each that does.

    Findings: `ins-without-validation` at PID-3 (the national identifier was left out), `forbidden-field` at the
    fields of PID, MRG and of segments about others that were filled and left out, `not-production` at an empty MSH-11 in production.
    """
    folded = Folded()
    for number, row in enumerate(messages):
        refused = refusal(table, row, production=production)
        if refused:
            folded.stops.append((number, *refused))
            continue
        message = pam_message(row)
        if message.ins_was_dropped():
            folded.findings.append((number, Reason.INS_WITHOUT_VALIDATION, "PID-3"))
        for place in message.forbidden_fields("PID", "MRG", *sorted(ABOUT_OTHERS)):
            folded.findings.append((number, Reason.FORBIDDEN_FIELD, place))
        if production and message.is_production is None:
            folded.findings.append((number, Reason.NOT_PRODUCTION, "MSH-11"))
    folded.latest = newest(messages, zone=zone, without=folded.stopped())
    if folded.latest is not None:
        folded.row = messages[folded.latest]
    return folded
