"""People, organisations and questions for the tests of the gate. Invented ones only."""

from datetime import date
from pathlib import Path

from passerelle.contracts.gate_table import read_gate_table, read_regions
from passerelle.gate import Carer, CareTeamFacts, ConsentFacts, OrganisationFacts, SubjectFacts, decide

ROOT = Path(__file__).parents[1]
TABLE = read_gate_table(ROOT / "validation" / "gate.yaml")
REGIONS = read_regions(ROOT / "mappings" / "directory" / "regions.csv")
TODAY = date(2026, 3, 31)


def organisation(name: str, kind: str, *, care: bool = True, region: str = "11", jurisdiction: str = "fr"):
    return OrganisationFacts(name, kind, care, region, jurisdiction)


HOSPITAL = organisation("north hospital", "hospital")
CSAPA = organisation("south csapa", "csapa")
CAARUD = organisation("street caarud", "caarud")
USMP = organisation("north usmp", "prison-health")
HOUSING = organisation("shelter desk", "housing", care=False)
PRISON = organisation("prison registry", "prison-administration", care=False)


def consent(name: str = "c1", **changed) -> ConsentFacts:
    written = {
        "permits": True,
        "grantee": CSAPA.name,
        "purposes": frozenset({"COC"}),
        "data_classes": frozenset({"*"}),
        "collected": date(2026, 1, 1),
    }
    return ConsentFacts(name, **(written | changed))


def refusal(name: str = "r1", **changed) -> ConsentFacts:
    return consent(name, **({"permits": False} | changed))


def team(*members: OrganisationFacts, basis: int | None = 2, start: date | None = date(2026, 1, 1), end=None):
    return CareTeamFacts("t1", frozenset(member.name for member in members), basis, start, end)


def carers(*organisations: OrganisationFacts, identified: bool = True, start=date(2026, 1, 1), end=None):
    return tuple(Carer(one.name, identified, start, end) for one in organisations)


def asked(
    subject: SubjectFacts,
    purpose: str = "deliver",
    sender: OrganisationFacts = HOSPITAL,
    recipient: OrganisationFacts = CSAPA,
    data_class: str = "stay",
    as_of=TODAY,
):
    return decide(TABLE, purpose, subject, sender, recipient, data_class, as_of)


EVERY_GROUND = SubjectFacts(
    consents=(consent(grantee="*", data_classes=frozenset({"*", "prison", "housing", "orientation-slip"})),),
    care_teams=(team(HOSPITAL, CSAPA, CAARUD, USMP, HOUSING, PRISON),),
    carers=carers(HOSPITAL, CSAPA, CAARUD, USMP, HOUSING, PRISON),
)
