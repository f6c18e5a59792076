"""Rules on courses of care and appointments: where they stand, and when they end."""

from datetime import datetime, timedelta

from passerelle.mapping.rules.registry import Refused, case, refused, rule
from passerelle.records import Reason


@rule(
    gives="code",
    total=True,
    cases=[
        case("2025-03-10", None, gives="active"),
        case("2025-03-10", "2025-06-30", gives="finished"),
        case(None, "2025-06-30", gives="finished"),
    ],
)
def active_or_finished(_start: str | None, end: str | None) -> str:
    """A course of care without a last day goes on."""
    return "active" if end is None else "finished"


@rule(
    gives="code",
    total=True,
    cases=[
        case("2025-03-10", None, gives="active"),
        case("2025-03-10", "2025-06-30", gives="inactive"),
    ],
)
def active_or_inactive(_given: str | None, withdrawn: str | None) -> str:
    """A consent or an opposition holds until the day on which it is withdrawn."""
    return "active" if withdrawn is None else "inactive"


@rule(
    gives="instant",
    cases=[
        case("2025-03-10T14:30:00+01:00", 45, gives="2025-03-10T15:15:00+01:00"),
        case("2025-10-26T01:30:00+02:00", 60, gives="2025-10-26T02:30:00+02:00"),
        case("2025-03-10T14:30:00+01:00", None, gives=None),
        case(None, 45, gives=None),
        refused("2025-10-26", 45, reason=Reason.NOT_A_DATETIME),
        refused("2025-03-10T14:30:00+01:00", -5, reason=Reason.NOT_A_NUMBER),
    ],
)
def minutes_later(start: str | None, minutes: int | None) -> str | None:
    """The instant so many minutes after another, under the same offset. A day without its hour has none."""
    if start is None or minutes is None:
        return None
    if "T" not in start:
        raise Refused(Reason.NOT_A_DATETIME)
    if minutes < 0:
        raise Refused(Reason.NOT_A_NUMBER)
    return (datetime.fromisoformat(start) + timedelta(minutes=minutes)).isoformat()
