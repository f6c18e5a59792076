"""Invented people, each of whom tries one of the ten rules; what is written of them on a first and on a second day."""

from dataclasses import dataclass, field

from attacked_region import CHANGED_ON, PRISON_UNIT_FINESS, WRITTEN_ON, Somebody, Sources

TOKEN = "ZZTOKEN222222222222222222"
LEFT, SEEN = "2025-06-10", "2025-06-14"
CONTACTS_OF_SLIP = ("2025-06-02", "2025-06-05", "2025-09-01")
NAME_ON_THE_STREET = "ZZSURLETROTTOIR"

CHANGING = (
    "withdraws",
    "withdraws-unreadably",
    "withdraws-unreadably-and-agrees-again",
    "lets-it-end",
    "opposes",
    "opposes-unreadably",
    "opposes-in-between",
    "asks-anonymity",
    "asks-anonymity-unreadably",
    "discharge-cancelled",
    "never-came",
    "cancelled-whole",
    "loses-number",
    "contact-deleted",
)
"""Those who change their mind on the second day, or of whom a source does."""


@dataclass
class People:
    """Everybody, by what they try; the sources into which they are written."""

    sources: Sources
    by_case: dict[str, Somebody] = field(default_factory=dict)

    def __getitem__(self, case: str) -> Somebody:
        return self.by_case[case]

    def new(self, case: str, **traits: str) -> Somebody:
        """Somebody with a name of their own."""
        number = len(self.by_case) + 1
        family = "ZZ" + "".join(chr(ord("A") + int(digit)) for digit in f"{number:03d}") + "ETAL"
        self.by_case[case] = Somebody(number, family, **traits)
        return self.by_case[case]

    def both(self, case: str, *, agreed: bool = True, contacts: tuple[str, ...] = (SEEN,), **of_file: str) -> Somebody:
        """Somebody who left hospital, was seen at the centre four days later, and agreed to it at both doors."""
        one = self.new(case)
        self.sources.stayed(one, "2025-06-01", LEFT)
        self.sources.at_csapa(one, contacts=contacts, **of_file)
        if agreed:
            self.agree(one)
        return one

    def agree(self, one: Somebody) -> None:
        """They agreed to everything that need not be named, at both doors."""
        for source in ("chu", "csapa"):
            self.sources.agreed(source, one)

    def team(self, one: Somebody, at: str = "30/12/2025 10:00:00", **changed: str) -> None:
        """They are cared for by a team of the hospital, the centre and the coordination."""
        written = {"supprime": "N", "modifie_le": at}
        team = {"num_equipe": f"T{one.local}", "num_patient": f"P{one.local}", "fondement": "3", "statut": "A"}
        said = {"debut": "01/03/2025", **changed}
        self.sources.row("csapa", "equipes", **{**team, **said}, nb_membres="3", **written)
        for rank, structure in enumerate(("CHU", "CSAPA", "COORD"), start=1):
            self.sources.row("csapa", "membres", **member_of(one, rank, structure), **written)


def member_of(one: Somebody, rank: int, structure: str, **changed: str) -> dict[str, str]:
    """An organisation in somebody's team."""
    member = {"num_equipe": f"T{one.local}", "rang": str(rank), "structure": structure, "role": "COO"}
    return {**member, "depuis": "01/03/2025", **changed}


def orientation_of(one: Somebody, **changed: str) -> dict[str, str]:
    """A number for the housing desk that somebody was given in hospital, with their word on it."""
    told = {"num_orientation": f"ORZZ{one.local}", "ipp": one.local, "num_venue": f"88{one.local}", "vers": "SIAO"}
    agreed = {"consentement": "O", "consenti_le": LEFT, "mode_recueil": "E", "statut": "E"}
    return {**told, "uf": "4110", "date_orientation": LEFT, "nature": "HEB", **agreed, **changed}


def write_first_day(people: People) -> None:
    """Everybody's rows wait to be written."""
    people.both("plain")
    _anonymous(people)
    _outreach(people)
    _gated(people)
    _prison(people)
    _persons(people)
    for case in CHANGING:
        people.both(case)
    for case in ("team-ends-unreadably", "member-leaves-unreadably"):
        people.team(people.both(case, agreed=False))
    one = people.both("orientation-withdrawn-unreadably")
    people.sources.row("chu", "orientations", **orientation_of(one), modifie_le=WRITTEN_ON)


def _anonymous(people: People) -> None:
    sources = people.sources
    for case, status in (("anonymous-at-hospital", "ANOM"), ("anonymous-in-second-place", "VALI~ANOM")):
        one = people.new(case)
        sources.stayed(one, "2025-06-01", LEFT, pid={32: status})
        sources.at_csapa(one, contacts=(SEEN,))
        people.agree(one)
    people.both("anonymous-at-centre", anonymat="O", statut_identite="A")
    people.both("anonymous-and-qualified", anonymat="O", statut_identite="Q")
    people.both("anonymous-by-status-alone", anonymat="N", statut_identite="A")


def _outreach(people: People) -> None:
    sources = people.sources
    common = {"heure": "16:00", "lieu": "GAR", "equipe": "1", "type_contact": "MAT"}
    for number, day in (("1", "2025-05-01"), ("2", "2025-06-01"), ("3", "2025-06-20")):
        row = {"num_contact": f"CZZ{number}", "date_contact": day, "saisi_le": f"{day} 17:00"}
        sources.row("caarud", "contacts", **common, **row)
    named = {"num_contact": "CZZ4", "date_contact": "2025-06-01", "saisi_le": "2025-06-01 17:00"}
    sources.row("caarud", "contacts", **common, **named, nom=NAME_ON_THE_STREET)
    born = {"num_contact": "CZZ5", "date_contact": "2025-06-01", "saisi_le": "2025-06-01 17:00"}
    sources.row("caarud", "contacts", **common, **born, tranche_naissance="1985-04-03")
    slip = {"num_bon": "SZZ1", "jeton": TOKEN, "num_contact": "CZZ2", "structure": "CSAPA", "motif": "SEV"}
    days = {"date_emission": "2025-06-01", "date_expiration": "2025-07-01", "saisi_le": "2025-06-01 17:00"}
    sources.row("caarud", "bons", **slip, **days, statut="E", explique="O", rdv_propose="N")
    one = people.new("slip")
    shown = {"jeton_orientation": TOKEN, "jeton_remis_le": "05/06/2025", "jeton_consentement": "O"}
    sources.at_csapa(one, contacts=CONTACTS_OF_SLIP, episode=shown)


def _gated(people: People) -> None:
    sources = people.sources
    people.team(people.both("undated-team", agreed=False), debut="")
    sources.opposed("csapa", people.both("opposed-after"))
    sources.opposed("chu", people.both("opposed-at-hospital"))
    one = people.both("refused-same-day")
    sources.agreed("chu", one, "2", nature="R")
    sources.opposed("csapa", people.both("opposition-not-understood"), finalite="XYZ")
    sources.opposed("chu", people.both("opposition-not-understood-at-hospital"), finalite="XYZ")
    sources.agreed("csapa", people.both("refusal-not-understood"), "2", nature="R", finalite="XYZ")
    sources.agreed("csapa", people.both("consent-not-understood"), "2", finalite="XYZ")
    one = people.both("opposition-twice-told")
    sources.opposed("csapa", one)
    sources.opposed("csapa", one, levee_le="2025-05-01")


def _prison(people: People) -> None:
    sources = people.sources
    one = people.new("sent-to-prison-unit")
    sources.message(one, "A01", "20250601110000", movement=f"{one.local}1")
    sources.message(
        one,
        "A03",
        "20250610110000",
        movement=f"{one.local}2",
        pv1={37: PRISON_UNIT_FINESS},
        more="DG1|1||Z65.1^Emprisonnement^CIM-10||20250610|A\rDG1|2||Z59.0^Sans-abri^CIM-10||20250610|A",
    )
    sources.agreed("chu", one)
    one = people.new("left-custody")
    sources.in_custody(one, "2025-01-10", LEFT)
    sources.at_csapa(one, contacts=(SEEN,))
    sources.agreed("usmp", one)
    sources.agreed("csapa", one)
    one = people.new("left-custody-unseen")
    sources.in_custody(one, "2025-01-10", LEFT)
    sources.agreed("usmp", one)
    sources.agreed("csapa", people["left-custody"], "3", destinataire="USMP")


def _persons(people: People) -> None:
    relative = {"prenom": "Camille", "prenoms_naissance": "Camille"}
    people.both("number-of-a-relative", **relative)
    people.both("opposed-relative", **relative)
    people.sources.opposed("csapa", people["opposed-relative"])
    one = people.both("twin")
    twin = people.new("other-twin", given="Camille")
    people.sources.at_csapa(twin, nom_naissance=one.family, contacts=("2025-06-12",))
    people.sources.agreed("csapa", twin)
    one, double = people.new("two-numbers"), people.new("two-numbers-as-well")
    sources = people.sources
    sources.stayed(one, "2025-06-01", LEFT)
    sources.at_csapa(double, nom_naissance=one.family, contacts=(SEEN,))
    sources.agreed("chu", one)
    sources.agreed("csapa", double)


def write_second_day(people: People) -> None:
    """What changed waits to be written."""
    sources = people.sources
    day = {"retire_le": "2025-12-31", "at": CHANGED_ON}
    for source in ("chu", "csapa"):
        sources.agreed(source, people["withdraws"], **day)
        sources.agreed(source, people["withdraws-unreadably"], mode_recueil="XYZ", **day)
        sources.agreed(source, people["withdraws-unreadably-and-agrees-again"], mode_recueil="XYZ", **day)
        sources.agreed(source, people["withdraws-unreadably-and-agrees-again"], at="2025-12-31 11:00:00")
    changed = "31/12/2025 10:00:00"
    one = people["team-ends-unreadably"]
    team = {"num_equipe": f"T{one.local}", "num_patient": f"P{one.local}", "fondement": "3", "debut": "01/03/2025"}
    ended = {"fin": "30/12/2025", "statut": "XYZ", "nb_membres": "3", "supprime": "N", "modifie_le": changed}
    sources.row("csapa", "equipes", **team, **ended)
    one = people["member-leaves-unreadably"]
    left = member_of(one, 1, "CHU", jusque="30/12/2025", role="XYZ")
    sources.row("csapa", "membres", **left, supprime="N", modifie_le=changed)
    one = people["orientation-withdrawn-unreadably"]
    taken_back = orientation_of(one, retire_le="2025-12-31", mode_recueil="XYZ")
    sources.row("chu", "orientations", **taken_back, modifie_le=CHANGED_ON)
    sources.opposed("chu", people["opposes"], exprimee_le="2025-12-31", at=CHANGED_ON)
    sources.opposed("chu", people["opposes-unreadably"], mode_recueil="XYZ", at=CHANGED_ON)
    one = people["discharge-cancelled"]
    cancel = {"action": "CANCEL", "emitted": "20251231090000"}
    sources.message(one, "A13", "20250610110000", movement=f"{one.local}2", origin="A03", **cancel)
    one = people["never-came"]
    sources.message(one, "A13", "20250610110000", movement=f"{one.local}2", origin="A03", **cancel)
    later = {"action": "CANCEL", "emitted": "20251231090500"}
    sources.message(one, "A11", "20250601110000", movement=f"{one.local}1", origin="A01", **later)
    one = people["cancelled-whole"]
    sources.message(one, "A11", "20250601110000", movement=f"{one.local}1", origin="A01", **later)
    sources.message(people["loses-number"], "A31", "20251231090000", ins=False, pid={32: "PROV"})
    sources.message(people["asks-anonymity"], "A31", "20251231090000", pid={32: "ANOM"})
    sources.message(people["asks-anonymity-unreadably"], "A31", "20251231090000", pid={8: "?", 32: "ANOM"})
    sources.contact(people["contact-deleted"], SEEN, supprime="O", at=CHANGED_ON)
    for source in ("chu", "csapa"):
        sources.agreed(source, people["lets-it-end"], fin="2025-12-30", at=CHANGED_ON)


def write_in_between(people: People) -> None:
    """Somebody opposes after link and before deliver."""
    people.sources.opposed("chu", people["opposes-in-between"], exprimee_le="2025-12-31", at=CHANGED_ON)
