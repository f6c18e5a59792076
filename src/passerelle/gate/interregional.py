"""Who may be sent to residential care in another region: volunteers, and only where the scheme is open.

Which regions send and receive is data (`mappings/directory/regions.csv`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from passerelle.contracts.gate_table import Region
from passerelle.gate.deciding import Decision
from passerelle.gate.facts import ANY, Clock, ConsentFacts, Moment

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
    consent collected before the request was written and in force when it is looked at, and not refused since.
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
        consent
        for consent in request.consents
        if _is_voluntary(consent)
        and _came_before(consent.collected, request.authored_on, zone)
        and _holds(consent, Clock(request.authored_on, zone))
        and _holds(consent, Clock(as_of, zone))
    ]
    refused = [one for one in request.consents if _refuses(one, Clock(as_of, zone))]
    if not agreed or any(not _is_over(one, agreed, zone) for one in refused):
        return Decision(allowed=False, rule="interregional-consent")
    return Decision(allowed=True, rule=PURPOSE, consent=min(one.id for one in agreed))


def _is_voluntary(consent: ConsentFacts) -> bool:
    return consent.permits and consent.voluntary and PURPOSE in consent.purposes


def _refuses(consent: ConsentFacts, clock: Clock) -> bool:
    """A refusal that names the scheme, or no purpose at all, and was said by then."""
    return (
        not consent.permits
        and (not consent.purposes or not consent.purposes.isdisjoint({ANY, PURPOSE}))
        and (consent.collected is None or clock.has_reached(consent.collected))
        and (consent.end is None or not clock.has_passed(consent.end))
        and (consent.withdrawn_on is None or not clock.has_reached(consent.withdrawn_on))
    )


def _is_over(refusal: ConsentFacts, agreed: Iterable[ConsentFacts], zone: ZoneInfo) -> bool:
    """An agreement that counts, of a later day, lifts it; of one day, the refusal stands."""
    return refusal.collected is not None and any(
        one.collected is not None and _day(refusal.collected, zone) < _day(one.collected, zone) for one in agreed
    )


def _day(moment: Moment, zone: ZoneInfo) -> date:
    return Clock(moment, zone).day(moment)


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
