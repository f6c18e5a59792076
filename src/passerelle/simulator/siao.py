"""The housing desk's records: JSON, one object a line, in the order in which its interface pages them."""

import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from passerelle.simulator import numbers
from passerelle.simulator.chance import Chance, Weighted
from passerelle.simulator.files import Dirt, Manifest, described
from passerelle.simulator.lives import Demand, Life, Placement
from passerelle.simulator.region import LAST_DAY, SIAO_SINCE, TIME_ZONE
from passerelle.simulator.spool import Spool

TABLES = ("demandes", "placements", "fins")
_ZONE = ZoneInfo(TIME_ZONE)
_ROOFS = Weighted(
    [("NUIT", 22), ("HOTEL", 25), ("CHU", 18), ("STAB", 8), ("CHRS", 14), ("LHSS", 6), ("ACT", 4), ("RESO", 3)]
)
_SITUATIONS = {
    "street": ("RUE", "RUE", "SQUAT", "H115"),
    "unstable": ("TIERS", "HOTEL", "H115", "NSP"),
    "stable": ("TIERS", "PROPRE"),
}
Tree = dict[str, Any]


class Siao:
    """Writes the requests of its persons, and what was proposed to them."""

    def __init__(self, seed: int, work: Path, folder: Path) -> None:
        self._seed = seed
        self._folder = folder
        self._spools = {table: Spool(work / f"siao.{table}", most_bytes=1_000_000) for table in TABLES}

    def write(self, life: Life) -> None:
        """Every request of this person that the desk still has is written, with its proposals and its end."""
        chance = Chance(self._seed, "siao", life.person.index)
        demands = [one.demand for one in life.orientations if one.demand]
        for demand in [*demands, *life.other_demands]:
            proposals = list(_placements(life, demand, chance))
            ends = list(_ends(life, demand, chance))
            changed = [demand.created, *(moment for _, moment in proposals), *(moment for _, moment in ends)]
            if max(changed).date() < SIAO_SINCE:
                continue
            self.put("demandes", _demand(life, demand, max(changed), chance))
            for tree, _ in proposals:
                self.put("placements", tree)
            for tree, _ in ends:
                self.put("fins", tree)

    def put(self, table: str, tree: Tree) -> None:
        """The record waits for its place."""
        order = f"{datetime.fromisoformat(tree['modifie_le']).timestamp():.0f}{tree['id']:012d}"
        raw = json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._spools[table].add(tree["modifie_le"][:10], order, raw)

    def dirty(self, manifest: Manifest, table: str, tree: Tree, dirt: Dirt) -> None:
        """The dirty record waits for its place and is on the manifest."""
        self.put(table, tree)
        manifest.note(described(dirt, "siao", table, str(tree["id"])), None, None)

    def finish(self, manifest: Manifest) -> None:
        """All records are written, one file per table."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for table, spool in self._spools.items():
            count = 0
            with (self._folder / f"{table}.ndjson").open("wb") as file:
                for bucket in spool.buckets():
                    for raw in spool.drain(bucket):
                        file.write(raw)
                        count += 1
            spool.close()
            manifest.count("siao", table, count)


def instant(moment: datetime) -> str:
    """The local moment with its offset."""
    return moment.replace(tzinfo=_ZONE).isoformat()


def _demand(life: Life, demand: Demand, changed: datetime, chance: Chance) -> Tree:
    person = life.person
    entered = any(one.entry for one in demand.placements)
    single = "F" if person.sex == "F" else "H"
    status = "POUR" if entered else chance.choice(("TRAN", "ORIE", "COMP", "CADU"))
    return {
        "id": numbers.demand(life, demand),
        "reference": f"VAL-{demand.created:%y%m}-{numbers.demand(life, demand):08d}",
        "volet": chance.choice(("115", "115", "INS")),
        "statut": "TRAN" if status == "ORIE" and not demand.placements else status,
        "cree_le": instant(demand.created),
        "modifie_le": instant(changed),
        "prescripteur": {
            "code": _prescriber(demand.quotes, life),
            "nom": "Service social",
            "fonction": chance.choice(("ASS", "ASS", "IDE", "EDU")),
        },
        "numero_orientation": demand.quotes,
        "consentement_orientation": demand.quotes is not None,
        "personne": {
            "id_personne": numbers.housing_person(life),
            "nom": person.birth_name,
            "prenom": person.given_names[0],
            "date_naissance": person.born.isoformat(),
            "sexe": {"M": "M", "F": "F"}.get(person.sex, "X"),
        },
        "composition": {"type": chance.choice((single, single, single, "C", "P")), "adultes": 1, "enfants": 0},
        "situation_residentielle": {
            "code": chance.choice(_SITUATIONS[person.housing]),
            "depuis": (demand.created.date() - timedelta(days=chance.between(1, 300))).isoformat(),
        },
        "ressources": chance.choice(("RSA", "RSA", "AAH", "SAL", "CHO", "SANS", "AUT")),
        "animaux": chance.often(0.12),
        "mobilite_reduite": chance.often(0.06),
        "preconisations": [
            {"rang": rank, "type": chance.one(_ROOFS), "commune": person.town}
            for rank in range(1, chance.between(1, 3) + 1)
        ],
        "motif": chance.choice(("SDF", "SDF", "SOR", "EXP", "VIO", "AUT")),
        "transmis_le": instant(demand.created + timedelta(minutes=10)),
    }


def _prescriber(quotes: str | None, life: Life) -> str:
    if quotes is None:
        return "AUTRE"
    given_in_prison = any(one.orientation and one.orientation.number == quotes for one in life.custodies)
    return "USMP" if given_in_prison else (life.hospital or "AUTRE").upper()


def _placements(life: Life, demand: Demand, chance: Chance) -> Iterator[tuple[Tree, datetime]]:
    for one in demand.placements:
        changed = _changed(one)
        roof = chance.one(_ROOFS)
        refused = one.status == "REFU"
        accepted = one.status in {"ACCE", "PRES", "SORT"}
        yield (
            {
                "id": numbers.placement(life, demand, one),
                "id_demande": numbers.demand(life, demand),
                "structure": {"code": f"ST{chance.between(10, 69)}", "nom": "Structure d'accueil", "type": roof},
                "type_hebergement": roof,
                "statut": one.status,
                "propose_le": instant(one.proposed),
                "accepte_le": instant(one.proposed + timedelta(minutes=30)) if accepted else None,
                "entree_le": one.entry.isoformat() if one.entry else None,
                "premiere_nuit": one.entry.isoformat() if one.entry else None,
                "sortie_le": one.exit.isoformat() if one.exit else None,
                "nuits_prevues": chance.choice((1, 3, 7, 15, 30, 90)),
                "refus": {
                    "par": chance.choice(("STR", "PER")),
                    "motif": chance.choice(("PLEIN", "HORS", "ABSENT", "CHOIX")),
                }
                if refused
                else None,
                "motif_sortie": chance.choice(("FIN", "FIN", "DEPART", "EXCL", "RELOG")) if one.exit else None,
                "modifie_le": instant(changed),
                "numero_orientation": demand.quotes,
            },
            changed,
        )


def _changed(one: Placement) -> datetime:
    last = one.exit or one.entry
    return max(one.proposed, _night(last)) if last else one.proposed + timedelta(minutes=35)


def _night(day: date) -> datetime:
    return datetime.combine(day, time(21, 10, day.day))


def _ends(life: Life, demand: Demand, chance: Chance) -> Iterator[tuple[Tree, datetime]]:
    last = max((one.exit for one in demand.placements if one.exit), default=None)
    if not demand.ended or last is None:
        return
    decided = _night(min(last + timedelta(days=1), LAST_DAY)) + timedelta(minutes=5)
    motive = chance.choice(("RELOG", "CADUC", "AUTRE"))
    yield (
        {
            "id": numbers.demand(life, demand),
            "id_demande": numbers.demand(life, demand),
            "motif": motive,
            "decidee_le": instant(decided),
            "par": {"code": "SIAO", "fonction": "OPE"},
            "relogement": {"type": "RESO", "commune": life.person.town} if motive == "RELOG" else None,
            "commentaire_code": chance.choice((None, "1", "2")),
            "modifie_le": instant(decided),
            "nb_nuits": chance.between(1, 120),
            "derniere_structure": f"ST{chance.between(10, 69)}",
        },
        decided,
    )
