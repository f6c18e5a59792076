"""Values as JSON texts: each is made once, kept in a bounded dictionary, and known to be right where it stands.

A text is `free` where its type alone says whether it is right; then it is held against its type when it is made. It
is `learned` where more decides (a value set, a definition): then the value must have stood there before, in a resource
of which the whole was found to be R4; of an identifier, a name, an address or a telecom only the words may differ.
A moment is put together of a day and a time of day, each of which was right before.
None means: this value is not for the short way; nothing of the record is lost by it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple, TypeVar

import orjson

from passerelle.mapping.converting import Halves, MomentConverter, Noted
from passerelle.mapping.fields import FieldPlan
from passerelle.mapping.plan import Refusal
from passerelle.records import Reason
from passerelle.structure.primitives import BOUNDS, PATTERNS, fault_of

MOST_TEXTS = 5_000
"""So many texts of one field are kept before it starts anew: what comes again comes again soon."""
MOST_REFERENCES = 20_000
_MOMENTS = frozenset({"date", "dateTime", "instant", "time"})
_WORDS = frozenset({"string", "markdown"})
FREE_TYPES = _MOMENTS | _WORDS | frozenset(BOUNDS) | {"boolean", "decimal"}
"""Primitive types of which any value of the type is right, wherever no value set and no definition says more."""
_WORDED_TYPES = frozenset({"Address", "ContactPoint", "HumanName", "Identifier"})
_WORDED = frozenset(
    {"city", "country", "district", "family", "given", "line", "postalCode", "prefix", "state", "suffix", "text"}
    | {"value"}
)
"""Members of these types that are plain words."""
_MOST_CHARACTERS = 1024 * 1024
_DAY = 10
_said = re.compile(PATTERNS["string"]).fullmatch

Kept = TypeVar("Kept")
Free = Callable[[Any], str | None]
Learned = Callable[..., str | None]
Parted = Callable[[Any], tuple[Any, Any]]


class Referred(NamedTuple):
    """A reference as text, the id it holds, and the last of the key values that made it."""

    text: str
    raw: bytes
    key: str


def json_text(value: Any) -> str:
    """The value as the stores write it."""
    return orjson.dumps(value).decode()


def right_text(type_name: str) -> Free:
    """Makes the text of a value of a free type; of one that is not surely right it gives None."""
    if type_name in {"dateTime", "instant"}:
        return _written_moments(type_name)
    if type_name in _MOMENTS:
        match = re.compile(PATTERNS[type_name], re.ASCII).fullmatch
        return lambda value: f'"{value}"' if type(value) is str and match(value) else None
    if type_name in _WORDS:
        return _written_words
    if type_name in BOUNDS:
        least, most = BOUNDS[type_name]
        return lambda value: str(value) if type(value) is int and least <= value <= most else None
    return lambda value: json_text(value) if fault_of(type_name, value) is None else None


def _written_moments(type_name: str) -> Free:
    """As the type's pattern has it; a day and a time of day that were right once are right together."""
    match = re.compile(PATTERNS[type_name], re.ASCII).fullmatch
    days: dict[Hashable, None] = {}
    times: dict[Hashable, None] = {}

    def written(value: Any) -> str | None:
        if type(value) is not str:
            return None
        day, time = value[:_DAY], value[_DAY:]
        if not (time in times and day in days):
            if not match(value):
                return None
            if time:
                keep(days, day, None)
                keep(times, time, None)
        return f'"{value}"'

    return written


def _written_words(value: Any) -> str | None:
    if type(value) is not str:
        return None
    if value.isprintable() and value.isascii() and '"' not in value and "\\" not in value:
        return f'"{value}"' if 0 < len(value) <= _MOST_CHARACTERS else None
    return json_text(value) if _said(value) and len(value) <= _MOST_CHARACTERS else None


def free(plan: FieldPlan, kept: dict[Hashable, str] | None) -> Free:
    """Makes the text of a field whose type decides alone; `kept`, if given, holds it from then on."""
    assert plan.convert is not None
    convert, place, written = plan.convert, plan.place, right_text(plan.resolved.type)
    stops = plan.line.missing == "stop"

    def made(given: Any) -> str | None:
        value = convert(given)
        if value is None:
            return _nothing(place, stops=stops)
        text = None if type(value) is Noted else written(value)
        return text if text is None or kept is None else keep(kept, given, text)

    if kept is None and isinstance(convert, MomentConverter) and convert.halves is not None:
        return _put_together(convert.halves, made)
    return made


def _put_together(halves: Halves, made: Free) -> Free:
    """The text of a moment from its day and its time of day, when both were right before."""
    end = halves.end
    days: dict[Hashable, tuple[str, str]] = {}
    hours: dict[Hashable, str] = {}

    def text_of(given: Any) -> str | None:
        before, after = given[:end], given[end:]
        day, hour = days.get(before), hours.get(after)
        if day is not None and hour is not None:
            return f"{day[0]}{hour}{day[1]}"
        text = made(given)
        if text is not None and (parts := halves.parts(given)) is not None:
            (begin, offset), hour = parts
            keep(days, before, (f'"{begin}', f'{offset}"'))
            keep(hours, after, hour)
        return text

    return text_of


def learned(plan: FieldPlan, kept: dict[Hashable, str], parted: Parted | None, *, bound: bool) -> Learned:
    """Makes the text of a field from a value that was right before; when told to learn, this one is.

    With `parted`, a value of which something would be taken as identity has no text: it stands in one place. `bound`
    is true where a value set has a say.
    """
    assert plan.convert is not None
    convert, place = plan.convert, plan.place
    stops = plan.line.missing == "stop"
    right: dict[Hashable, None] = {}
    is_worded = plan.resolved.type in _WORDED_TYPES and not bound

    def made(given: Any, learn: bool) -> str | None:  # noqa: FBT001 called by generated code
        value = convert(given)
        if value is None:
            return _nothing(place, stops=stops)
        if type(value) is Noted:
            return None
        text = json_text(value)
        seen = text if not is_worded else json_text(_without_words(value))
        if seen not in right or (is_worded and not all(map(_is_word, _words_of(value)))):
            if not learn or (parted is not None and parted(value)[1] is not None):
                return None
            keep(right, seen, None)
        return keep(kept, given, text)

    return made


class References:
    """The references of one source: fields that refer to the same resources by the same kind of key share them."""

    def __init__(self) -> None:
        self._kept: defaultdict[Hashable, dict[Hashable, Referred]] = defaultdict(dict)

    def of(self, plan: FieldPlan) -> dict[Hashable, Referred]:
        """What is kept for this field."""
        columns = tuple((one.column.type, one.column.format, one.written) for one in plan.origins)
        return self._kept[plan.line.refers, plan.line.codes, columns]


def referred(plan: FieldPlan, kept: dict[Hashable, Referred]) -> Callable[[Any], Referred | None]:
    """Makes a reference as text. Its type was settled when the mapping was compiled, its id is made of the key."""
    assert plan.convert is not None
    convert = plan.convert

    def made(given: Any) -> Referred | None:
        value = convert(given)
        if value is None or type(value) is Noted:
            return None
        tree, raw, key = value
        return keep(kept, given, Referred(json_text(tree), raw, key), MOST_REFERENCES)

    return made


def keep(kept: dict[Hashable, Kept], given: Hashable, made: Kept, most: int = MOST_TEXTS) -> Kept:
    """It is kept from now on, and given back."""
    if len(kept) >= most:
        kept.clear()
    kept[given] = made
    return made


def _nothing(place: str, *, stops: bool) -> str:
    if stops:
        raise Refusal(Reason.MISSING_VALUE, place)
    return ""


_is_word = right_text("string")


def _without_words(value: Any) -> Any:
    """The value, with every plain word replaced by the same."""
    if isinstance(value, list):
        return [_without_words(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: "" if name in _WORDED and isinstance(one, str) else _members(name, one) for name, one in value.items()
    }


def _members(name: str, value: Any) -> Any:
    if name in _WORDED and isinstance(value, list):
        return ["" if isinstance(one, str) else one for one in value]
    return value


def _words_of(value: Any) -> Iterable[Any]:
    for one in value if isinstance(value, list) else [value]:
        for name in _WORDED & one.keys():
            yield from one[name] if isinstance(one[name], list) else [one[name]]
