"""What a person reads when something stopped, was noticed or was withheld: one sentence per name, per language.

The texts are in `locales/`. They say what was found, where, what was wanted and what to do, and never a value: the
only thing filled in is a place, which names a column, a path or a rule.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

from ruamel.yaml import YAML

from passerelle.errors import BrokenPromise, UsageError

LANGUAGES = ("en", "fr")
Group = Literal["reasons", "states", "gate"]
_NOWHERE = {"en": "this record", "fr": "cet enregistrement"}


def sentence(reason: str, language: str, place: str = "") -> str:
    """The sentence of a reason, with its place filled in.

    Raises:
        UsageError: the language has no sentences.
        BrokenPromise: the reason has no sentence.
    """
    return _filled("reasons", reason, language, place)


def state_sentence(state: str, language: str) -> str:
    """What it means that an item is in this state.

    Raises:
        UsageError: the language has no sentences.
        BrokenPromise: the state has no sentence.
    """
    return _filled("states", state, language, "")


def gate_sentence(rule: str, language: str, place: str = "") -> str:
    """Why the sharing gate answered as it did.

    Raises:
        UsageError: the language has no sentences.
        BrokenPromise: the rule has no sentence.
    """
    return _filled("gate", rule, language, place)


def names_of(group: Group, language: str) -> tuple[str, ...]:
    """Every name of the group that has a sentence in the language."""
    return tuple(_texts(language)[group])


def _filled(group: Group, name: str, language: str, place: str) -> str:
    text = _texts(language)[group].get(name)
    if text is None:
        raise BrokenPromise(f"'{name}' has no sentence in locales/{language}.yaml under {group}")
    filled = text.replace("{place}", place or _NOWHERE[language])
    return filled if place else filled[0].upper() + filled[1:]


@cache
def _texts(language: str) -> Mapping[str, Mapping[str, str]]:
    if language not in LANGUAGES:
        raise UsageError(f"there are no sentences in '{language}'; languages are {', '.join(LANGUAGES)}")
    written = resources.files("passerelle").joinpath("locales", f"{language}.yaml").read_text(encoding="utf-8")
    texts: dict[str, Any] = YAML(typ="safe").load(written)
    return {group: {str(name): " ".join(str(text).split()) for name, text in texts[group].items()} for group in texts}
