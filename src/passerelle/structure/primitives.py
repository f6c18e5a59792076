"""How the primitive types of R4 look: patterns that hold in every regular-expression engine, and the exact test.

The patterns are those of a strict reader: what they accept is right, calendar included. What they refuse may still be
right (a code with an accent, a URI with one); `fault_of` knows.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from passerelle.structure.narrative import Narrative

_YEAR = r"(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_LEAP_YEAR = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DAY_OF_MONTH = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_DAY = rf"(?:{_YEAR}-{_DAY_OF_MONTH}|{_LEAP_YEAR}-02-29)"
_MONTH = rf"{_YEAR}-(?:0[1-9]|1[0-2])"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_ID = r"[A-Za-z0-9\-.]{1,64}"
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]+$"
_URI = r"^[!-~]+$"
_UUID = r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OID = r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"

ID: Final = _ID
UUID: Final = _UUID
OID: Final = _OID

PATTERNS: Final[dict[str, str]] = {
    "base64Binary": r"^(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{4}|[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)$",
    "canonical": _URI,
    "code": r"^[!-~À-ÿ]+(?: [!-~À-ÿ]+)*$",
    "date": rf"^(?:{_YEAR}|{_MONTH}|{_DAY})$",
    "dateTime": rf"^(?:{_YEAR}|{_MONTH}|{_DAY}(?:T{_CLOCK}{_ZONE})?)$",
    "id": rf"^{_ID}$",
    "instant": rf"^{_DAY}T{_CLOCK}{_ZONE}$",
    "markdown": _TEXT,
    "oid": rf"^{_OID}$",
    "string": _TEXT,
    "time": rf"^{_CLOCK}$",
    "uri": _URI,
    "url": _URI,
    "uuid": rf"^{_UUID}$",
    "xhtml": r"^<div(?: [^>]*)?>",
}
"""What a strict reader takes, by type, anchored at both ends (the narrative is looked at by its own rules)."""

SYNTAXES: Final[dict[str, str]] = {
    "currency": r"^[A-Z]{3}$",
    "language": r"^(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8}|[xXiI])(?:-[A-Za-z0-9]{1,8})*$",
    "mime-type": r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9*][A-Za-z0-9!#$&^_.+-]{0,126}"
    r"(?:[ ]?;[ ]?[A-Za-z0-9!#$&^_.+-]+=(?:[A-Za-z0-9!#$&^_.+/:-]+|\"[^\"]*\"))*$",
    "ucum": r"^(?:[!-z|~]|\{[!-z|~ ]*\})+$",
}
"""How codes look that other standards list."""

BOUNDS: Final[dict[str, tuple[int, int]]] = {
    "integer": (-(2**31), 2**31 - 1),
    "positiveInt": (1, 2**31 - 1),
    "unsignedInt": (0, 2**31 - 1),
}
"""The least and the greatest whole number, by type."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
# R4 means the white space of ASCII: some of its own codes end with a space that does not break.
_CODE: Final = re.compile(r"[^\s]+(?:\s[^\s]+)*", re.ASCII)
_BLANK: Final = re.compile(r"\s", re.ASCII)
_MOMENT: Final = re.compile(
    rf"(?P<day>[0-9]{{4}}(?:-(?:0[1-9]|1[0-2])(?:-[0-9]{{2}})?)?)(?P<time>T{_CLOCK}{_ZONE})?", re.ASCII
)
_WHOLE: Final = {name: re.compile(PATTERNS[name], re.ASCII) for name in ("id", "oid", "uuid", "time", "base64Binary")}
_STRICT: Final = {name: re.compile(PATTERNS[name], re.ASCII) for name in ("date", "dateTime", "instant")}
_SYNTAXES: Final = {name: re.compile(pattern, re.ASCII) for name, pattern in SYNTAXES.items()}
_MOST_CHARACTERS = 1024 * 1024


def json_type_of(primitive: str) -> str:
    """The type of JSON that a primitive type is written in: boolean, integer, number or string."""
    if primitive == "boolean":
        return "boolean"
    if primitive == "decimal":
        return "number"
    return "integer" if primitive in BOUNDS else "string"


def fault_of(primitive: str, value: Any) -> str | None:
    """What is wrong with a value of this type, as the name of a sentence; nothing when it is right."""
    wanted = json_type_of(primitive)
    if wanted == "boolean":
        return None if isinstance(value, bool) else "wrong-json-type"
    if wanted == "number":
        return "wrong-json-type" if isinstance(value, bool) or not isinstance(value, int | float) else None
    if wanted == "integer":
        return _fault_of_integer(primitive, value)
    if not isinstance(value, str):
        return "wrong-json-type"
    if not value:
        return "empty-text"
    if len(value) > _MOST_CHARACTERS and primitive != "base64Binary":
        return "too-long"
    return _OF_TEXT.get(primitive, _fault_of_text)(primitive, value)


def has_syntax(syntax: str, code: str) -> bool:
    """True when the code looks as codes of this syntax do."""
    return _SYNTAXES[syntax].search(code) is not None


def _fault_of_integer(primitive: str, value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return "wrong-json-type"  # R4 writes whole numbers without a point and without an exponent
    least, most = BOUNDS[primitive]
    return None if least <= value <= most else "out-of-range"


def _fault_of_text(_: str, value: str) -> str | None:
    return "control-character" if _CONTROL.search(value) else None


def _fault_of_code(_: str, value: str) -> str | None:
    return None if _CODE.fullmatch(value) else "bad-format"


def _fault_of_uri(_: str, value: str) -> str | None:
    return "bad-format" if _BLANK.search(value) else None


def _fault_of_pattern(primitive: str, value: str) -> str | None:
    return None if _WHOLE[primitive].search(value) and not value.endswith("\n") else "bad-format"


def _fault_of_bytes(primitive: str, value: str) -> str | None:
    return _fault_of_pattern(primitive, "".join(value.split()))


def _fault_of_narrative(_: str, value: str) -> str | None:
    return None if Narrative(value).is_well_formed else "bad-format"


def _fault_of_moment(primitive: str, value: str) -> str | None:
    if _STRICT[primitive].fullmatch(value):
        return None
    read = _MOMENT.fullmatch(value)
    if read is None:
        return "bad-format"
    day, time = read.group("day"), read.group("time")
    if (primitive == "date" and time) or (primitive == "instant" and not time) or (time and len(day) < 10):
        return "bad-format"
    try:
        date.fromisoformat((day + "-01-01")[:10] if len(day) == 4 else (day + "-01")[:10])
    except ValueError:
        return "no-such-day"
    return None


_OF_TEXT: Final[dict[str, Callable[[str, str], str | None]]] = {
    "base64Binary": _fault_of_bytes,
    "canonical": _fault_of_uri,
    "code": _fault_of_code,
    "date": _fault_of_moment,
    "dateTime": _fault_of_moment,
    "id": _fault_of_pattern,
    "instant": _fault_of_moment,
    "oid": _fault_of_pattern,
    "time": _fault_of_pattern,
    "uri": _fault_of_uri,
    "url": _fault_of_uri,
    "uuid": _fault_of_pattern,
    "xhtml": _fault_of_narrative,
}
