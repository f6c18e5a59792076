"""Rules on codes as French software writes them."""

import re

from passerelle.mapping.rules.registry import Refused, case, refused, rule
from passerelle.records import Reason

_CIM10 = re.compile(r"([A-Z][0-9]{2})\.?([0-9A-Z+]{0,4})")
_ATC = re.compile(r"[A-Z][0-9]{2}(?:[A-Z]{1,2}(?:[0-9]{2})?)?")


@rule(
    gives="code",
    cases=[
        case("F112", gives="F11.2"),
        case("F1122", gives="F11.22"),
        case("F11.2", gives="F11.2"),
        case("R104", gives="R10.4"),
        case("I10", gives="I10"),
        refused("112", reason=Reason.UNKNOWN_CODE),
        refused("heroin", reason=Reason.UNKNOWN_CODE),
    ],
)
def cim10_dotted(code: str) -> str:
    """A CIM-10 code with its dot, as PMSI and RPU leave it out: F112 is F11.2."""
    found = _CIM10.fullmatch(code)
    if not found:
        raise Refused(Reason.UNKNOWN_CODE)
    return f"{found[1]}.{found[2]}" if found[2] else found[1]


@rule(
    gives="code",
    cases=[
        case("N07BC02", gives="N07BC02"),
        case("N07BC", gives="N07BC"),
        refused("n07bc02", reason=Reason.UNKNOWN_CODE),
        refused("methadone", reason=Reason.UNKNOWN_CODE),
    ],
)
def atc(code: str) -> str:
    """An ATC code of any level, as written."""
    if not _ATC.fullmatch(code):
        raise Refused(Reason.UNKNOWN_CODE)
    return code
