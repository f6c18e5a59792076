"""What the page of the operator says in words: nothing is named by a code that only we know."""

import re

from passerelle.reporting.page import render_page
from passerelle.reporting.summary import Shares, StageSums, Summary

SAYS = {
    "ward": ("Le service", "The ward"),
    "COORD": ("La coordination", "The coordination"),
    "leaving": ("Sortie", "Discharge"),
    "contact": ("Premier contact", "First contact"),
    "export": ("L'équipe", "The team"),
}


def page():
    sums = [
        StageSums("ward", "land", "record", 3, {"passed": 2, "quarantined": 1}),
        StageSums("leaving.contact.d7", "link", "fact", 2, {"passed": 2}),
        StageSums("orientation-slip", "link", "fact", 1, {"passed": 1}),
        StageSums("export", "deliver", "resource", 4, {"passed": 4}),
        StageSums("follow-up.ward", "deliver", "resource", 2, {"passed": 2}),
    ]
    shares = [Shares("leaving", "ward", "contact", "d7", 7, 1, 1, 1, 0, {"no-coverage": 1})]
    summary = Summary(
        "2025-12-31", "test", sums, shares, [], [], {"Patient": 4}, {"no-ground": 1}, {"ins": 1}, "COORD", balanced=True
    )
    return render_page(summary, SAYS)


def shown(language):
    """The text that a reader of the language sees."""
    hidden = "en" if language == "fr" else "fr"
    without = re.sub(rf'<(\w+) lang="{hidden}"[^>]*>.*?</\1>', "", page().split("</style>")[1])
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", without))


def test_every_line_of_the_sums_is_named_in_words_in_both_languages():
    french, english = shown("fr"), shown("en")

    for words in ("Sortie → Premier contact , j7", "bons d'orientation présentés", "liste de suites pour Le service"):
        assert words in french.replace("&#x27;", "'")
    for words in ("Discharge → First contact , d7", "orientation slips shown", "list of follow-ups for The ward"):
        assert words in english


def test_the_recipient_is_named_in_words():
    assert "Vers La coordination, personne par personne" in shown("fr")
    assert "To The coordination, person by person" in shown("en")
    assert "COORD" not in shown("fr")


def test_the_page_says_that_it_is_not_for_publication():
    assert "pas une publication" in shown("fr")
    assert "not a publication" in shown("en")
