"""Every problem and every rule has a sentence in both languages, without a hole."""

import re

import pytest

from passerelle.errors import UsageError
from passerelle.fhir_r4 import element_table
from passerelle.sentences import LANGUAGES
from passerelle.structure.invariants import RULES
from passerelle.structure.problem import Problem
from passerelle.structure.telling import tell, texts_of

KEYS = sorted({rule.key for rules in RULES.values() for rule in rules})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_has_a_sentence_that_names_it_and_no_sentence_is_left_over(language):
    assert sorted(texts_of(language)["rules"]) == KEYS
    for key in KEYS:
        said = tell(Problem("Patient", "error", "base-rule", details={"rule": key}), language)
        assert said.count(f"({key})") == 1
        assert re.search(r"\(.*\)\. \S.*\.$", said)


def test_both_languages_say_the_same_things_with_the_same_holes():
    english, french = (texts_of(language)["problems"] for language in ("en", "fr"))

    assert english.keys() == french.keys()
    for key in english:
        assert sorted(re.findall(r"{\w+}", english[key])) == sorted(re.findall(r"{\w+}", french[key]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_primitive_type_with_a_format_says_which(language):
    table = element_table()
    written = {name for name in table.types() if table.is_primitive(name)}
    free = {"string", "markdown", "decimal", "integer", "positiveInt", "unsignedInt"}

    assert set(texts_of(language)["formats"]) == written - free


def test_a_language_without_sentences_is_refused():
    with pytest.raises(UsageError, match="there are no sentences in 'nl'"):
        tell(Problem("Patient", "error", "not-json"), "nl")
