"""A simulated region into which hand-made rows are written: what the tests of the ten rules attack and look at.

Each source's rows are written in its own dialect, by the names of its columns, as one more file (or as rows of its
database), so that they go the way of all others.
"""

import csv
import json
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import orjson
from carried_region import ROOT, written
from pam_messages import message

from passerelle.contracts.house import House, load_house
from passerelle.doors.connections import read_connections
from passerelle.fold.view import CutView
from passerelle.ids import KeyedHasher, resource_id
from passerelle.pipeline.demonstrating import Places, carry
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.running import run_source
from passerelle.pipeline.territory import Territory, run_territory
from passerelle.simulator import serve, simulate
from passerelle.simulator.serving import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH
from passerelle.stores.ledger import cuts, items, links

WRITTEN_ON = "2025-12-30 10:00:00"
CHANGED_ON = "2025-12-31 10:00:00"
PRISON_UNIT_FINESS = "000100040"
PRISON_WORDS = (
    "usmp",
    "prison",
    "écrou",
    "ecrou",
    "unité sanitaire",
    "maison d'arr",
    "détent",
    "detention",
    "custody",
    "pénit",
    "parole",
    "closure-kind",
    "release",
    PRISON_UNIT_FINESS,
    "Z65.",
)


@dataclass(frozen=True)
class Somebody:
    """An invented person. The names say which case it is, so that one found where it must not be says which."""

    number: int
    family: str
    given: str = "Alix"
    born: str = "1985-04-03"
    sex: str = "2"

    @property
    def local(self) -> str:
        """The number of the person at every source."""
        return f"{770000 + self.number}"

    @property
    def ins(self) -> str:
        """A national number with its key."""
        body = f"{self.sex}{self.born[2:4]}{self.born[5:7]}99{self.number:06d}"
        return f"{body}{97 - int(body) % 97:02d}"

    @property
    def phone(self) -> str:
        """A number that rings nowhere."""
        return f"06399{self.number:05d}"


@dataclass
class Sources:
    """The folders of the sources of a territory, and the rows that wait to be written there."""

    folder: Path
    _rows: dict = field(default_factory=lambda: defaultdict(list))
    _messages: list = field(default_factory=list)

    def row(self, source: str, table: str, **values: str) -> None:
        """One row of a delimited table, or of the database of the prison health unit."""
        self._rows[source, table].append(values)

    def message(self, somebody: Somebody, event: str, moment: str, **changed) -> None:
        """One message of the university hospital about somebody. `pid` changes fields of PID."""
        numbers = f"{somebody.local}^^^CHU-VALMORGE&000100016&N^PI"
        if changed.pop("ins", True):
            numbers += f"~{somebody.ins}^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS"
        address = f"7 rue {somebody.family}^^VALMORGE^^00100^FRA^H~^^^^^^BDL^^99351"
        pid = {
            3: numbers,
            5: f"{somebody.family}^{somebody.given}^{somebody.given}^^^^L",
            7: somebody.born.replace("-", ""),
            8: "F" if somebody.sex == "2" else "M",
            11: address,
            13: f"^PRN^CP^^^^^^^^^{somebody.phone}",
            **changed.pop("pid", {}),
        }
        stay = changed.pop("stay", f"88{somebody.local}")
        self._messages.append(message(event, moment, stay=stay, pid=pid, **changed))

    def write(self, name: str) -> None:
        """What waits lies in the sources, in files of this name."""
        for (source, table), rows in self._rows.items():
            if source == "usmp":
                self._into_database(table, rows)
            else:
                self._into_file(source, table, rows, name)
        if self._messages:
            body = "".join(f"{one}\r\r\n" for one in self._messages)
            self._whole(self.folder / "chu" / "adt" / f"adt_{name}.er7", body.replace("\r\r\n", "\r\n").encode())
        self._rows.clear()
        self._messages.clear()

    def _into_file(self, source: str, table: str, rows: list[dict], name: str) -> None:
        folder = self.folder / source / table
        charset, mark = ("latin-1", ";") if source == "csapa" else ("utf-8", ";" if source == "caarud" else ",")
        header = list(_house().sources[source].source.tables[table].columns)
        assert all(one.keys() <= set(header) for one in rows), f"{source} {table} has no such column"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{table}_{name}.csv"
        with path.open("w", encoding=charset, newline="") as out:
            writer = csv.DictWriter(out, header, delimiter=mark, lineterminator="\r\n", restval="")
            writer.writeheader()
            writer.writerows(rows)
        path.with_name(f"{path.name}.ok").touch()

    def _into_database(self, table: str, rows: list[dict]) -> None:
        with sqlite3.connect(self.folder / "usmp" / "usmp.sqlite") as base:
            for row in rows:
                names = ", ".join(row)
                marks = ", ".join("?" * len(row))
                base.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", list(row.values()))
        base.close()

    @staticmethod
    def _whole(path: Path, body: bytes) -> None:
        path.write_bytes(body)
        path.with_name(f"{path.name}.ok").touch()

    # Doors -----------------------------------------------------------------------------------------------------------

    def at_csapa(
        self, somebody: Somebody, *, contacts: tuple[str, ...] = (), episode: dict | None = None, **changed: str
    ) -> None:
        """Somebody has a file, a course of care and attended contacts on these days."""
        moment = _french(WRITTEN_ON)
        written_by = {"supprime": "N", "modifie_le": moment}
        traits = {
            "num_patient": f"P{somebody.local}",
            "nom_naissance": somebody.family,
            "prenom": somebody.given,
            "prenoms_naissance": somebody.given,
            "sexe": somebody.sex,
            "date_naissance": _french(somebody.born),
            "code_insee_naissance": "99351",
            "matricule_ins": somebody.ins,
            "statut_identite": "Q",
            "anonymat": "N",
            "telephone": somebody.phone,
            "adresse": f"7 rue {somebody.family}",
            "code_postal": "00100",
            "commune": f"{somebody.family}ville",
            "cree_le": moment,
        }
        self.row("csapa", "patients", **(traits | written_by | changed))
        course = {"num_pec": f"E{somebody.local}", "num_patient": f"P{somebody.local}"}
        self.row(
            "csapa",
            "episodes",
            **course,
            date_situation="02/03/2025",
            date_debut="01/03/2025",
            **written_by,
            **(episode or {}),
        )
        for day in contacts:
            self.contact(somebody, day)

    def contact(self, somebody: Somebody, day: str, *, supprime: str = "N", at: str = WRITTEN_ON) -> None:
        """An attended contact at the centre."""
        begun = f"{_french(day)} 14:00:00"
        self.row(
            "csapa",
            "contacts",
            num_acte=contact_key(somebody, day),
            num_patient=f"P{somebody.local}",
            num_pec=f"E{somebody.local}",
            site="01",
            type_acte="IDE",
            modalite="P",
            statut="H",
            date_prevue=begun,
            debut=begun,
            fin=f"{_french(day)} 14:30:00",
            duree_min="30",
            supprime=supprime,
            modifie_le=_french(at),
        )

    def stayed(self, somebody: Somebody, first: str, last: str, **changed) -> None:
        """A stay at the university hospital, from its admission to its discharge."""
        start, end = (f"{day.replace('-', '')}110000" for day in (first, last))
        self.message(somebody, "A01", start, movement=f"{somebody.local}1", **changed)
        self.message(somebody, "A03", end, movement=f"{somebody.local}2", **changed)

    def agreed(self, source: str, somebody: Somebody, number: str = "1", **changed: str) -> None:
        """Somebody agreed to everything that need not be named, for everybody; or to what is changed."""
        said = {
            "nature": "P",
            "destinataire": "TOUS",
            "finalite": "TOUT",
            "donnees_1": "TOUT",
            "recueilli_le": "2025-03-01",
            "mode_recueil": "E",
            "debut": "2025-03-01",
        }
        self._told(source, "consentements", "num_consentement", f"K{somebody.local}{number}", somebody, said | changed)

    def opposed(self, source: str, somebody: Somebody, number: str = "1", **changed: str) -> None:
        """Somebody opposed everything, towards everybody; or what is changed."""
        said = {"contre": "TOUS", "finalite": "TOUT", "exprimee_le": "2025-04-01", "mode_recueil": "E"}
        self._told(source, "oppositions", "num_opposition", f"Q{somebody.local}{number}", somebody, said | changed)

    def _told(self, source: str, table: str, key: str, number: str, somebody: Somebody, said: dict) -> None:
        at = said.pop("at", WRITTEN_ON)
        if source == "csapa":
            days = {"recueilli_le", "debut", "fin", "retire_le", "exprimee_le", "levee_le"}
            said = {name: _french(value) if name in days else value for name, value in said.items()}
            extra = {key: number, "num_patient": f"P{somebody.local}", "supprime": "N", "modifie_le": _french(at)}
        elif source == "usmp":
            extra = {f"id_{key.removeprefix('num_')}": number[1:], "id_patient": somebody.local, "maj": at}
        else:
            extra = {key: number, "ipp": somebody.local, "modifie_le": at}
        self.row(source, table, **said, **extra)

    def in_custody(self, somebody: Somebody, first: str, last: str | None, **changed: str) -> None:
        """Somebody is known to the prison health unit, and followed there until that day."""
        self.row(
            "usmp",
            "patients",
            id_patient=somebody.local,
            nom_naissance=somebody.family,
            prenom=somebody.given,
            sexe="F" if somebody.sex == "2" else "H",
            ddn=somebody.born,
            lieu_naissance_insee="99351",
            ins=somebody.ins,
            ins_statut="QUAL",
            anonymat="0",
            num_ecrou=f"ECR{somebody.local}",
            quartier="CD",
            telephone=somebody.phone,
            maj=WRITTEN_ON,
        )
        closed = {"fin": f"{last} 10:00:00", "statut": "CL", "motif_cloture": "SOR"} if last else {"statut": "EC"}
        self.row(
            "usmp",
            "suivis",
            id_suivi=somebody.local,
            id_patient=somebody.local,
            debut=f"{first} 10:00:00",
            equipe="US",
            maj=WRITTEN_ON,
            **(closed | changed),
        )


@cache
def _house() -> House:
    return load_house(ROOT)


def contact_key(somebody: Somebody, day: str) -> str:
    """The number of a contact of somebody on that day."""
    return f"9{somebody.local}{day[5:7]}{day[8:]}"


def _french(day: str) -> str:
    year, month, rest = day.split("-")
    return f"{rest[:2]}/{month}/{year}{rest[2:]}"


class Attacked:
    """A region that was carried, with what came of it; it can be carried again after more was written."""

    def __init__(self, root: Path, *, persons: int, seed: int) -> None:
        self.places = Places(root)
        self.places.clear()
        simulate(persons, seed, self.places.territory)
        self.sources = Sources(self.places.territory / "sources")
        self.told: Territory

    def carry(self, name: str) -> None:
        """What was written is landed at every door, linked, delivered and reported."""
        self.sources.write(name)
        with serve(self.places.territory) as server:
            self.places.write_keys()
            self.places.write_connections(server.url, (CLIENT_ID, CLIENT_SECRET), TOKEN_PATH)
            self.instance = Instance.open(self.places.settings(ROOT))
            self.told = carry(self.instance, self.places, lambda *_: None)

    def land(self, name: str, *sources: str) -> None:
        """What was written is published, and not yet linked or delivered."""
        self.sources.write(name)
        connections = read_connections(self.places.connections)
        for source in sources:
            run_source(self.instance, source, connections)

    def carry_again(self, name: str, *sources: str) -> None:
        """What was written since is landed at these doors, linked, delivered and reported."""
        self.land(name, *sources)
        self.told = run_territory(self.instance, self.places.export, page=self.places.page)

    # What came of it -------------------------------------------------------------------------------------------------

    def id_of(self, source: str, label: str, *key: str) -> str:
        """The id of a resource of a source, from the source's own key."""
        folder = self.instance.folder(source)
        id_key = self.instance.stores.keys.id_key(source, folder.source.legal.anonymous)
        return resource_id(KeyedHasher(id_key, (source, label)).of(key))

    def patient(self, source: str, somebody: Somebody) -> str:
        """The id of somebody's Patient at a source."""
        return self.id_of(source, "patient", f"P{somebody.local}" if source == "csapa" else somebody.local)

    def stay(self, somebody: Somebody) -> str:
        """The id of somebody's stay."""
        return self.id_of("chu", "stay", f"88{somebody.local}")

    def standing(self, *types: str) -> dict[str, dict]:
        """Every resource of the types that stands in the last cut, whole, by id; what link says included."""
        instance = self.instance
        with instance.stores.ledger.read() as tx:
            cut = cuts.by_name(tx, self.told.cut)
        sources, also = sorted(instance.house.sources), [self.told.linked.batch_id]
        with CutView(instance.stores, cut, sources, instance.splitter.join, also=also) as view:
            return {one.tree["id"]: one.tree for one in view.wholes(types)}

    def links(self, kind: str, state: str = "active") -> set[frozenset[str]]:
        """The pairs that are linked, by the ids of the resources."""
        with self.instance.stores.ledger.read() as tx:
            found = links.found(tx, kind, states=[state])
        return {frozenset(map(_id, (one.left, one.right))) for one in found}

    def pair(self, one: tuple[str, Somebody], other: tuple[str, Somebody]) -> frozenset[str]:
        """Two Patients, as links hold them."""
        return frozenset((self.patient(*one), self.patient(*other)))

    def outcomes(self, event: str, kind: str = "csapa-contact") -> dict[str, str]:
        """By window: what link says of the follow-up after the event; why, where it cannot be seen."""
        found = {}
        for task in self.standing("Task").values():
            codes = [one["code"] for one in task.get("code", {}).get("coding", ())]
            about = task.get("reasonReference", {}).get("reference", "").rpartition("/")[2]
            if about == event and codes[:1] == [kind]:
                said = task["businessStatus"]["coding"][0]["code"]
                found[codes[1]] = task["statusReason"]["coding"][0]["code"] if said == "not-observable" else said
        return found

    def exported(self) -> dict[str, dict]:
        """Every resource that left, by id."""
        lines = [
            line
            for path in sorted((self.places.export / "export").glob("*.ndjson"))
            for line in path.read_text("utf-8").splitlines()
        ]
        return {one["id"]: one for one in map(orjson.loads, lines)}

    def hospital_rows(self, hospital: str = "chu") -> list[dict[str, str]]:
        """The rows of a hospital's own list."""
        with (self.places.export / "hospitals" / f"{hospital}.csv").open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))

    def told_to_hospital(self, somebody: Somebody) -> set[str]:
        """What the hospital reads of somebody's follow-up at the centre."""
        return {
            row["outcome"]
            for row in self.hospital_rows()
            if row["patient"] == somebody.local and row["follow_up"] == "csapa-contact"
        }

    def stopped(self, source: str) -> list[items.Item]:
        """What of the source did not pass."""
        with self.instance.stores.ledger.read() as tx:
            return items.found(tx, source=source)


def _id(raw: bytes) -> str:
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def text_of(tree: object) -> str:
    """A resource as text."""
    return json.dumps(tree, ensure_ascii=False)


__all__ = ["CHANGED_ON", "PRISON_WORDS", "Attacked", "Somebody", "Sources", "contact_key", "text_of", "written"]
