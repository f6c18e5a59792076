"""The region that is simulated: its doors, its year and its numbers. None of it can exist."""

from datetime import date, datetime, timedelta
from typing import Literal
from zlib import crc32

FIRST_DAY = date(2025, 1, 1)
LAST_DAY = date(2025, 12, 31)
DAYS = 365
TIME_ZONE = "Europe/Paris"

INS_SYSTEM = "1.2.250.1.213.1.4.10"
FINESS = {
    "chu": "000100016",
    "ch": "000100024",
    "csapa": "000100032",
    "usmp": "000100040",
    "siao": "000100057",
    "caarud": "000100065",
}
"""Department 00 does not exist; the check digit is right."""

ORGANISATION = {source: source.upper() for source in FINESS}
HOSPITALS = ("chu", "ch")
CSAPA_SINCE = date(2025, 2, 1)
SIAO_SINCE = date(2025, 3, 1)

MOST_PERSONS = 890_000
"""Beyond this many persons two of them would share a national number."""

_PRIMES = {7: 9_999_991, 8: 99_999_989, 10: 9_999_999_967}


def day_of(offset: int) -> date:
    """The day that lies so many days after the first day of the region."""
    return FIRST_DAY + timedelta(days=offset)


def scattered(number: int, digits: Literal[7, 8, 10], system: str) -> str:
    """So many digits that look drawn and differ for every number. Two systems have nothing in common."""
    prime = _PRIMES[digits]
    salt = crc32(system.encode())
    return f"{(number * (salt % (prime - 1) + 1) + salt * 31) % prime:0{digits}d}"


def rpps(number: int) -> str:
    """A professional's number: eleven digits, Luhn right, from a range that starts with 00 and is given to nobody."""
    body = f"00{number % 100_000_000:08d}"
    total = 0
    for place, sign in enumerate(reversed(body)):
        digit = int(sign) * (2 if place % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    return f"{body}{-total % 10}"


def hl7_time(moment: datetime) -> str:
    """YYYYMMDDHHMMSS."""
    return moment.strftime("%Y%m%d%H%M%S")
