"""Records that must stop or be noticed, each made on purpose for a person of its own, so that no truth rests on them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from passerelle.simulator import numbers
from passerelle.simulator.caarud import DIALECT as OUTREACH_DIALECT
from passerelle.simulator.caarud import Caarud, contact_row
from passerelle.simulator.chance import Chance
from passerelle.simulator.csapa import DIALECT, Csapa, delivery_of, moment_text
from passerelle.simulator.csapa import _visit_versions as visit_versions
from passerelle.simulator.files import Dirt, Manifest
from passerelle.simulator.hospital import CLOSED_UNIT, FOREIGN_UNITS, UTF_8, Edit, Hospital, Message
from passerelle.simulator.lives import ATTENDED, IN_PATIENT, OUT_PATIENT, VALIDATED, Demand, Identity, Life, Stay, Visit
from passerelle.simulator.region import LAST_DAY, day_of
from passerelle.simulator.rows import Row
from passerelle.simulator.siao import Siao
from passerelle.simulator.siao import _demand as demand_tree
from passerelle.simulator.usmp import Usmp
from passerelle.simulator.who import Person

_NO_DAY = "31/02/2025 10:00:00"
_DOUBLED_HOUR = "26/10/2025 02:30:00"
_MISSING_HOUR = "30/03/2025 02:30:00"


@dataclass(slots=True)
class Writers:
    """Where spoiled records go."""

    chu: Hospital
    ch: Hospital
    csapa: Csapa
    usmp: Usmp
    siao: Siao
    caarud: Caarud
    manifest: Manifest


@dataclass(slots=True)
class Case:
    """One spoiled record in the making: whose it is, when, and the stream its details are drawn from."""

    writers: Writers
    life: Life
    chance: Chance
    number: int
    when: datetime


Spoil = Callable[[Case], None]


def spoiled_person(person: Person) -> Life:
    """Somebody without a year of their own."""
    return Life(person, None)


def kinds() -> Iterator[tuple[str, float, Spoil]]:
    """Every kind, how frequent it is, and what makes it. The frequency is per hundred persons at one percent of dirt."""
    yield "wrong-encoding-byte", 1.0, _wrong_byte_adt
    yield "wrong-encoding-byte", 1.0, _wrong_byte_outreach
    yield "wrong-column-count", 2.0, _wrong_column_count
    yield "unclosed-quote", 0.2, _unclosed_quote
    yield "control-character", 1.0, _control_character
    yield "missing-key", 1.0, _missing_key
    yield "bad-order", 1.0, _bad_order
    yield "ambiguous-order-time", 0.3, _doubled_order
    yield "out-of-scope-unit", 8.0, _foreign_unit
    yield "not-a-message", 0.3, _not_a_message
    yield "future-birth-date", 1.0, _future_birth_csapa
    yield "future-birth-date", 0.5, _future_birth_usmp
    yield "forbidden-identity", 1.0, _named_outreach
    yield "age-out-of-bounds", 1.0, _impossible_age
    yield "impossible-date", 1.5, _impossible_moment
    yield "impossible-birth-date", 1.0, _impossible_birth
    yield "unknown-code", 2.0, _unknown_product
    yield "unknown-code", 2.0, _unknown_act
    yield "unknown-code", 0.5, _unknown_release
    yield "unknown-code", 0.5, _unknown_demand
    yield "missing-value", 1.0, _no_status
    yield "missing-value", 1.0, _no_start
    yield "conflicting-version", 1.0, _conflict
    yield "missing-parent", 1.0, _orphan_contact
    yield "missing-parent", 0.5, _orphan_product
    yield "missing-parent", 0.5, _orphan_treatment
    yield "unread-event", 2.0, _unread
    yield "zbe-disorder", 1.0, _zbe_disorder
    yield "zbe-shifted", 1.0, _zbe_shifted
    yield "zbe-action-implied", 1.0, _zbe_implied
    yield "exit-without-entry", 1.0, _exit_alone
    yield "cancel-without-insert", 0.5, _cancel_alone
    yield "ins-not-validated", 1.0, _unvalidated_ins
    yield "forbidden-field", 1.0, _forbidden_field
    yield "ambiguous-time", 0.5, _doubled_hour
    yield "no-such-time", 0.5, _missing_hour
    yield "unit-outside-validity", 0.5, _closed_unit


def moment_of(chance: Chance) -> datetime:
    """When the record is made: any day from March to November."""
    return chance.at_hour(day_of(chance.between(65, 330)), 9, 17)


# The CSAPA's extract -------------------------------------------------------------------------------------------------


def _known_at_csapa(case: Case) -> None:
    """The person has a clean file and a clean episode."""
    life = case.life
    life.registered = case.when - timedelta(days=3)
    life.csapa_identity = _identity(case, "csapa")
    case.writers.csapa.write(life)


def _identity(case: Case, source: str) -> Identity:
    person = case.life.person
    return Identity(
        source, VALIDATED, case.when.date(), person.given_names[0], person.born, person.birth_place, person.phone
    )


def _contact(case: Case) -> Row:
    """The last version of an attended contact."""
    case.life.visits = [Visit(case.when, ATTENDED)]
    return list(visit_versions(case.life, case.life.visits[0], case.chance))[-1]


def _put_contact(case: Case, dirt: Dirt, **changed: object) -> None:
    _known_at_csapa(case)
    case.writers.csapa.put("contacts", {**_contact(case), **changed}, dirt=dirt)


def _put_text(case: Case, table: str, row: Row, dirt: Dirt) -> None:
    """A row whose cursor is no moment: it lies at the head of the delivery of its time."""
    case.writers.csapa.tables[table].put(delivery_of(case.when), "", row, dirt=dirt)


def _wrong_column_count(case: Case) -> None:
    _known_at_csapa(case)
    row = _contact(case)
    table = case.writers.csapa.tables["contacts"]
    cells = [DIALECT.cell(row.get(column)) for column in table.columns[:-1]] + [moment_text(case.when)]
    spoiled = [*cells, "", ""] if case.number % 2 else cells[:-3]
    dirt = Dirt("wrong-column-count", "land", "quarantined", "wrong-column-count")
    order = case.when.isoformat()
    table.files.add(delivery_of(case.when), order, DIALECT.joined(spoiled), dirt=dirt, key=str(row["num_acte"]))


def _unclosed_quote(case: Case) -> None:
    _known_at_csapa(case)
    row = _contact(case)
    table = case.writers.csapa.tables["contacts"]
    cells = [DIALECT.cell(row.get(column)) for column in table.columns[:-1]] + [moment_text(case.when)]
    open_row = [*cells[:3], f'"{cells[3]}', *cells[4:]]
    raw = DIALECT.joined(open_row) + DIALECT.joined(cells)
    name = "zzcanarifichier" if case.life.person.kind == "canary" else f"bis{case.number}"
    dirt = Dirt("unclosed-quote", "land", "quarantined", "broken-quoting")
    table.files.add(f"{delivery_of(case.when)}_{name}", "", raw, dirt=dirt, key=str(row["num_acte"]))


def _patient_row(case: Case) -> Row:
    person = case.life.person
    return {
        "num_patient": numbers.patient(case.life, "csapa"),
        "nom_naissance": person.birth_name,
        "prenom": person.given_names[0],
        "prenoms_naissance": " ".join(person.given_names),
        "sexe": {"M": "1", "F": "2"}.get(person.sex, "9"),
        "date_naissance": f"{person.born:%d/%m/%Y}",
        "statut_identite": "V",
        "anonymat": "N",
        "telephone": person.phone,
        "adresse": person.street,
        "code_postal": person.postcode,
        "commune": person.town.title(),
        "situation_familiale": "N",
        "langue": person.language,
        "cree_le": moment_text(case.when),
        "supprime": "N",
        "modifie_le": case.when,
    }


def _control_character(case: Case) -> None:
    row = _patient_row(case)
    dirt = Dirt("control-character", "land", "quarantined", "forbidden-character", "adresse")
    case.writers.csapa.put("patients", {**row, "adresse": f"{row['adresse']}\x07bis"}, dirt=dirt)


def _missing_key(case: Case) -> None:
    _put_contact(case, Dirt("missing-key", "land", "quarantined", "missing-key", "num_acte"), num_acte=None)


def _bad_order(case: Case) -> None:
    _known_at_csapa(case)
    dirt = Dirt("bad-order", "land", "quarantined", "bad-order", "modifie_le")
    _put_text(case, "contacts", {**_contact(case), "modifie_le": "hier soir"}, dirt)


def _doubled_order(case: Case) -> None:
    case.when = datetime(2025, 10, 24, 10, case.number % 60)  # noqa: DTZ001 - local time of the source
    _known_at_csapa(case)
    dirt = Dirt("ambiguous-order-time", "land", "quarantined", "ambiguous-time", "modifie_le")
    _put_text(case, "contacts", {**_contact(case), "modifie_le": _DOUBLED_HOUR}, dirt)


def _future_birth_csapa(case: Case) -> None:
    dirt = Dirt("future-birth-date", "check", "quarantined", "expectation", "date_naissance")
    case.writers.csapa.put("patients", {**_patient_row(case), "date_naissance": "14/03/2031"}, dirt=dirt)


def _impossible_birth(case: Case) -> None:
    dirt = Dirt("impossible-birth-date", "check", "quarantined", "expectation", "date_naissance")
    case.writers.csapa.put("patients", {**_patient_row(case), "date_naissance": "31/02/1980"}, dirt=dirt)


def _impossible_age(case: Case) -> None:
    _known_at_csapa(case)
    row: Row = {
        "num_pec": numbers.episode(case.life),
        "rang": 9,
        "code_produit": "COC",
        "voie": "4",
        "frequence": "2",
        "age_debut": 150,
        "usage": "2",
        "quantite": "1,5",
        "unite": "G",
        "priorite": "N",
        "supprime": "N",
        "modifie_le": case.when,
    }
    dirt = Dirt("age-out-of-bounds", "check", "quarantined", "expectation", "age_debut")
    case.writers.csapa.put("produits", row, dirt=dirt)


def _impossible_moment(case: Case) -> None:
    dirt = Dirt("impossible-date", "check", "quarantined", "expectation", "date_prevue")
    _put_contact(case, dirt, date_prevue=_NO_DAY)


def _episode_row(case: Case) -> Row:
    return {
        "num_pec": numbers.episode(case.life),
        "num_patient": numbers.patient(case.life, "csapa"),
        "date_situation": f"{case.when:%d/%m/%Y}",
        "date_debut": f"{case.when:%d/%m/%Y}",
        "site": "01",
        "logement": "9",
        "entourage": "9",
        "origine_demande": "01",
        "deja_suivi": "9",
        "tso_en_cours": "0",
        "produit_1": "COC",
        "voie_1": "4",
        "frequence_1": "3",
        "age_debut_1": 18,
        "usage_1": "2",
        "injection": "0",
        "partage_seringues": "0",
        "supprime": "N",
        "modifie_le": case.when,
    }


def _known_patient(case: Case) -> None:
    case.writers.csapa.put("patients", {**_patient_row(case), "modifie_le": case.when - timedelta(hours=1)})


def _unknown_product(case: Case) -> None:
    _known_patient(case)
    dirt = Dirt("unknown-code", "map", "quarantined", "unknown-code", "produit_1")
    case.writers.csapa.put("episodes", {**_episode_row(case), "produit_1": "ZZZ"}, dirt=dirt)


def _unknown_act(case: Case) -> None:
    _put_contact(case, Dirt("unknown-code", "map", "quarantined", "unknown-code", "type_acte"), type_acte="XX9")


def _no_status(case: Case) -> None:
    dirt = Dirt("missing-value", "check", "quarantined", "expectation", "statut")
    _put_contact(case, dirt, statut=None)


def _no_start(case: Case) -> None:
    _known_patient(case)
    dirt = Dirt("missing-value", "check", "quarantined", "expectation", "date_debut")
    case.writers.csapa.put("episodes", {**_episode_row(case), "date_debut": None}, dirt=dirt)


def _conflict(case: Case) -> None:
    _known_at_csapa(case)
    row = _contact(case)
    dirt = Dirt("conflicting-version", "map", "quarantined", "conflicting-version")
    case.writers.csapa.put("contacts", row, dirt=dirt)
    case.writers.csapa.put("contacts", {**row, "duree_min": 5}, dirt=dirt)


def _orphan_contact(case: Case) -> None:
    case.life.registered = case.when
    row = _contact(case)
    dirt = Dirt("missing-parent", "map", "pending", "waits-for-parent", "num_pec")
    case.writers.csapa.put("contacts", row, dirt=dirt)


def _orphan_product(case: Case) -> None:
    row: Row = {
        "num_pec": numbers.episode(case.life),
        "rang": 1,
        "code_produit": "CAN",
        "voie": "2",
        "frequence": "1",
        "age_debut": 16,
        "usage": "3",
        "quantite": "3,0",
        "unite": "J",
        "priorite": "O",
        "supprime": "N",
        "modifie_le": case.when,
    }
    dirt = Dirt("missing-parent", "map", "pending", "waits-for-parent", "num_pec")
    case.writers.csapa.put("produits", row, dirt=dirt)


def _doubled_hour(case: Case) -> None:
    case.when = datetime(2025, 10, 27, 10, case.number % 60)  # noqa: DTZ001 - local time of the source
    dirt = Dirt("ambiguous-time", "map", "passed", "ambiguous-time", "debut")
    _put_contact(case, dirt, date_prevue="26/10/2025 01:30:00", debut=_DOUBLED_HOUR, fin="26/10/2025 04:00:00")


def _missing_hour(case: Case) -> None:
    case.when = datetime(2025, 3, 31, 10, case.number % 60)  # noqa: DTZ001 - local time of the source
    dirt = Dirt("no-such-time", "map", "passed", "no-such-time", "debut")
    _put_contact(case, dirt, date_prevue="30/03/2025 01:30:00", debut=_MISSING_HOUR, fin="30/03/2025 04:00:00")


# Hospitals -----------------------------------------------------------------------------------------------------------


def _hospital(case: Case) -> Hospital:
    writer = case.writers.chu if case.number % 4 else case.writers.ch
    case.life.hospital = writer.house.source
    case.life.hospital_identity = _identity(case, writer.house.source)
    return writer


def _message(case: Case, event: str, patient_class: str, unit: tuple[str, str], action: str) -> Message:
    """A message of a stay that begins at the time of the case; its exit follows two hours later."""
    if not case.life.stays:
        case.life.stays.append(Stay(0, patient_class, case.when, None))
    stay = case.life.stays[0]
    leaves = event in {"A03", "A13"}
    moment = stay.start + timedelta(hours=2 if leaves else 0)
    movement = case.life.person.index * 96 + (2 if leaves else 0)
    return Message(event, moment + timedelta(minutes=int(event[1:])), moment, stay, movement, action, unit)


def _send(
    case: Case,
    hospital: Hospital,
    event: str,
    patient_class: str,
    *,
    dirt: Dirt | None = None,
    edit: Edit | None = None,
    action: str = "INSERT",
    unit: tuple[str, str] | None = None,
) -> None:
    own = unit or hospital.house.units[patient_class].at(0.1)
    message = _message(case, event, patient_class, own, action)
    hospital.add(case.life, message, int(event[1:]), case.chance, dirt=dirt, edit=edit, charset=UTF_8)


def _send_identity(case: Case, hospital: Hospital, *, dirt: Dirt, edit: Edit) -> None:
    case.life.stays.append(Stay(0, IN_PATIENT, case.when, None))
    message = Message("A31", case.when, case.when)
    hospital.add(case.life, message, 31, case.chance, dirt=dirt, edit=edit, charset=UTF_8)


def _replaced(name: str, changes: dict[int, str]) -> Edit:
    """An edit that sets fields of a segment by number."""

    def edit(segments: list[str]) -> list[str]:
        done = []
        for segment in segments:
            fields = segment.split("|")
            if fields[0] == name:
                for place, value in changes.items():
                    fields += [""] * (place + 1 - len(fields))
                    fields[place] = value
            done.append("|".join(fields))
        return done

    return edit


def _wrong_byte_adt(case: Case) -> None:
    hospital = case.writers.chu
    case.life.hospital, case.life.hospital_identity = "chu", _identity(case, "chu")
    case.life.stays.append(Stay(0, IN_PATIENT, case.when, None))
    message = Message("A31", case.when, case.when)
    control = f"CHU{case.life.person.index:07d}031"
    person = case.life.person
    text = (
        f"MSH|^~\\&|GAM|CHU-VALMORGE|PASSERELLE|REGION|{case.when:%Y%m%d%H%M%S}||ADT^A31^ADT_A05|{control}|P"
        f"|2.5^FRA^2.11|||||FRA|{UTF_8}|FR||2.11^IHE_FRANCE-2.11-PAM\r"
        f"EVN||{case.when:%Y%m%d%H%M%S}||||{case.when:%Y%m%d%H%M%S}\r"
        f"PID|1||{numbers.patient(case.life, 'chu')}^^^CHU-VALMORGE&000100016&N^PI||"
    ).encode()
    name = f"{person.birth_name}-LEFÈVRE^ANDRÉ^ANDRÉ^^^^L".upper().encode("latin-1")
    raw = text + name + f"||{person.born:%Y%m%d}|{person.sex}\rPV1|1|N\r\n".encode()
    dirt = Dirt("wrong-encoding-byte", "land", "quarantined", "undecodable-bytes")
    hospital.add_raw(message, control, raw, dirt=dirt)


def _not_a_message(case: Case) -> None:
    hospital = _hospital(case)
    message = Message("A31", case.when, case.when)
    control = f"SANS{case.life.person.index:07d}"
    raw = f"MSH|^~\\&|GAM|{hospital.house.authority}|PASSERELLE\rZZZ|essai de ligne {case.number}\r\n".encode()
    hospital.add_raw(message, control, raw, dirt=Dirt("not-a-message", "land", "quarantined", "not-a-record"))


def _foreign_unit(case: Case) -> None:
    hospital = _hospital(case)
    unit = case.chance.choice(FOREIGN_UNITS[hospital.house.source])
    dirt = Dirt("out-of-scope-unit", "land", "out-of-scope", "not-our-scope", "ZBE-7.10")
    _send(case, hospital, "A01", IN_PATIENT, dirt=dirt, unit=unit)
    _send(case, hospital, "A03", IN_PATIENT, dirt=dirt, unit=unit)


def _unread(case: Case) -> None:
    hospital = _hospital(case)
    event = ("A02", "A05", "Z99")[case.number % 3]
    dirt = Dirt("unread-event", "map", "quarantined", "unread-event")
    if event != "A05":
        _send(case, hospital, "A01", IN_PATIENT)
    _send(case, hospital, event, IN_PATIENT, dirt=dirt, action="UPDATE" if event == "Z99" else "INSERT")


def _zbe_disorder(case: Case) -> None:
    hospital = _hospital(case)
    changes = {1: ""} if case.number % 2 else {4: "N", 5: "INSERT"}
    dirt = Dirt("zbe-disorder", "map", "quarantined", "movement-disorder", "ZBE")
    _send(case, hospital, "A01", IN_PATIENT, dirt=dirt, edit=_replaced("ZBE", changes))


def _zbe_shifted(case: Case) -> None:
    hospital = _hospital(case)
    _send(case, hospital, "A04", OUT_PATIENT)

    def edit(segments: list[str]) -> list[str]:
        done = []
        for segment in segments:
            fields = segment.split("|")
            if fields[0] == "ZBE":
                _, movement, moment, _, action, historic, _, unit, _, nature = fields
                fields = ["ZBE", movement, moment, moment, "", action, historic, "", unit, "", nature]
            done.append("|".join(fields))
        return done

    dirt = Dirt("zbe-shifted", "map", "passed", "movement-shifted", "ZBE")
    _send(case, hospital, "A03", OUT_PATIENT, dirt=dirt, edit=edit)


def _zbe_implied(case: Case) -> None:
    hospital = _hospital(case)
    _send(case, hospital, "A04", OUT_PATIENT)
    dirt = Dirt("zbe-action-implied", "map", "passed", "movement-action-implied", "ZBE-4")
    _send(case, hospital, "A03", OUT_PATIENT, dirt=dirt, edit=_replaced("ZBE", {4: ""}))


def _exit_alone(case: Case) -> None:
    dirt = Dirt("exit-without-entry", "map", "pending", "waits-for-movement")
    _send(case, _hospital(case), "A03", IN_PATIENT, dirt=dirt)


def _cancel_alone(case: Case) -> None:
    dirt = Dirt("cancel-without-insert", "map", "pending", "waits-for-movement")
    _send(case, _hospital(case), "A13", IN_PATIENT, dirt=dirt, action="CANCEL")


def _unvalidated_ins(case: Case) -> None:
    hospital = _hospital(case)
    person = case.life.person
    number = f"{person.ins}^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS"

    def edit(segments: list[str]) -> list[str]:
        pid = segments[2].split("|")
        pid[3], pid[32] = f"{pid[3]}~{number}", "PROV"
        return [*segments[:2], "|".join(pid), *segments[3:]]

    dirt = Dirt("ins-not-validated", "map", "passed", "ins-without-validation", "PID-3")
    _send_identity(case, hospital, dirt=dirt, edit=edit)


def _forbidden_field(case: Case) -> None:
    place = 10 if case.number % 2 else 22
    dirt = Dirt("forbidden-field", "map", "passed", "forbidden-field", f"PID-{place}")
    _send_identity(case, _hospital(case), dirt=dirt, edit=_replaced("PID", {place: "X"}))


def _closed_unit(case: Case) -> None:
    case.when = case.when.replace(month=9, day=1 + case.number % 28)
    case.life.hospital, case.life.hospital_identity = "chu", _identity(case, "chu")
    dirt = Dirt("unit-outside-validity", "map", "passed", "outside-validity", "ZBE-7")
    _send(case, case.writers.chu, "A01", IN_PATIENT, dirt=dirt, unit=CLOSED_UNIT)


# Prison unit, housing desk, outreach ---------------------------------------------------------------------------------


def _future_birth_usmp(case: Case) -> None:
    person = case.life.person
    row: Row = {
        "id_patient": int(numbers.patient(case.life, "usmp")),
        "nom_naissance": person.birth_name.upper(),
        "prenom": person.given_names[0],
        "sexe": "H",
        "ddn": date(2031, 3, 14),
        "ins_statut": "PROV",
        "anonymat": 0,
        "date_arrivee": case.when.date(),
        "maj": case.when,
    }
    dirt = Dirt("future-birth-date", "check", "quarantined", "expectation", "ddn")
    case.writers.usmp.dirty(case.writers.manifest, "patients", row, dirt)


def _orphan_treatment(case: Case) -> None:
    number = case.life.person.index * 12 + 1
    row: Row = {
        "id_traitement": number * 4 + 1,
        "id_suivi": number,
        "ordre": 1,
        "molecule": "BHD",
        "forme": "CPR",
        "dose_mg": 8.0,
        "frequence": "J",
        "debut": case.when.date(),
        "lieu_delivrance": "US",
        "relais_sortie": 0,
        "maj": case.when,
    }
    dirt = Dirt("missing-parent", "map", "pending", "waits-for-parent", "id_suivi")
    case.writers.usmp.dirty(case.writers.manifest, "traitements", row, dirt)


def _unknown_release(case: Case) -> None:
    person, number = case.life.person, case.life.person.index * 12 + 1
    patient = int(numbers.patient(case.life, "usmp"))
    writers = case.writers
    known: Row = {
        "id_patient": patient,
        "nom_naissance": person.birth_name.upper(),
        "prenom": person.given_names[0],
        "sexe": "H",
        "ddn": person.born,
        "ins_statut": "PROV",
        "anonymat": 0,
        "num_ecrou": f"{25_000 + person.index % 70_000}",
        "quartier": "MAH",
        "langue": "fr",
        "date_arrivee": case.when.date(),
        "maj": case.when,
    }
    followed: Row = {
        "id_suivi": number,
        "id_patient": patient,
        "debut": case.when,
        "statut": "EC",
        "equipe": "US",
        "diagnostic": "F142",
        "produit_principal": "COC",
        "injection": "0",
        "tso_entree": "0",
        "risque_surdose": 0,
        "maj": case.when,
    }
    release: Row = {
        "id_liberation": number * 4,
        "id_suivi": number,
        "id_patient": patient,
        "nature": "ZZ",
        "etat": "P",
        "date_prevue": LAST_DAY,
        "heure_connue": 0,
        "ordonnance_sortie": 0,
        "accompagnement": 0,
        "maj": case.when,
    }
    writers.usmp.add("patients", known)
    writers.usmp.add("suivis", followed)
    writers.usmp.dirty(
        writers.manifest, "liberations", release, Dirt("unknown-code", "map", "quarantined", "unknown-code", "nature")
    )


def _unknown_demand(case: Case) -> None:
    demand = Demand(case.when, None)
    case.life.other_demands.append(demand)
    tree = {**demand_tree(case.life, demand, case.when, case.chance), "statut": "ZZZ"}
    dirt = Dirt("unknown-code", "map", "quarantined", "unknown-code", "statut")
    case.writers.siao.dirty(case.writers.manifest, "demandes", tree, dirt)


def _outreach_row(case: Case) -> Row:
    return contact_row(case.life, 0, case.when, case.chance)


def _named_outreach(case: Case) -> None:
    person = case.life.person
    dirt = Dirt("forbidden-identity", "check", "quarantined", "expectation", "nom")
    named = {"nom": f"{person.birth_name} {person.given_names[0]}", "telephone": person.phone}
    case.writers.caarud.put("contacts", {**_outreach_row(case), **named}, dirt=dirt)


def _wrong_byte_outreach(case: Case) -> None:
    row = {**_outreach_row(case), "situation_logement": "TIERS", "lieu": "ANT@"}
    table = case.writers.caarud.tables["contacts"]
    raw = OUTREACH_DIALECT.line([row.get(column) for column in table.columns]).replace(b"ANT@", b"ANT\xe9")
    dirt = Dirt("wrong-encoding-byte", "land", "quarantined", "undecodable-bytes", "lieu")
    key = str(row["num_contact"])
    table.files.add(f"{case.when:%Y%m}", f"{case.when:%Y-%m-%d %H:%M}{key}", raw, dirt=dirt, key=key)
