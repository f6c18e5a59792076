"""Who may be sent to residential care in another region: volunteers, and only where the scheme is open.

Which regions send and receive is data (`mappings/directory/regions.csv`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from passerelle.contracts.gate_table import Region
from passerelle.gate.deciding import Decision
from passerelle.gate.facts import Clock, ConsentFacts, Moment

PURPOSE = "interregional"
"""The purpose a consent must name."""


@dataclass(frozen=True, slots=True)
class InterregionalRequest:
    """A demand for a place in another region: region codes, when it was written, who agreed and when."""

    sending_region: str
    receiving_region: str
    authored_on: Moment
    followed_in_sending_region: bool
    consents: tuple[ConsentFacts, ...]


def interregional_eligible(
    request: InterregionalRequest,
    regions: Mapping[str, Region],
    as_of: Moment,
    *,
    time_zone: str = "Europe/Paris",
) -> Decision:
    """Whether the request may exist, and if not, by which rule.

    It wants a region that sends and another that receives, a person already followed in the first, and a voluntary
    consent collected before the request was written and in force when it is looked at.
    """
    sending, receiving = regions.get(request.sending_region), regions.get(request.receiving_region)
    if sending is None or not sending.sends:
        return Decision(allowed=False, rule="interregional-sending-region")
    if request.receiving_region == request.sending_region:
        return Decision(allowed=False, rule="interregional-same-region")
    if receiving is None or not receiving.receives or not receiving.metropolitan:
        return Decision(allowed=False, rule="interregional-receiving-region")
    if not request.followed_in_sending_region:
        return Decision(allowed=False, rule="interregional-not-followed")
    zone = ZoneInfo(time_zone)
    agreed = [
        consent.id
        for consent in request.consents
        if _is_voluntary(consent)
        and _came_before(consent.collected, request.authored_on, zone)
        and _holds(consent, Clock(request.authored_on, zone))
        and _holds(consent, Clock(as_of, zone))
    ]
    if not agreed:
        return Decision(allowed=False, rule="interregional-consent")
    return Decision(allowed=True, rule=PURPOSE, consent=min(agreed))


def _is_voluntary(consent: ConsentFacts) -> bool:
    return consent.permits and consent.voluntary and PURPOSE in consent.purposes


def _came_before(collected: Moment | None, authored: Moment, zone: ZoneInfo) -> bool:
    """Earlier by the clock where both have an hour, else by a day: one day does not say which came first."""
    if collected is None:
        return False
    if isinstance(collected, datetime) and isinstance(authored, datetime) and collected.tzinfo and authored.tzinfo:
        return collected < authored
    clock = Clock(authored, zone)
    return clock.day(collected) < clock.day(authored)


def _holds(consent: ConsentFacts, clock: Clock) -> bool:
    withdrawn = consent.withdrawn_on is not None and clock.has_reached(consent.withdrawn_on)
    return clock.is_during(consent.start or consent.collected, consent.end) and not withdrawn
