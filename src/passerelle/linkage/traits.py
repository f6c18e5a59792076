"""Strict traits made comparable: the five that go with a French health identity (INS).

A comparison never repairs: it works on a normalised copy and answers concordant, discordant or incomparable.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

_NOT_A_LETTER = re.compile(r"[^A-Z]+")
_LIGATURES = str.maketrans({"Œ": "OE", "Æ": "AE", "ß": "SS", "ẞ": "SS", "Ø": "O", "Đ": "D", "Ł": "L"})


class Concordance(StrEnum):
    """What two sets of traits say of each other."""

    CONCORDANT = "concordant"
    DISCORDANT = "discordant"
    INCOMPARABLE = "incomparable"


@dataclass(frozen=True, slots=True)
class Traits:
    """What one source believes of a person's civil identity. Absent traits are empty."""

    birth_name: str = ""
    given_name: str = ""
    birth_date: str = ""
    sex: str = ""
    birth_place: str = ""


def comparable_name(text: str) -> str:
    """Letters A to Z only: `D'Émile-Lœuvre` becomes `DEMILELOEUVRE`. Two spellings of one name meet there."""
    upper = text.upper().translate(_LIGATURES)
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", upper) if not unicodedata.combining(sign))
    return _NOT_A_LETTER.sub("", bare)


def compare_traits(left: Traits, right: Traits) -> Concordance:
    """Concordant when birth name, first given name, birth date and sex all agree, and no birth place contradicts.

    Incomparable when one side lacks the birth date or a name in Latin letters: nothing certain may rest on that. Sex
    `unknown` is no contradiction, and neither is a birth place that one side does not state.
    """
    here = comparable_name(left.birth_name), comparable_name(left.given_name), left.birth_date
    there = comparable_name(right.birth_name), comparable_name(right.given_name), right.birth_date
    if not all((*here, *there)):
        return Concordance.INCOMPARABLE
    known = {"male", "female"}
    sexes_agree = left.sex == right.sex or not {left.sex, right.sex} <= known
    places_agree = not (left.birth_place and right.birth_place) or left.birth_place == right.birth_place
    if here == there and sexes_agree and places_agree:
        return Concordance.CONCORDANT
    return Concordance.DISCORDANT
