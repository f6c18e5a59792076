"""`fhir/targets/*.yaml`: who receives, for what purpose, and which elements it may have."""

from typing import Literal

from pydantic import Field

from passerelle.contracts.model import Contract
from passerelle.contracts.pathway import Sentence
from passerelle.contracts.source import Name, OrganisationKind


class Recipient(Contract):
    """The organisation that receives. The gate is asked for it, person by person."""

    organisation: str = Field(description="Name known to consents and care teams.")
    kind: OrganisationKind = Field(description="Kind of organisation, as the directory says it.")
    jurisdiction: Literal["fr", "be"] = Field(description="Whose law: `fr` or `be`.")
    care: bool = Field(True, description="Its professionals take part in care (CSP R1110-2).")


class Target(Contract):
    """One place to deliver to."""

    target: Name = Field(description="The name of the file.")
    says: Sentence = Field(description="What goes there, in words.")
    recipient: Recipient = Field(description="Who receives.")
    purpose: Literal["deliver", "statistics"] = Field(description="For what; the gate is asked for it.")
    form: Literal["ndjson"] = Field("ndjson", description="How it is written.")
    elements: dict[str, tuple[str, ...]] = Field(
        description="FHIR type -> top-level elements it may have; a type that is not listed is not delivered."
    )
