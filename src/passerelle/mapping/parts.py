"""What the short way knows of a value while it is generated: its two texts, and how texts are put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from passerelle.fhir_r4 import Element
from passerelle.structure.splitting import Fate

_DAY = 10


class NotRendered(Exception):
    """Something of the resource can only be made the long way."""


@dataclass(frozen=True, slots=True)
class Side:
    """A text as the inside of an f-string, and the expression that is true when it is there (nothing: always)."""

    text: str
    when: str | None = None


@dataclass(slots=True)
class Part:
    """A value in two texts: what stays in the body, and what is identity.

    `when` is true when the value is there (nothing: always). `value` is the expression of a plain text, without its
    quotes; `learned` the variable of a text that was learned; `within` what is known of the members of an object;
    `items` are those of an array, where each has its place.
    """

    body: Side | None = None
    sealed: Side | None = None
    moving: bool = True
    when: str | None = None
    refs: list[str] = field(default_factory=list)
    value: str | None = None
    learned: str | None = None
    within: "Mapping[str, Part]" = field(default_factory=dict)
    items: "Sequence[Part]" = ()

    def sides(self) -> tuple[Side | None, Side | None]:
        """What stays and what is taken."""
        return self.body, self.sealed


@dataclass(frozen=True, slots=True)
class Where:
    """Where a value stands: the member of what definition, its own definition and type, and what becomes of it."""

    definition: str
    name: str
    element: Element
    target: str
    type: str
    sealed: bool
    fate: Fate

    def put(self, side: Side) -> tuple[Side | None, Side | None]:
        """The text on its side: body, identity."""
        return (None, side) if self.sealed else (side, None)


NOTHING = "''"


def first_day(*days: str) -> str | None:
    """The first that is there and says the whole day."""
    return next((day for day in days if len(day) >= _DAY), None)


def gathered(bodies: list[str], sealed: list[str]) -> tuple[str, str]:
    """The two texts of an array: what has nothing of one side leaves `{}` in the body, null in the identity."""
    if not any(sealed):
        return (f"[{','.join(bodies)}]", "") if bodies else ("", "")
    taken = f"[{','.join(one or 'null' for one in sealed)}]"
    return (f"[{','.join(one or '{}' for one in bodies)}]" if any(bodies) else "", taken)


def all_taken(parts: Sequence[Part]) -> str:
    """The expression for what is taken of the items of an array, each after a comma; empty when nothing is."""
    texts = [_taken(part) for part in parts]
    some = [part.sealed.when for part in parts if part.sealed is not None]
    whole = " + ".join(texts)
    return f"({whole})" if None in some else f"({whole}) if {' or '.join(str(one) for one in some)} else ''"


def _taken(part: Part) -> str:
    nothing = "',null'"
    if part.sealed is not None:
        text = f"f',{part.sealed.text}'"
        if part.sealed.when is None:
            nothing = text
        elif part.sealed.when == part.when:
            return f"({text} if {part.when} else '')"
        else:
            nothing = f"({text} if {part.sealed.when} else ',null')"
    return nothing if part.when is None else f"({nothing} if {part.when} else '')"


def or_empty(side: Side | None) -> str:
    """The expression for a text that may be missing."""
    if side is None:
        return NOTHING
    return f"f'{side.text}'" if side.when is None else f"(f'{side.text}' if {side.when} else '')"


def bracketed(expression: str | None) -> str:
    """The expression as it may stand after `not`."""
    return f"({expression})" if expression is not None and not expression.isidentifier() else f"{expression}"


def inside(text: str) -> str:
    """The text as it stands inside an f-string between single quotes."""
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("{", "{{").replace("}", "}}")


def is_ruled(element: Element) -> bool:
    """True when a value set leaves no choice at the element."""
    binding = element.binding
    return binding is not None and (binding.strength == "required" or binding.widest is not None)
