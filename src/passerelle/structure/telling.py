"""The sentences about problems, in the languages there are; the texts are in `locales/structure.*.yaml`."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from ruamel.yaml import YAML

from passerelle.errors import UsageError
from passerelle.sentences import LANGUAGES
from passerelle.structure.problem import Problem


def tell(problem: Problem, language: str = "en") -> str:
    """What was found, what was wanted and what to do. No value of the resource stands in it.

    Raises:
        UsageError: the language has no sentences.
    """
    texts = _texts(language)
    details = dict(problem.details)
    if nearest := details.get("nearest", ""):
        details["nearest"] = texts["nearest"].replace("{name}", nearest)
    if "rule" in details:
        details["rule"] = texts["rules"][details["rule"]]
    if "type" in details:
        details["format"] = texts["formats"].get(details["type"], "")
    said = str(texts["problems"][problem.key])
    for name, text in details.items():
        said = said.replace(f"{{{name}}}", text)
    return " ".join(said.split())


def tell_valid(language: str = "en") -> str:
    """That nothing is wrong.

    Raises:
        UsageError: the language has no sentences.
    """
    return str(_texts(language)["no_problem"])


def texts_of(language: str) -> Mapping[str, Any]:
    """Every text of the language, by group.

    Raises:
        UsageError: the language has no sentences.
    """
    return _texts(language)


@cache
def _texts(language: str) -> Mapping[str, Any]:
    if language not in LANGUAGES:
        raise UsageError(f"there are no sentences in '{language}'; languages are {', '.join(LANGUAGES)}")
    place = resources.files("passerelle").joinpath("locales", f"structure.{language}.yaml")
    texts: dict[str, Any] = YAML(typ="safe").load(place.read_text(encoding="utf-8"))
    return texts
