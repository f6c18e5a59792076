"""Rules on dates and times that a column's format alone cannot say."""

import re

from passerelle.mapping.rules.registry import Refused, case, refused, rule
from passerelle.records import Reason

_YEAR = re.compile(r"[12][0-9]{3}")
_BAND = re.compile(r"([12][0-9]{3})-[12][0-9]{3}")
_MOMENT = re.compile(r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})([0-9]{4,6}(?:\.[0-9]+)?)?)?)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([01][0-9]|2[0-3])[:hH]?([0-5][0-9])(?::?([0-5][0-9]))?")


@rule(
    gives="date",
    cases=[
        case("1998", gives="1998"),
        case(1998, gives="1998"),
        refused("98", reason=Reason.NOT_A_DATE),
        refused("0000", reason=Reason.NOT_A_DATE),
    ],
)
def year_to_date(year: str | int) -> str:
    """A year standing alone, as the partial date FHIR allows. Two digits are refused: the century is not guessed."""
    text = str(year)
    if not _YEAR.fullmatch(text):
        raise Refused(Reason.NOT_A_DATE)
    return text


@rule(
    gives="date",
    cases=[
        case("1984-05-17", gives="1984"),
        case("1984", gives="1984"),
        refused("17/05/1984", reason=Reason.NOT_A_DATE),
    ],
)
def year_only(day: str) -> str:
    """The year of a date, for a person who asked not to be recognised."""
    if not _YEAR.fullmatch(day[:4]) or day[4:5] not in {"", "-"}:
        raise Refused(Reason.NOT_A_DATE)
    return day[:4]


@rule(
    gives="integer",
    cases=[
        case("1985-1989", gives=1985),
        refused("1985", reason=Reason.NOT_A_NUMBER),
        refused("vers 1985", reason=Reason.NOT_A_NUMBER),
    ],
)
def band_start(band: str) -> int:
    """The first year of a band of years of birth."""
    found = _BAND.fullmatch(band)
    if not found:
        raise Refused(Reason.NOT_A_NUMBER)
    return int(found[1])


@rule(
    gives="date",
    cases=[
        case("20260208101500", gives="2026-02-08"),
        case("20260309", gives="2026-03-09"),
        case("202603", gives="2026-03"),
        case("2026", gives="2026"),
        refused("09/03/2026", reason=Reason.NOT_A_DATE),
    ],
)
def hl7_timestamp(text: str) -> str:
    """The day of an HL7 v2 timestamp, as precise as it is written."""
    found = _MOMENT.fullmatch(text)
    if not found:
        raise Refused(Reason.NOT_A_DATE)
    return "-".join(part for part in found.groups()[:3] if part)


@rule(
    gives="dateTime",
    cases=[
        case("2026-03-09", "14:30", gives="2026-03-09T14:30:00"),
        case("2026-03-09", "14h30", gives="2026-03-09T14:30:00"),
        case("2026-03-09", None, gives="2026-03-09"),
        case(None, "14:30", gives=None),
        refused("2026-03-09", "25:00", reason=Reason.NOT_A_DATETIME),
        refused("2026-03", "14:30", reason=Reason.NOT_A_DATETIME),
    ],
)
def day_and_time(day: str | None, hour: str | None) -> str | None:
    """A day and an hour kept in two columns, as one local time. An hour without a day says nothing."""
    if day is None:
        return None
    if hour is None:
        return day
    found = _TIME.fullmatch(hour)
    if not found or not _DAY.fullmatch(day):
        raise Refused(Reason.NOT_A_DATETIME)
    return f"{day}T{found[1]}:{found[2]}:{found[3] or '00'}"
