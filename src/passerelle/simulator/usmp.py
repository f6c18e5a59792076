"""The prison health unit's database: SQLite, as it stands at the end of the year and as it stood in September."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from passerelle.simulator import numbers
from passerelle.simulator.chance import Chance, Weighted
from passerelle.simulator.csapa import OPIOIDS
from passerelle.simulator.files import Dirt, Manifest, described
from passerelle.simulator.lives import DEATH, PROVISIONAL, QUALIFIED, RELEASE, TRANSFER, Custody, Identity, Life
from passerelle.simulator.region import LAST_DAY, rpps
from passerelle.simulator.rows import Row, Written

EARLIER = datetime(2025, 9, 30, 12)  # noqa: DTZ001 - local time of the source
REVIEW = datetime(2025, 9, 30, 11, 30)  # noqa: DTZ001 - local time of the source

COLUMNS = {
    "patients": (
        "id_patient nom_naissance nom_usage prenom prenoms_naissance sexe ddn lieu_naissance_insee ins ins_statut"
        " anonymat num_ecrou quartier telephone langue date_arrivee date_deces maj"
    ),
    "suivis": (
        "id_suivi id_patient debut fin statut motif_cloture equipe referent_rpps diagnostic produit_principal"
        " produit_second injection tso_entree risque_surdose rdv_sortie_prevu maj"
    ),
    "traitements": (
        "id_traitement id_suivi ordre molecule forme dose_mg frequence debut fin prescripteur_rpps lieu_delivrance"
        " relais_sortie motif_arret jours_remis maj"
    ),
    "liberations": (
        "id_liberation id_suivi id_patient nature etat date_prevue date_effective heure_connue ordonnance_sortie"
        " jours_tso_remis naloxone rdv_csapa_le destination accompagnement maj"
    ),
    "orientations": (
        "id_orientation id_suivi id_patient id_liberation numero_orientation emise_le nature motif urgence vers"
        " consentement consenti_le mode_recueil retire_le valable_jusqu redacteur_rpps redacteur_fonction statut maj"
    ),
    "consentements": (
        "id_consentement id_patient nature destinataire finalite donnees_1 donnees_2 donnees_3 recueilli_le"
        " mode_recueil recueilli_par_rpps recueilli_par_fonction information_remise debut fin retire_le maj"
    ),
    "oppositions": (
        "id_opposition id_patient contre finalite exprimee_le mode_recueil recue_par_rpps recue_par_fonction motif"
        " levee_le transmise_dpo accuse_envoye_le origine commentaire_code maj"
    ),
}
_WHOLE = frozenset({"anonymat", "ordre", "heure_connue", "ordonnance_sortie", "jours_tso_remis", "jours_remis"}) | {
    "relais_sortie",
    "accompagnement",
    "consentement",
    "risque_surdose",
}
_RELEASES = Weighted([("FP", 55), ("LC", 17), ("ML", 15), ("FM", 4), ("AC", 5), ("SM", 4)])
_NO_RELEASES = ("SL", "PX", "BR", "PS", "EX", "TR")
_PRODUCTS = Weighted([("HER", 25), ("COC", 15), ("CRA", 17), ("BUP", 8), ("CAN", 18), ("ALC", 12), ("BZD", 5)])
_DIAGNOSES = {"HER": "F112", "BUP": "F112", "COC": "F142", "CRA": "F142", "CAN": "F122", "ALC": "F102", "BZD": "F132"}
_MOLECULES = (("METH_S", "SIR"), ("METH_G", "GEL"), ("BHD", "CPR"), ("BHD_N", "CPR"), ("BHD_LP", "INJ"))
_TREATED = {"METH_S": "1", "METH_G": "1", "BHD": "2", "BHD_N": "3", "BHD_LP": "2"}


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a row, and when it could be seen by others."""

    table: str
    row: Row
    visible: datetime


class Usmp:
    """Writes the lives of its patients into two states of one database."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed = seed
        folder.mkdir(parents=True)
        self._now = _database(folder / "usmp.sqlite")
        self._before = _database(folder / "usmp_avant.sqlite")

    def write(self, life: Life) -> None:
        """The last version of every row of this patient is in the database, and the earlier one in the earlier."""
        identity = life.usmp_identity
        if identity is None:
            return
        chance = Chance(self._seed, "usmp", life.person.index)
        for version in _versions(life, identity, chance):
            self.put(version)

    def put(self, version: Version) -> None:
        """The row is in every state of the database that could see it."""
        names = list(version.row)
        said = ", ".join("?" * len(names))
        sql = f"INSERT OR REPLACE INTO {version.table} ({', '.join(names)}) VALUES ({said})"  # noqa: S608 - our names
        values = [_stored(value) for value in version.row.values()]
        self._now.execute(sql, values)
        if version.visible <= EARLIER:
            self._before.execute(sql, values)

    def add(self, table: str, row: Row) -> None:
        """The row is in the database, in the later state alone."""
        self.put(Version(table, row, EARLIER + timedelta(days=1)))

    def dirty(self, manifest: Manifest, table: str, row: Row, dirt: Dirt) -> None:
        """The dirty row is in the database and on the manifest."""
        self.add(table, row)
        manifest.note(described(dirt, "usmp", table, str(next(iter(row.values())))), None, None)

    def finish(self, manifest: Manifest) -> None:
        """Both databases are on disk and counted."""
        for table in COLUMNS:
            (count,) = self._now.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - our names
            manifest.count("usmp", table, count)
        for database in (self._now, self._before):
            database.commit()
            database.close()


def _database(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA page_size=4096;")
    for table, columns in COLUMNS.items():
        names = columns.split()
        typed = [f"{names[0]} INTEGER PRIMARY KEY", *(f"{name} {_type(name)}" for name in names[1:])]
        database.execute(f"CREATE TABLE {table} ({', '.join(typed)})")
        database.execute(f"CREATE INDEX {table}_maj ON {table} (maj, {names[0]})")
    database.execute("BEGIN")
    return database


def _type(name: str) -> str:
    if name.startswith("id_") or name in _WHOLE:
        return "INTEGER"
    return "REAL" if name == "dose_mg" else "TEXT"


def _stored(value: object) -> object:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return value.isoformat() if isinstance(value, date) else value


def _versions(life: Life, identity: Identity, chance: Chance) -> Iterator[Version]:
    for row in _patient_rows(life, identity):
        yield _seen("patients", row)
    for custody in life.custodies:
        yield from _custody_versions(life, custody, chance)
    written = Written(life, "usmp", chance)
    for row in written.orientations():
        yield _seen("orientations", _orientation(life, row))
    for row in written.consents("id_patient"):
        yield _seen("consentements", _renamed(row, "num_consentement", "id_consentement"))
    for row in written.oppositions("id_patient"):
        yield _seen("oppositions", _renamed(row, "num_opposition", "id_opposition"))


def _seen(table: str, row: Row) -> Version:
    changed = row["maj"]
    if not isinstance(changed, datetime):
        raise TypeError("the cursor is a moment until the row is written")
    row["maj"] = changed.replace(second=0)
    return Version(table, row, changed)


def _renamed(row: Row, letter_and_number: str, key: str) -> Row:
    """The shared row under this database's names: its key is the number alone."""
    kept = {name: value for name, value in row.items() if name not in {"modifie_le", letter_and_number}}
    return {
        key: int(str(row[letter_and_number])[1:]),
        **kept,
        "id_patient": int(str(row["id_patient"])),
        "maj": datetime.fromisoformat(str(row["modifie_le"])),
    }


def _patient_rows(life: Life, identity: Identity) -> Iterator[Row]:
    person = life.person
    arrived = life.custodies[0].start
    changes = {arrived.date(): arrived + timedelta(hours=1)}
    if identity.qualified_on > arrived.date():
        changes[identity.qualified_on] = datetime.combine(identity.qualified_on, time(19, 30))
    if life.death:
        told = min(life.death.date() + timedelta(days=1), LAST_DAY)
        changes[told] = datetime.combine(told, time(21))
    for day, changed in sorted(changes.items()):
        status = identity.status
        if status == QUALIFIED and day < identity.qualified_on:
            status = PROVISIONAL
        yield {
            "id_patient": int(numbers.patient(life, "usmp")),
            "nom_naissance": person.birth_name.upper(),
            "nom_usage": person.used_name.upper() or None,
            "prenom": person.given_names[0],
            "prenoms_naissance": " ".join(person.given_names),
            "sexe": {"M": "H", "F": "F"}.get(person.sex, "I"),
            "ddn": person.born,
            "lieu_naissance_insee": identity.birth_place or None,
            "ins": person.ins if status == QUALIFIED else None,
            "ins_statut": {"Q": "QUAL", "V": "VALI", "R": "RECUP"}.get(status, "PROV"),
            "anonymat": 0,
            "num_ecrou": f"{25_000 + person.index % 70_000}",
            "quartier": "MAF" if person.sex == "F" else ("MAH", "CD", "SL", "ARR")[person.index % 4],
            "telephone": person.phone or None,
            "langue": person.language,
            "date_arrivee": arrived.date(),
            "date_deces": life.death.date() if life.death and changed.hour == 21 else None,
            "maj": changed,
        }


def _custody_versions(life: Life, custody: Custody, chance: Chance) -> Iterator[Version]:
    number = numbers.custody(life, custody)
    product = chance.one(_PRODUCTS)
    molecule, form = chance.choice(_MOLECULES)
    treated = product in OPIOIDS and chance.often(0.75)
    followed: Row = {
        "id_suivi": number,
        "id_patient": int(numbers.patient(life, "usmp")),
        "debut": custody.start,
        "fin": None,
        "statut": "EC",
        "motif_cloture": None,
        "equipe": chance.choice(("US", "US", "SMPR")),
        "referent_rpps": rpps(600 + number % 11),
        "diagnostic": _DIAGNOSES[product],
        "produit_principal": product,
        "produit_second": chance.choice((None, "CAN", "TAB", "BZD")),
        "injection": chance.choice("0001239"),
        "tso_entree": _TREATED[molecule] if treated else "0",
        "risque_surdose": 1 if product in OPIOIDS else 0,
        "rdv_sortie_prevu": None,
    }
    yield _seen("suivis", {**followed, "maj": custody.start + timedelta(hours=2)})
    if custody.start < REVIEW and (custody.end is None or custody.end > REVIEW):
        late = chance.often(0.2)
        row = {**followed, "rdv_sortie_prevu": date(2025, 12, 1), "maj": REVIEW}
        yield Version("suivis", row, REVIEW + timedelta(minutes=45 if late else 0))
        followed["rdv_sortie_prevu"] = date(2025, 12, 1)
    if custody.end:
        closed = {
            **followed,
            "fin": None if custody.time_unknown else custody.end,
            "statut": "CL",
            "motif_cloture": custody.reason,
            "maj": custody.end + timedelta(hours=1),
        }
        yield _seen("suivis", closed)
    if treated:
        yield from _treatments(custody, number, molecule, form, chance)
    yield from _releases(life, custody, number, treated, chance)


def _treatments(custody: Custody, number: int, molecule: str, form: str, chance: Chance) -> Iterator[Version]:
    begun = custody.start.date() + timedelta(days=1)
    for place in range(1, chance.choice((1, 1, 2)) + 1):
        row: Row = {
            "id_traitement": number * 4 + place,
            "id_suivi": number,
            "ordre": place,
            "molecule": molecule,
            "forme": form,
            "dose_mg": chance.choice((4.0, 8.0, 12.5, 16.0, 40.0, 60.0, 80.0)),
            "frequence": "M" if form == "INJ" else "J",
            "debut": begun + timedelta(days=20 * (place - 1)),
            "fin": None,
            "prescripteur_rpps": rpps(600 + number % 11),
            "lieu_delivrance": chance.choice(("US", "CELL")),
            "relais_sortie": 0,
            "motif_arret": None,
            "jours_remis": None,
        }
        changed = datetime.combine(begun + timedelta(days=20 * (place - 1)), time(15, 20))
        if changed.date() <= LAST_DAY:
            yield _seen("traitements", {**row, "maj": changed})
        if custody.end and changed < custody.end:
            out = custody.reason == RELEASE
            ended = {
                **row,
                "fin": custody.end.date(),
                "relais_sortie": int(out),
                "motif_arret": "SOR" if out else "CHG",
                "jours_remis": chance.choice((0, 3, 7, 7, 14)) if out else None,
                "maj": custody.end + timedelta(hours=1, minutes=5),
            }
            yield _seen("traitements", ended)


def _releases(life: Life, custody: Custody, number: int, treated: bool, chance: Chance) -> Iterator[Version]:  # noqa: FBT001
    row: Row = {
        "id_liberation": number * 4,
        "id_suivi": number,
        "id_patient": int(numbers.patient(life, "usmp")),
        "nature": chance.one(_RELEASES),
        "etat": "P",
        "date_prevue": (custody.end or datetime.combine(LAST_DAY, time())).date()
        + timedelta(days=chance.between(0, 20)),
        "date_effective": None,
        "heure_connue": 0,
        "ordonnance_sortie": 0,
        "jours_tso_remis": None,
        "naloxone": None,
        "rdv_csapa_le": None,
        "destination": None,
        "accompagnement": 0,
    }
    planned = custody.start + timedelta(days=10, hours=1)
    if planned.date() <= LAST_DAY and (custody.end is None or planned < custody.end) and chance.often(0.7):
        yield _seen("liberations", {**row, "maj": planned})
    if chance.often(0.3):
        outing = custody.start + timedelta(days=8)
        if outing.date() <= LAST_DAY and (custody.end is None or outing < custody.end):
            away = {**row, "id_liberation": number * 4 + 1, "nature": chance.choice(_NO_RELEASES), "etat": "E"}
            yield _seen(
                "liberations", {**away, "date_effective": outing, "heure_connue": 1, "maj": outing + timedelta(hours=1)}
            )
    if custody.end is None or custody.reason == DEATH:
        return
    if custody.reason == RELEASE:
        row |= {
            "etat": "E",
            "date_effective": None if custody.time_unknown else custody.end,
            "heure_connue": 0 if custody.time_unknown else 1,
            "ordonnance_sortie": int(treated),
            "jours_tso_remis": chance.choice((3, 7, 7, 14)) if treated else None,
            "naloxone": chance.choice("RRFN"),
            "rdv_csapa_le": custody.end.date() + timedelta(days=chance.between(1, 14)) if chance.often(0.5) else None,
            "destination": chance.choice(("DOM", "DOM", "HEB", "RUE", "CTR", "INC")),
            "accompagnement": chance.choice((0, 0, 1)),
        }
    elif custody.reason == TRANSFER:
        row |= {"nature": "TR", "etat": "E", "date_effective": custody.end, "heure_connue": 1}
    else:
        row |= {"etat": "A"}
    yield _seen("liberations", {**row, "maj": custody.end + timedelta(hours=1, minutes=10)})


def _orientation(life: Life, row: Row) -> Row:
    number = int(str(row["num_venue"]))
    return {
        "id_orientation": number,
        "id_suivi": number,
        "id_patient": int(numbers.patient(life, "usmp")),
        "id_liberation": number * 4,
        "numero_orientation": row["num_orientation"],
        "emise_le": row["date_orientation"],
        "nature": row["nature"],
        "motif": row["motif"],
        "urgence": row["urgence"],
        "vers": row["vers"],
        "consentement": 1 if row["consentement"] == "O" else 0,
        "consenti_le": row["consenti_le"],
        "mode_recueil": row["mode_recueil"],
        "retire_le": row["retire_le"],
        "valable_jusqu": row["valable_jusqu_au"],
        "redacteur_rpps": row["redacteur_rpps"],
        "redacteur_fonction": row["redacteur_fonction"],
        "statut": row["statut"],
        "maj": datetime.fromisoformat(str(row["modifie_le"])),
    }
