"""The rules a mapping may name: pure functions, each with a docstring and its own cases."""

from passerelle.mapping.rules import codes, courses, dates, identity, people
from passerelle.mapping.rules.registry import Case, Refused, Rule, case, known_rules, refused, rule

__all__ = [
    "Case",
    "Refused",
    "Rule",
    "case",
    "codes",
    "courses",
    "dates",
    "identity",
    "known_rules",
    "people",
    "refused",
    "rule",
]
