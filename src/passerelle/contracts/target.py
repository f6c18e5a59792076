"""`fhir/targets/*.yaml`: who receives, for what purpose, and which elements it may have."""

from typing import Literal

from pydantic import Field

from passerelle.contracts.model import Contract
from passerelle.contracts.pathway import Sentence
from passerelle.contracts.source import Name


class Recipient(Contract):
    """The organisation that receives. The gate is asked for it, person by person."""

    organisation: str = Field(description="Name known to consents and care teams.")
    kind: Literal["care-coordination", "hospital", "csapa", "housing", "authority", "prison-administration", "justice"]
    jurisdiction: Literal["fr", "be"]
    care: bool = Field(True, description="Its professionals take part in care (CSP R1110-2).")


class Target(Contract):
    """One place to deliver to."""

    target: Name
    says: Sentence
    recipient: Recipient
    purpose: Literal["deliver", "statistics"]
    form: Literal["ndjson"] = "ndjson"
    elements: dict[str, tuple[str, ...]] = Field(
        description="FHIR type -> top-level elements it may have; a type that is not listed is not delivered."
    )
