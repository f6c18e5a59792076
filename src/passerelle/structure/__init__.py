"""What FHIR R4 4.0.1 asks of a resource, and which of its elements hold the identity of a person."""

from passerelle.structure.checking import FHIR_VERSION, Structure, structure
from passerelle.structure.problem import Problem
from passerelle.structure.splitting import IdentityRules, Splitter, load_identity_rules

__all__ = [
    "FHIR_VERSION",
    "IdentityRules",
    "Problem",
    "Splitter",
    "Structure",
    "load_identity_rules",
    "structure",
]
