"""What the page says, in French and in English: the names of stages, states, outcomes and reasons."""

from collections.abc import Mapping
from html import escape

from passerelle.errors import BrokenPromise
from passerelle.sentences import gate_sentence

Both = tuple[str, str]

STAGES: Mapping[str, Both] = {
    "land": ("reçu", "landed"),
    "check": ("contrôlé", "checked"),
    "map": ("traduit", "mapped"),
    "validate": ("validé", "validated"),
    "view": ("vue courante", "current view"),
    "link": ("relié", "linked"),
    "deliver": ("remis", "delivered"),
}
STATES: Mapping[str, Both] = {
    "passed": ("passés", "passed"),
    "quarantined": ("en quarantaine", "quarantined"),
    "pending": ("en attente", "pending"),
    "suppressed": ("retenus", "suppressed"),
    "duplicate": ("doublons", "duplicates"),
    "out-of-scope": ("hors champ", "out of scope"),
    "rejected": ("écartés", "rejected"),
}
OUTCOMES: Mapping[str, Both] = {
    "found": ("trouvée", "found"),
    "missed": ("manquée", "missed"),
    "not-permitted": ("non observable : non autorisée", "not observable: not permitted"),
    "no-common-key": ("non observable : pas de clé commune", "not observable: no common key"),
    "no-coverage": ("non observable : hors couverture", "not observable: no coverage"),
    "no-event-time": ("non observable : sortie sans date", "not observable: exit without a day"),
}
LINKS: Mapping[str, Both] = {
    "ins": ("identité nationale qualifiée (INS)", "qualified national identity (INS)"),
    "orientation-slip": ("bons d'orientation présentés", "orientation slips shown"),
    "orientation-number": ("numéros d'orientation cités", "orientation numbers quoted"),
    "follow-up": ("liste de suites pour", "list of follow-ups for"),
}
_RULES: Mapping[str, Both] = {
    "points-to-withheld": (
        "Ne dirait rien, ou autre chose, sans une ressource retenue.",
        "Would say nothing, or something else, without a resource that is withheld.",
    ),
    "not-classified": (
        "Sans personne désignée, ou d'un type que la règle ne connaît pas.",
        "Names nobody, or is of a type that the rules do not know.",
    ),
}


def both(fr: str, en: str) -> str:
    """Both languages; the page shows one."""
    if fr == en:
        return escape(fr)
    return f'<span lang="fr">{escape(fr)}</span><span lang="en">{escape(en)}</span>'


def number(value: int) -> str:
    """The number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def share(part: int, whole: int) -> str:
    """The share in whole percent."""
    return f"{100 * part / whole:.0f}\u202f%" if whole else "–"


def rule_sentence(rule: str) -> Both:
    """Why a rule of delivery keeps something back."""
    if rule in _RULES:
        return _RULES[rule]
    try:
        return gate_sentence(rule, "fr"), gate_sentence(rule, "en")
    except BrokenPromise:
        return rule, rule
