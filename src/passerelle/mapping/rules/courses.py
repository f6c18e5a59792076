"""Rules on courses of care and appointments: where they stand, and when they end."""

from datetime import date, datetime, timedelta
from functools import lru_cache

from passerelle.mapping.rules.registry import Refused, case, refused, rule
from passerelle.records import Reason

_DAY = 10
"""Characters of a day."""


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
    day, time = start[:_DAY], start[_DAY:]
    later = _later_in_the_day(time, minutes) if _is_a_day(day) else None
    return f"{day}{later}" if later else (datetime.fromisoformat(start) + timedelta(minutes=minutes)).isoformat()


@lru_cache(maxsize=20_000)
def _is_a_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=20_000)
def _later_in_the_day(time: str, minutes: int) -> str | None:
    """The time so many minutes later, nothing if that is on another day. Most appointments were met before."""
    begun = datetime.fromisoformat(f"2000-01-01{time}")
    later = begun + timedelta(minutes=minutes)
    return later.isoformat()[_DAY:] if later.date() == begun.date() else None
