# ruff: noqa: FBT003 - a boolean in a case is a column's value
"""Rules on names, telephone numbers and places of birth."""

import re
from typing import Any

from passerelle.mapping.rules.registry import Refused, case, refused, rule
from passerelle.records import Reason

_PHONE = re.compile(r"(?:(?:\+|00)33|0)([1-9])([0-9]{8})")
_ABROAD = re.compile(r"(?:\+|00)([1-9][0-9]{6,14})")
_INSEE = re.compile(r"(?:[0-9]{2}|2A|2B)[0-9]{3}")
_POSTAL = re.compile(r"[0-9]{5}")


@rule(
    gives="string",
    many=True,
    cases=[
        case("JEAN PIERRE", gives=["JEAN", "PIERRE"]),
        case("ANNE-MARIE", gives=["ANNE-MARIE"]),
        case("LÉA  INÈS", gives=["LÉA", "INÈS"]),
        case("JEAN,PIERRE", gives=["JEAN", "PIERRE"]),
        refused(" "),
    ],
)
def given_names(text: str) -> list[str]:
    """Given names written one after the other, split on spaces and commas. A hyphen joins one name."""
    names = text.replace(",", " ").split()
    if not names:
        raise Refused
    return names


@rule(
    gives="string",
    cases=[case("JEAN PIERRE", gives="JEAN"), case("ANNE-MARIE", gives="ANNE-MARIE"), refused(" ")],
)
def first_given_name(text: str) -> str:
    """The first of several given names written one after the other."""
    return given_names(text)[0]


@rule(
    gives="string",
    cases=[
        case("06 12 34 56 78", gives="+33612345678"),
        case("06.12.34.56.78", gives="+33612345678"),
        case("+33 6 12 34 56 78", gives="+33612345678"),
        case("0033612345678", gives="+33612345678"),
        case("+32 470 12 34 56", gives="+32470123456"),
        refused("612345678"),
        refused("voir dossier"),
    ],
)
def phone(text: str) -> str:
    """A telephone number in its international form. A number without prefix is taken as French only with its zero."""
    digits = re.sub(r"[ .\-()\u00a0]", "", text)
    found = _PHONE.fullmatch(digits)
    if found:
        return f"+33{found[1]}{found[2]}"
    abroad = _ABROAD.fullmatch(digits)
    if not abroad:
        raise Refused
    return f"+{abroad[1]}"


@rule(
    gives="ContactPoint",
    cases=[
        case("06 12 34 56 78", gives={"system": "phone", "value": "+33612345678", "use": "mobile"}),
        case("01 44 00 00 00", gives={"system": "phone", "value": "+33144000000"}),
        refused("voir dossier"),
    ],
)
def phone_contact(text: str) -> dict[str, Any]:
    """A telephone number as a contact point; French numbers that begin with 06 or 07 are mobile."""
    number = phone(text)
    mobile = {"use": "mobile"} if number.startswith(("+336", "+337")) else {}
    return {"system": "phone", "value": number, **mobile}


@rule(
    gives="code",
    cases=[
        case("69123", gives="69123"),
        case("2A004", gives="2A004"),
        case("99352", gives="99352"),
        case("99999", gives=None),
        refused("6322", reason=Reason.UNKNOWN_CODE),
        refused("PARIS", reason=Reason.UNKNOWN_CODE),
    ],
)
def insee_birth_place(code: str) -> str | None:
    """The INSEE code of a commune or country of birth. 99999 means that it is not known: nothing is said then."""
    if not _INSEE.fullmatch(code):
        raise Refused(Reason.UNKNOWN_CODE)
    return None if code == "99999" else code


@rule(
    gives="string",
    cases=[
        case("75010", gives="75010"),
        case("1000", gives="01000"),
        refused("750"),
        refused("B-1000"),
    ],
)
def postal_code(text: str) -> str:
    """A French postal code of five digits. A spreadsheet drops the zero of 01000; it is put back."""
    padded = text.zfill(5) if len(text) == 4 else text
    if not _POSTAL.fullmatch(padded):
        raise Refused
    return padded


@rule(
    gives="boolean",
    cases=[
        case(True, None, gives=True),
        case(False, None, gives=False),
        case(True, "2025-02-11", gives=None),
        case(None, "2025-02-11", gives=None),
        refused("perhaps", None, reason=Reason.NOT_A_BOOLEAN),
    ],
)
def died_without_date(died: bool | None, when: str | None) -> bool | None:  # noqa: FBT001 - a column's value
    """Whether a person died, said only when no date says it already."""
    if when is not None or died is None:
        return None
    if not isinstance(died, bool):
        raise Refused(Reason.NOT_A_BOOLEAN)
    return died
