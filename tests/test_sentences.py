"""Every reason, state and gate rule has a sentence in both languages, and none has a hole in it."""

import re

import pytest

from passerelle.contracts.gate_table import Rule
from passerelle.errors import BrokenPromise, UsageError
from passerelle.records import Reason, State
from passerelle.sentences import LANGUAGES, gate_sentence, names_of, sentence, state_sentence

INTERREGIONAL = {
    "interregional",
    "interregional-sending-region",
    "interregional-same-region",
    "interregional-receiving-region",
    "interregional-not-followed",
    "interregional-consent",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence(reason, language):
    said = sentence(reason, language, "own#3 ddn")

    assert said.endswith(".")
    assert [] == re.findall(r"[{}]", said)
    assert "own#3 ddn" in said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", State)
def test_every_state_has_a_sentence(state, language):
    assert state_sentence(state, language).endswith(".")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_left_without_its_name(language):
    assert set(Reason) == set(names_of("reasons", language))
    assert set(State) == set(names_of("states", language))
    assert {*Rule.__args__, "no-ground", *INTERREGIONAL} == set(names_of("gate", language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_gate_sentence_begins_with_the_answer(language):
    answers = {"en": ("Yes", "No."), "fr": ("Oui", "Non.")}[language]

    assert [] == [name for name in names_of("gate", language) if not gate_sentence(name, language).startswith(answers)]


@pytest.mark.parametrize(("language", "nowhere"), [("en", "this record"), ("fr", "cet enregistrement")])
def test_without_a_place_the_sentence_speaks_of_the_record(language, nowhere):
    assert nowhere in sentence(Reason.EXPECTATION, language).lower()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_begins_with_a_capital_wherever_its_place_stands(language):
    assert [] == [reason for reason in Reason if not sentence(reason, language)[0].isupper()]


def test_a_place_that_looks_like_a_hole_is_shown_as_it_is():
    assert "{language}" in sentence(Reason.MISSING_VALUE, "en", "{language}")


def test_an_unknown_language_and_an_unknown_reason_are_said():
    with pytest.raises(UsageError, match="languages are en, fr"):
        sentence(Reason.CLOSED, "nl")
    with pytest.raises(BrokenPromise, match="no sentence"):
        sentence("nothing-of-the-kind", "en")
