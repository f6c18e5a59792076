"""Rules on identifiers whose own digits say whether they were copied right."""

import re

from passerelle.mapping.rules.registry import Refused, case, refused, rule
from passerelle.records import Reason

_NIR = re.compile(r"([1-478][0-9]{4}(?:[0-9]{2}|2A|2B)[0-9]{6})([0-9]{2})")
_BAD = Reason.NOT_AN_IDENTIFIER


@rule(
    gives="string",
    cases=[
        case("255081416802538", gives="255081416802538"),
        case("284052A32102552", gives="284052A32102552"),
        case("253072B07300470", gives="253072B07300470"),
        case("2 55 08 14 168 025 38", gives="255081416802538"),
        refused("255081416802539", reason=_BAD),
        refused("2550814168025", reason=_BAD),
    ],
)
def ins_with_key(text: str) -> str:
    """An INS number of thirteen characters with its right key of two digits, blanks dropped.

    In Corsica 2A counts as 19 and 2B as 18.
    """
    found = _NIR.fullmatch(text.replace(" ", ""))
    if not found:
        raise Refused(_BAD)
    body = found[1]
    number = int(body[:5] + {"2A": "19", "2B": "18"}.get(body[5:7], body[5:7]) + body[7:])
    if 97 - number % 97 != int(found[2]):
        raise Refused(_BAD)
    return found[0]


@rule(
    gives="string",
    cases=[
        case("10000023084", gives="10000023084"),
        case("10100534436", gives="10100534436"),
        refused("10000023085", reason=_BAD),
        refused("1000002308", reason=_BAD),
    ],
)
def rpps(text: str) -> str:
    """An RPPS number: eleven digits whose Luhn sum is right."""
    if not re.fullmatch(r"[0-9]{11}", text) or not _luhn(text):
        raise Refused(_BAD)
    return text


@rule(
    gives="string",
    cases=[
        case("330780321", gives="330780321"),
        case("2A0000014", gives="2A0000014"),
        refused("33078032", reason=_BAD),
        refused("000100214Z", reason=_BAD),
    ],
)
def finess(text: str) -> str:
    """A FINESS number: nine characters. Its check digit is not asked for, as not every number in use has it."""
    if not re.fullmatch(r"(?:[0-9]{2}|2A|2B)[0-9]{7}", text):
        raise Refused(_BAD)
    return text


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
