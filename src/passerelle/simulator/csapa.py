"""The CSAPA's extract: Latin-1, semicolons, decimal commas, French dates, one delivery at each month's end."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from passerelle.simulator import numbers
from passerelle.simulator.chance import Chance, Weighted
from passerelle.simulator.files import Dialect, Dirt, Manifest, Table, table_of
from passerelle.simulator.lives import (
    ANONYMOUS,
    ATTENDED,
    BOOKED,
    PROVISIONAL,
    QUALIFIED,
    Identity,
    Life,
    Visit,
)
from passerelle.simulator.region import CSAPA_SINCE, LAST_DAY, rpps
from passerelle.simulator.rows import CONSENT_COLUMNS, OPPOSITION_COLUMNS, Row, Written
from passerelle.simulator.who import Person

DIALECT = Dialect(";", "latin-1", "\r\n")
COLUMNS = {
    "patients": (
        "num_patient nom_naissance nom_usage prenom prenoms_naissance sexe date_naissance code_insee_naissance"
        " matricule_ins statut_identite anonymat telephone adresse code_postal commune situation_familiale langue"
        " medecin_traitant_rpps date_deces cree_le supprime modifie_le"
    ),
    "episodes": (
        "num_pec num_patient date_situation date_debut date_fin motif_fin site nb_enfants nb_enfants_charge csp"
        " logement entourage ressources situation_pro couverture_sociale niveau_etude origine_demande deja_suivi"
        " annee_premiere_pec tso_en_cours annee_premier_tso"
        + "".join(f" produit_{n} voie_{n} frequence_{n} age_debut_{n} usage_{n}" for n in (1, 2, 3, 4))
        + " verres_semaine ivresses_mois cigarettes_jour joints_jour injection partage_seringues vih vih_date vhc"
        " vhc_date vaccin_vhb hospit_psy tentatives_suicide incarceration referent_rpps jeton_orientation"
        " jeton_remis_le jeton_consentement supprime modifie_le"
    ),
    "produits": (
        "num_pec rang code_produit voie frequence age_debut usage quantite unite derniere_prise mode_obtention risque"
        " priorite supprime modifie_le"
    ),
    "contacts": (
        "num_acte num_patient num_pec site type_acte modalite statut date_prevue debut fin professionnel_rpps fonction"
        " motif duree_min accompagnant pris_par supprime modifie_le"
    ),
    "consentements": CONSENT_COLUMNS.replace(" ipp ", " num_patient ").replace(
        " modifie_le", " volontaire supprime modifie_le"
    ),
    "oppositions": OPPOSITION_COLUMNS.replace(" ipp ", " num_patient ").replace(" modifie_le", " supprime modifie_le"),
    "equipes": (
        "num_equipe num_patient libelle fondement debut fin cree_par_rpps cree_par_fonction lieu_reunion rythme"
        " information_patient information_le statut nb_membres supprime modifie_le"
    ),
    "membres": (
        "num_equipe rang structure rpps nom prenom fonction depuis jusque referent canal identifie role supprime"
        " modifie_le"
    ),
}
_PRODUCTS = Weighted(
    [
        ("HER", 16),
        ("MET", 2),
        ("BUP", 4),
        ("OPI", 4),
        ("FEN", 0.5),
        ("COC", 13),
        ("CRA", 16),
        ("AMP", 2),
        ("MDM", 2),
        ("CAT", 2),
        ("BZD", 4),
        ("HYP", 2),
        ("GHB", 1),
        ("KET", 2),
        ("LSD", 1),
        ("VOL", 0.5),
        ("CAN", 15),
        ("CSY", 1),
        ("ALC", 14),
        ("TAB", 2),
        ("JEU", 1),
        ("AUT", 1),
        ("NSP", 1),
    ]
)
OPIOIDS = frozenset({"HER", "MET", "BUP", "OPI", "FEN"})
_INJECTABLE = OPIOIDS | {"COC", "CRA", "AMP", "CAT", "KET"}
_SMOKED = frozenset({"CRA", "CAN", "CSY", "TAB", "HER"})
_NO_SUBSTANCE = frozenset({"JEU", "ECR"})
_UNITS = {"ALC": "V", "CAN": "J", "CSY": "J", "TAB": "C", "BZD": "M", "MET": "M", "BUP": "M"}
_HOUSING = {"stable": ("1", "2", "5"), "unstable": ("3", "4", "5"), "street": ("7",)}
_ORIGINS = Weighted(
    [
        ("01", 34),
        ("02", 12),
        ("03", 9),
        ("04", 8),
        ("05", 10),
        ("06", 8),
        ("07", 7),
        ("08", 2),
        ("09", 4),
        ("10", 1),
        ("11", 4),
        ("12", 1),
    ]
)
_ENDS = Weighted([("TER", 40), ("ABA", 35), ("REL", 12), ("DEM", 8), ("EXC", 1), ("INC", 4)])
_ACTS = Weighted([("ACC", 14), ("MED", 26), ("IDE", 20), ("PSY", 12), ("SOC", 13), ("GRP", 3), ("DEL", 9), ("RDR", 3)])
_STAFF = {"MED": "MED", "PSY": "PSY", "IDE": "IDE", "SOC": "ASS", "DEL": "PHA"}
_WAYS = Weighted([("P", 88), ("T", 7), ("V", 3), ("D", 2)])
_SITES = Weighted([("01", 62), ("02", 25), ("03", 13)])


def day_text(day: date) -> str:
    """DD/MM/YYYY."""
    return day.strftime("%d/%m/%Y")


def moment_text(moment: datetime) -> str:
    """DD/MM/YYYY HH:MM:SS."""
    return moment.strftime("%d/%m/%Y %H:%M:%S")


def delivery_of(changed: datetime) -> str:
    """The month's end at which a change is delivered. The first delivery holds all that came before."""
    day = max(changed.date(), CSAPA_SINCE)
    return f"{day.year}{day.month:02d}{monthrange(day.year, day.month)[1]:02d}"


def next_delivery(delivery: str) -> str | None:
    """The delivery after this one, if there is one."""
    after = datetime.strptime(delivery, "%Y%m%d") + timedelta(days=1)  # noqa: DTZ007 - a day, not an instant
    return delivery_of(after) if after.date() <= LAST_DAY else None


@dataclass(frozen=True, slots=True)
class _Uses:
    product: str
    route: str
    frequency: str
    since_age: int
    kind: str


class Csapa:
    """Writes the lives of its patients as the addiction centre's software would."""

    def __init__(self, seed: int, work: Path, folder: Path, *, dirt: float) -> None:
        self._seed = seed
        self._again = dirt / 2
        self.tables: dict[str, Table] = {
            name: table_of(work, folder, source="csapa", name=name, columns=columns, dialect=DIALECT)
            for name, columns in COLUMNS.items()
        }

    def write(self, life: Life) -> None:
        """Every version of every row of this patient waits in its delivery."""
        identity = life.csapa_identity
        if identity is None or life.registered is None:
            return
        chance = Chance(self._seed, "csapa", life.person.index)
        for row in _patient_versions(life, identity, life.registered, chance):
            self.put("patients", row, chance)
        self._episode(life, life.registered, chance)
        for visit in life.visits:
            for row in _visit_versions(life, visit, chance):
                self.put("contacts", row, chance)
        written = Written(life, "csapa", chance)
        for row in written.consents("num_patient"):
            self.put("consentements", _frenched({**row, "volontaire": "O", "supprime": "N"}), chance)
        for row in written.oppositions("num_patient"):
            self.put("oppositions", _frenched({**row, "supprime": "N"}), chance)
        self._teams(life, chance)

    def put(self, table: str, row: Row, chance: Chance | None = None, *, dirt: Dirt | None = None) -> None:
        """The row waits in its delivery, and now and then once more in the next one."""
        changed = row["modifie_le"]
        if not isinstance(changed, datetime):
            raise TypeError("the cursor is a moment until the row is written")
        text = {**row, "modifie_le": moment_text(changed)}
        delivery = delivery_of(changed)
        order = f"{changed.isoformat()}{row.get('num_acte') or next(iter(row.values()))}{row.get('rang', '')}"
        self.tables[table].put(delivery, order, text, dirt=dirt)
        again = next_delivery(delivery)
        if chance is not None and again and chance.often(self._again):
            self.tables[table].put(again, order, text, dirt=DELIVERED_TWICE)

    def finish(self, manifest: Manifest) -> None:
        """All deliveries are written."""
        for table in self.tables.values():
            table.files.write(manifest)

    def _episode(self, life: Life, registered: datetime, chance: Chance) -> None:
        uses = _uses(life.person, chance)
        for row in _episode_versions(life, registered, uses, chance):
            self.put("episodes", row, chance)
        for place, use in enumerate(_all_uses(life.person, uses, chance), start=1):
            self.put("produits", _product_row(life, registered, place, use, chance), chance)

    def _teams(self, life: Life, chance: Chance) -> None:
        for place, team in enumerate(life.shared.teams):
            number = numbers.right(life, "csapa", "T", place)
            created = _evening(team.start or (life.registered or datetime.combine(LAST_DAY, time(9))).date())
            versions = [(created, False)] + ([(_evening(team.end), True)] if team.end else [])
            for changed, closed in versions:
                self.put(
                    "equipes",
                    {
                        "num_equipe": number,
                        "num_patient": numbers.patient(life, "csapa"),
                        "libelle": "Équipe de parcours",
                        "fondement": team.basis,
                        "debut": day_text(team.start) if team.start else None,
                        "fin": day_text(team.end) if closed and team.end else None,
                        "cree_par_rpps": rpps(300 + life.person.index % 17),
                        "cree_par_fonction": "ASS",
                        "lieu_reunion": chance.choice("CVH"),
                        "rythme": chance.choice("HMT"),
                        "information_patient": "O",
                        "information_le": day_text(created.date()),
                        "statut": "F" if closed else "A",
                        "nb_membres": len(team.members),
                        "supprime": "N",
                        "modifie_le": changed,
                    },
                    chance,
                )
                for rank, member in enumerate(team.members, start=1):
                    staff = 400 + (life.person.index * 3 + rank) % 53
                    self.put(
                        "membres",
                        {
                            "num_equipe": number,
                            "rang": rank,
                            "structure": member,
                            "rpps": rpps(staff),
                            "nom": f"Soignant{staff}",
                            "prenom": "Camille",
                            "fonction": chance.choice(("MED", "IDE", "ASS", "EDU")),
                            "depuis": day_text(team.start) if team.start else None,
                            "jusque": day_text(team.end) if closed and team.end else None,
                            "referent": "O" if rank == 1 else "N",
                            "canal": chance.choice(("MSS", "TEL")),
                            "identifie": "O",
                            "role": "COO" if rank == 1 else "MED",
                            "supprime": "N",
                            "modifie_le": changed,
                        },
                        chance,
                    )


DELIVERED_TWICE = Dirt("duplicate-delivery", "land", "duplicate", "same-bytes")


def _evening(day: date) -> datetime:
    return datetime.combine(day, time(19, day.day, 7))


def _frenched(row: Row) -> Row:
    """Days in French; the cursor as a moment, read back from the text that all sources share."""
    texts: Row = {name: day_text(value) if isinstance(value, date) else value for name, value in row.items()}
    return {**texts, "modifie_le": datetime.fromisoformat(str(row["modifie_le"]))}


def _patient_versions(life: Life, identity: Identity, registered: datetime, chance: Chance) -> Iterator[Row]:
    person = life.person
    anonymous = identity.status == ANONYMOUS
    changes = {registered.date(): registered + timedelta(minutes=20)}
    if identity.qualified_on > registered.date():
        changes[identity.qualified_on] = _evening(identity.qualified_on)
    moved = registered.date() + timedelta(days=60)
    if identity.moved and moved <= LAST_DAY and not life.death:
        changes.setdefault(moved, _evening(moved))
    if life.death:
        told = min(life.death.date() + timedelta(days=3), LAST_DAY)
        changes[told] = datetime.combine(told, time(20, 30))
    marital, language = chance.choice("CCCCMPUSDVN"), person.language
    doctor = rpps(500 + person.index % 61) if chance.often(0.5) else None
    for day, changed in sorted(changes.items()):
        status = identity.status
        if status == QUALIFIED and day < identity.qualified_on:
            status = PROVISIONAL
        has_moved = identity.moved and day >= moved and person.kind == "person"
        street = f"{1 + person.index % 80} chemin Neuf" if has_moved else person.street
        homeless = person.housing == "street"
        row: Row = {
            "num_patient": numbers.patient(life, "csapa"),
            "sexe": {"M": "1", "F": "2"}.get(person.sex, "9"),
            "statut_identite": status,
            "anonymat": "O" if anonymous else "N",
            "langue": language,
            "cree_le": moment_text(registered),
            "supprime": "N",
            "modifie_le": changed,
        }
        if not anonymous:
            dead = life.death is not None and day > life.death.date()
            row |= {
                "nom_naissance": person.birth_name,
                "nom_usage": person.used_name,
                "prenom": identity.given_name,
                "prenoms_naissance": " ".join((identity.given_name, *person.given_names[1:])),
                "date_naissance": day_text(identity.born),
                "code_insee_naissance": identity.birth_place,
                "matricule_ins": person.ins if status == QUALIFIED else None,
                "telephone": person.phone,
                "adresse": None if homeless else street,
                "code_postal": None if homeless else person.postcode,
                "commune": None if homeless else person.town.title(),
                "situation_familiale": marital,
                "medecin_traitant_rpps": doctor,
                "date_deces": day_text(life.death.date()) if life.death and (dead or changed.hour >= 20) else None,
            }
        yield row


def _uses(person: Person, chance: Chance) -> list[_Uses]:
    """What the person came for: the first product is the one that causes the most problems."""
    products = list(dict.fromkeys(chance.one(_PRODUCTS) for _ in range(chance.between(1, 5))))[:4]
    return [_use(person, product, chance) for product in products]


def _use(person: Person, product: str, chance: Chance) -> _Uses:
    if product in _NO_SUBSTANCE:
        route = "9"
    elif product in _INJECTABLE and chance.often(0.25):
        route = "1"
    elif product in _SMOKED:
        route = "2"
    elif product in {"COC", "AMP", "KET", "CAT", "HER"}:
        route = "4"
    else:
        route = "3"
    since = min(chance.between(12, 30), person.age)
    return _Uses(product, route, chance.choice("1112233459"), since, chance.choice("12333"))


def _all_uses(person: Person, uses: list[_Uses], chance: Chance) -> list[_Uses]:
    more = [_use(person, product, chance) for product in ("TAB", "ALC", "CAN") if chance.often(0.4)]
    known = {use.product for use in uses}
    return [*uses, *(use for use in more if use.product not in known)]


def _episode_versions(life: Life, registered: datetime, uses: list[_Uses], chance: Chance) -> Iterator[Row]:
    person = life.person
    opioids = any(use.product in OPIOIDS for use in uses)
    injects = any(use.route == "1" for use in uses)
    treated = chance.choice("12233") if opioids and chance.often(0.65) else "0"
    children = chance.choice((0, 0, 0, 1, 1, 2, 3))
    first_year = registered.year - (chance.between(0, min(12, person.age - 15)) if chance.often(0.5) else 0)
    slip = next((one for one in life.slips if one.presented), None)
    tested = registered.date() - timedelta(days=chance.between(10, 900))
    row: Row = {
        "num_pec": numbers.episode(life),
        "num_patient": numbers.patient(life, "csapa"),
        "date_situation": day_text(registered.date()),
        "date_debut": day_text(registered.date()),
        "site": chance.one(_SITES),
        "nb_enfants": children,
        "nb_enfants_charge": chance.between(0, children),
        "csp": chance.between(1, 8),
        "logement": chance.choice(_HOUSING[person.housing]),
        "entourage": chance.choice("1112345699"),
        "ressources": chance.choice("1233345677"),
        "situation_pro": chance.choice("1233333466"),
        "couverture_sociale": chance.choice(("RG", "CSS", "CSS", "CSS", "ALD", "AME", "SANS")),
        "niveau_etude": chance.choice("0122333459"),
        "origine_demande": "12" if slip else chance.one(_ORIGINS),
        "deja_suivi": "3" if first_year == registered.year else chance.choice("12"),
        "annee_premiere_pec": first_year,
        "tso_en_cours": treated,
        "annee_premier_tso": chance.between(first_year, registered.year) if treated != "0" else None,
        "verres_semaine": _comma(chance.between(1, 600) / 10) if _has(uses, "ALC") else None,
        "ivresses_mois": chance.between(0, 30) if _has(uses, "ALC") else None,
        "cigarettes_jour": chance.choice((None, 5, 10, 15, 20, 30)),
        "joints_jour": _comma(chance.between(1, 100) / 10) if _has(uses, "CAN") else None,
        "injection": "1" if injects else chance.choice("0000239"),
        "vih": chance.choice("PNNNNJI"),
        "vhc": chance.choice("PNNNNJI"),
        "vaccin_vhb": chance.choice("ON9"),
        "hospit_psy": chance.choice("ONN9"),
        "tentatives_suicide": chance.choice("000129"),
        "incarceration": chance.choice("12") if life.custodies else chance.choice("000129"),
        "referent_rpps": rpps(300 + person.index % 17),
        "jeton_orientation": slip.recorded if slip else None,
        "jeton_remis_le": day_text(slip.presented) if slip and slip.presented else None,
        "jeton_consentement": ("O" if slip.consented else "N") if slip else None,
        "supprime": "N",
        "modifie_le": registered + timedelta(minutes=40),
    }
    row["partage_seringues"] = "0" if row["injection"] == "0" else chance.choice("0123")
    row |= {f"{test}_date": day_text(tested) for test in ("vih", "vhc") if row[test] != "J"}
    for place, use in enumerate(uses, start=1):
        row |= {
            f"produit_{place}": use.product,
            f"voie_{place}": use.route,
            f"frequence_{place}": use.frequency,
            f"age_debut_{place}": use.since_age,
            f"usage_{place}": use.kind,
        }
    yield row
    yield from _later_versions(life, registered, row, chance)


def _later_versions(life: Life, registered: datetime, row: Row, chance: Chance) -> Iterator[Row]:
    attended = [visit.planned for visit in life.visits if visit.attended]
    if len(attended) > 2 and chance.often(0.3):
        updated = attended[1]
        if updated.date() > registered.date():
            row = {
                **row,
                "date_situation": day_text(updated.date()),
                "logement": chance.choice("123457"),
                "modifie_le": updated + timedelta(hours=1),
            }
            yield row
    last = max([registered, *(visit.planned for visit in life.visits)])
    if life.death:
        ended, why = life.death.date(), "DCD"
    elif chance.often(0.25):
        ended, why = last.date() + timedelta(days=chance.between(20, 60)), chance.one(_ENDS)
    else:
        return
    told = max(last + timedelta(hours=2), datetime.combine(ended, time(20, 40)))
    if told.date() <= LAST_DAY:
        yield {**row, "date_fin": day_text(ended), "motif_fin": why, "modifie_le": told}


def _product_row(life: Life, registered: datetime, place: int, use: _Uses, chance: Chance) -> Row:
    return {
        "num_pec": numbers.episode(life),
        "rang": place,
        "code_produit": use.product,
        "voie": use.route,
        "frequence": use.frequency,
        "age_debut": use.since_age,
        "usage": use.kind,
        "quantite": _comma(chance.between(1, 200) / 10),
        "unite": _UNITS.get(use.product, chance.choice("GP")),
        "derniere_prise": day_text(registered.date() - timedelta(days=chance.between(0, 60))),
        "mode_obtention": chance.choice("RRRONA"),
        "risque": chance.choice((None, None, "O", "I")),
        "priorite": "O" if place == 1 else "N",
        "supprime": "N",
        "modifie_le": registered + timedelta(minutes=45),
    }


def _has(uses: list[_Uses], product: str) -> bool:
    return any(use.product == product for use in uses)


def _comma(number: float) -> str:
    return f"{number:.1f}".replace(".", ",")


def _visit_versions(life: Life, visit: Visit, chance: Chance) -> Iterator[Row]:
    act = chance.one(_ACTS)
    minutes = chance.choice((15, 20, 30, 30, 45, 60))
    row: Row = {
        "num_acte": numbers.act(life, visit),
        "num_patient": numbers.patient(life, "csapa"),
        "num_pec": numbers.episode(life),
        "site": chance.one(_SITES),
        "type_acte": act,
        "modalite": chance.one(_WAYS),
        "statut": BOOKED,
        "date_prevue": moment_text(visit.planned),
        "professionnel_rpps": rpps(300 + (life.person.index + len(life.visits)) % 17),
        "fonction": _STAFF.get(act, "EDU"),
        "motif": chance.choice("12223"),
        "duree_min": minutes,
        "accompagnant": chance.choice("NNNNO"),
        "pris_par": chance.choice(("PAT", "PRO", "EXT")),
        "supprime": "N",
    }
    booked = visit.booked
    if booked and life.registered and booked > life.registered and booked.date() >= CSAPA_SINCE:
        yield {**row, "modifie_le": booked}
    if visit.status == BOOKED or visit.day < CSAPA_SINCE:
        return
    begun = visit.planned + timedelta(minutes=chance.choice((0, 0, 5, 10)))
    row |= {"statut": visit.status, "modifie_le": datetime.combine(visit.day, time(19, chance.between(0, 59), 11))}
    if visit.status == ATTENDED:
        row |= {"debut": moment_text(begun), "fin": moment_text(begun + timedelta(minutes=minutes))}
    yield row
    if visit.withdrawn_on:
        yield {**row, "supprime": "O", "modifie_le": datetime.combine(visit.withdrawn_on, time(10, 30))}
