"""The sharing gate: pure, driven by one committed table, asked before anything is linked, sent or counted."""

from passerelle.gate.deciding import Decision, decide, may_link, reason_of, withheld
from passerelle.gate.facts import (
    ANY,
    Carer,
    CareTeamFacts,
    ConsentFacts,
    Opposition,
    OrganisationFacts,
    SubjectFacts,
    pooled,
)
from passerelle.gate.interregional import InterregionalRequest, interregional_eligible

__all__ = [
    "ANY",
    "CareTeamFacts",
    "Carer",
    "ConsentFacts",
    "Decision",
    "InterregionalRequest",
    "Opposition",
    "OrganisationFacts",
    "SubjectFacts",
    "decide",
    "interregional_eligible",
    "may_link",
    "pooled",
    "reason_of",
    "withheld",
]
