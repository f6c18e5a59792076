"""A hospital's records: PAM-FR messages, one file per day, and three small tables beside them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from passerelle.simulator import numbers
from passerelle.simulator.chance import Chance, Weighted
from passerelle.simulator.files import Dialect, Dirt, Files, Manifest, table_of
from passerelle.simulator.lives import (
    ANONYMOUS,
    EMERGENCY,
    IN_PATIENT,
    OUT_PATIENT,
    PROVISIONAL,
    QUALIFIED,
    VALIDATED,
    Identity,
    Life,
    Stay,
)
from passerelle.simulator.region import FINESS, INS_SYSTEM, LAST_DAY, hl7_time, rpps
from passerelle.simulator.rows import CONSENT_COLUMNS, OPPOSITION_COLUMNS, ORIENTATION_COLUMNS, Written
from passerelle.simulator.spool import Spool

Edit = Callable[[list[str]], list[str]]

UTF_8, LATIN_9 = "UNICODE UTF-8", "8859/15"
_CODEC = {UTF_8: "utf-8", LATIN_9: "iso8859-15"}
_CSV = Dialect(",", "utf-8", "\n")
_MARITAL = Weighted([("S", 60), ("M", 12), ("D", 12), ("A", 5), ("P", 3), ("G", 5), ("W", 2), ("U", 1)])
_EXITS = Weighted([("3", 78), ("4", 9), ("6", 5), ("F", 5), ("2", 2), ("E", 1)])
_ORIGINS = Weighted([("7", 35), ("90", 35), ("91", 15), ("1", 10), ("6", 3), ("8", 2)])
_DIAGNOSES = Weighted(
    [
        (("F112", "Dépendance aux opiacés"), 30),
        (("F142", "Dépendance à la cocaïne"), 28),
        (("F102", "Dépendance à l'alcool"), 22),
        (("F192", "Dépendance à plusieurs substances"), 12),
        (("F132", "Dépendance aux sédatifs"), 5),
        (("F152", "Dépendance aux stimulants"), 3),
    ]
)
_ED_REASONS = (("R4020", "Coma"), ("T401", "Intoxication par l'héroïne"), ("F100", "Ivresse"), ("R101", "Douleur"))


@dataclass(frozen=True, slots=True)
class House:
    """What one hospital does its own way."""

    source: str
    authority: str
    units: dict[str, Weighted[tuple[str, str]]]
    charset: Weighted[str]
    key_is_file: bool
    sparse: bool


HOUSES = {
    "chu": House(
        "chu",
        "CHU-VALMORGE",
        {
            IN_PATIENT: Weighted(
                [(("4110", "Addictologie hospitalisation complète"), 60), (("4112", "Sevrage & soins complexes"), 40)]
            ),
            EMERGENCY: Weighted([(("9010", "Urgences adultes"), 1)]),
            OUT_PATIENT: Weighted([(("4120", "Hôpital de jour d'addictologie"), 1), (("4130", "ELSA"), 1)]),
        },
        Weighted([(UTF_8, 91), (LATIN_9, 9)]),
        key_is_file=False,
        sparse=False,
    ),
    "ch": House(
        "ch",
        "CH-BRENNE",
        {
            IN_PATIENT: Weighted([(("A201", "Addictologie"), 70), (("A202", "Sevrage court"), 30)]),
            EMERGENCY: Weighted([(("U100", "Urgences"), 1)]),
            OUT_PATIENT: Weighted([(("A201", "Addictologie"), 1)]),
        },
        Weighted([(UTF_8, 20), (LATIN_9, 80)]),
        key_is_file=True,
        sparse=True,
    ),
}
EXIT_BEFORE_ENTRY = Dirt("exit-before-entry", "map", "passed", "doubtful-times", "ZBE-2")
CLOSED_UNIT = ("4140", "Unité médico-psychologique d'accueil")
CLOSED_ON = date(2025, 6, 30)
FOREIGN_UNITS = {
    "chu": (("1200", "Cardiologie"), ("2300", "Chirurgie viscérale"), ("3105", "Maternité"), ("5001", "Gériatrie")),
    "ch": (("C010", "Médecine polyvalente"), ("P300", "SSR")),
}


@dataclass(frozen=True, slots=True)
class Message:
    """One ADT message, before it is written. `movement` is None for an identity message."""

    event: str
    emitted: datetime
    moment: datetime
    stay: Stay | None = None
    movement: int = 0
    action: str = "INSERT"
    unit: tuple[str, str] = ("", "")
    dead: datetime | None = None
    structure: str = ""


@dataclass(slots=True)
class _Seen:
    """What the hospital believes of the identity when it writes a message."""

    status: str
    ins: str
    phone: str
    street: str


class Hospital:
    """Writes the lives of its patients as this hospital would."""

    def __init__(self, seed: int, work: Path, folder: Path, house: House) -> None:
        self.house = house
        self._seed = seed
        source = house.source
        self.adt = Files(Spool(work / f"{source}.adt"), folder / "adt", source, "adt", "er7")
        self.orientations = table_of(
            work, folder, source=source, name="orientations", columns=ORIENTATION_COLUMNS, dialect=_CSV
        )
        self.consents = table_of(
            work, folder, source=source, name="consentements", columns=CONSENT_COLUMNS, dialect=_CSV
        )
        self.oppositions = table_of(
            work, folder, source=source, name="oppositions", columns=OPPOSITION_COLUMNS, dialect=_CSV
        )

    def write(self, life: Life) -> None:
        """Every message and row of this patient waits in the file of its day or month."""
        chance = Chance(self._seed, self.house.source, life.person.index)
        for place, message in enumerate(messages_of(life, chance, self.house)):
            backwards = message.event == "A03" and message.stay is not None and message.stay.exit_before_entry
            self.add(life, message, place, chance, dirt=EXIT_BEFORE_ENTRY if backwards else None)
        written = Written(life, self.house.source, chance)
        for row in written.orientations():
            self.orientations.put(_month(row), _order(row), row)
        for row in written.consents("ipp"):
            self.consents.put(_month(row), _order(row), row)
        for row in written.oppositions("ipp"):
            self.oppositions.put(_month(row), _order(row), row)

    def add(
        self,
        life: Life,
        message: Message,
        place: int,
        chance: Chance,
        *,
        dirt: Dirt | None = None,
        edit: Edit | None = None,
        charset: str | None = None,
    ) -> None:
        """The message waits in its file; `edit` may spoil its segments first."""
        charset = charset or chance.one(self.house.charset)
        control = f"{self.house.source.upper()}{life.person.index:07d}{place:03d}"
        segments = segments_of(
            life, message, house=self.house, control=control, charset=charset, sequence=place + 1, chance=chance
        )
        if edit is not None:
            segments = edit(segments)
        raw = ("\r".join(segments) + "\r\n").encode(_CODEC[charset])
        self.add_raw(message, control, raw, dirt=dirt, late=dirt is None and chance.often(0.01))

    def add_raw(self, message: Message, control: str, raw: bytes, *, dirt: Dirt | None, late: bool = False) -> None:
        """The bytes wait in the file of their day, or now and then of the next."""
        day = min(message.emitted.date() + timedelta(days=1 if late else 0), LAST_DAY)
        self.adt.add(f"{day:%Y%m%d}", hl7_time(message.emitted) + control, raw, dirt=dirt, key=control)

    def finish(self, manifest: Manifest) -> None:
        """All files of the hospital are written."""
        self.adt.write(manifest)
        for table in (self.orientations, self.consents, self.oppositions):
            table.files.write(manifest)


def _month(row: dict[str, object]) -> str:
    return str(row["modifie_le"])[:7].replace("-", "")


def _order(row: dict[str, object]) -> str:
    return f"{row['modifie_le']}{next(iter(row.values()))}"


def messages_of(life: Life, chance: Chance, house: House) -> Iterator[Message]:
    """The messages of a patient in the order of their emission."""
    made: list[Message] = []
    for stay in life.stays:
        unit = _unit(stay, chance, house)
        made.extend(replace(message, unit=unit) for message in _stay_messages(life, stay, chance))
    made.extend(_identity_messages(life, chance))
    yield from sorted(made, key=lambda message: message.emitted)


def _unit(stay: Stay, chance: Chance, house: House) -> tuple[str, str]:
    unit = chance.one(house.units[stay.patient_class])
    before = stay.end is not None and stay.end.date() < CLOSED_ON
    if house.source == "chu" and stay.patient_class == IN_PATIENT and before and chance.often(0.15):
        return CLOSED_UNIT
    return unit


def _stay_messages(life: Life, stay: Stay, chance: Chance) -> Iterator[Message]:
    number = (life.person.index * 12 + stay.place) * 8
    entry = "A01" if stay.patient_class == IN_PATIENT else "A04"
    yield Message(entry, _later(stay.start, chance), stay.start, stay, number)
    if stay.cancelled:
        yield Message("A11", stay.start + timedelta(minutes=chance.between(60, 90)), stay.start, stay, number, "CANCEL")
        return
    if stay.false_exit:
        out = stay.false_exit
        yield Message("A03", _later(out, chance), out, stay, number + 1)
        yield Message("A13", out + timedelta(minutes=chance.between(60, 240)), out, stay, number + 1, "CANCEL")
    if stay.end:
        moment = stay.start - timedelta(days=1) if stay.exit_before_entry else stay.end
        dead = stay.end if stay.died else None
        yield Message("A03", _later(stay.end, chance), moment, stay, number + 2, dead=dead)


def _later(moment: datetime, chance: Chance) -> datetime:
    return moment + timedelta(minutes=chance.between(1, 45), seconds=chance.between(0, 59))


def _identity_messages(life: Life, chance: Chance) -> Iterator[Message]:
    """A31: the identity was qualified, the person moved, the person died elsewhere."""
    identity = _own(life)
    first = life.stays[0].start.date()
    if identity.status != ANONYMOUS:
        if identity.qualified_on > first:
            moment = chance.at_hour(identity.qualified_on, 9, 17)
            dead = life.death if life.death and life.death < moment else None
            yield Message("A31", moment, moment, dead=dead)
        moved = moved_on(life)
        if moved:
            moment = chance.at_hour(moved, 9, 17)
            yield Message("A31", moment, moment)
        if life.death and not any(stay.died for stay in life.stays):
            moment = datetime.combine(min(life.death.date() + timedelta(days=1), LAST_DAY), time(21, 15))
            yield Message("A31", moment, moment, dead=life.death)


def _own(life: Life) -> Identity:
    if life.hospital_identity is None:
        raise LookupError("this person never went to hospital")
    return life.hospital_identity


def moved_on(life: Life) -> date | None:
    """The day on which the hospital hears of another address and phone."""
    day = life.stays[0].start.date() + timedelta(days=45)
    return day if _own(life).moved and day < LAST_DAY and not life.death else None


def _seen(life: Life, at: datetime) -> _Seen:
    identity, person = _own(life), life.person
    status = identity.status
    if status == QUALIFIED and at.date() < identity.qualified_on:
        status = PROVISIONAL
    moved = moved_on(life)
    street = person.street
    phone = person.phone
    if moved and at.date() >= moved and person.kind == "person":
        street = f"{1 + person.index % 90} rue du Départ"
        phone = f"063998{person.index % 99:02d}{person.index // 99 % 99:02d}"
    return _Seen(status, person.ins if status == QUALIFIED else "", phone, street)


def segments_of(
    life: Life, message: Message, *, house: House, control: str, charset: str, sequence: int, chance: Chance
) -> list[str]:
    """The segments of one message, without line ends."""
    emitted = hl7_time(message.emitted)
    structure = message.structure or _STRUCTURES[message.event]
    number = str(sequence) if house.sparse else ""
    segments = [
        (
            f"MSH|^~\\&|GAM|{house.authority}|PASSERELLE|REGION|{emitted}||ADT^{message.event}^{structure}|{control}|P"
            f"|2.5^FRA^2.11|{number}||||FRA|{charset}|FR||2.11^IHE_FRANCE-2.11-PAM"
        ),
        f"EVN||{emitted}||||{hl7_time(message.moment)}",
        _pid(life, message, house, chance),
    ]
    stay = message.stay
    if stay is None:
        segments.append("PV1|1|N")
    else:
        segments += [
            _pv1(life, message, stay, house, chance),
            *_pv2(stay, chance),
            _zbe(message, house),
            *_zfm(message, stay, house, chance),
        ]
        if message.event == "A03" and chance.often(0.33):
            code, label = chance.one(_DIAGNOSES)
            segments.append(f"DG1|1||{code}^{label}^CIM10||{message.moment:%Y%m%d}|F")
    if _seen(life, message.emitted).ins and chance.often(0.33):
        segments.append(f"ZFD|||N|N|INSI|{_own(life).qualified_on:%Y%m%d}|CN")
    return segments


_STRUCTURES = {
    "A01": "ADT_A01",
    "A02": "ADT_A02",
    "A03": "ADT_A03",
    "A04": "ADT_A01",
    "A05": "ADT_A05",
    "A11": "ADT_A09",
    "A13": "ADT_A01",
    "A31": "ADT_A05",
    "Z99": "ADT_A01",
}


def _pid(life: Life, message: Message, house: House, chance: Chance) -> str:
    person = life.person
    seen = _seen(life, message.emitted)
    fields = [""] * 33
    fields[0], fields[1] = "PID", "1"
    authority = f"{house.authority}&{FINESS[house.source]}&N"
    fields[3] = f"{numbers.patient(life, house.source)}^^^{authority}^PI"
    if seen.status == ANONYMOUS:
        fields[5] = "ANONYME^X^^^^^U"
    else:
        if seen.ins:
            fields[3] += f"~{seen.ins}^^^ASIP-SANTE-INS-NIR&{INS_SYSTEM}&ISO^INS"
        fields[5] = _names(life, house)
        fields[7] = f"{person.born:%Y%m%d}"
        homeless = person.housing == "street"
        address = "" if homeless else f"{seen.street}^^{person.town}^^{person.postcode}^FRA^H"
        birth = f"^^^^^^BDL^^{_own(life).birth_place}" if _own(life).birth_place else ""
        fields[11] = "~".join(part for part in (address, birth) if part)
        if seen.phone:
            kind = "CP" if seen.phone.startswith("06") else "PH"
            fields[13] = f"^PRN^{kind}^^^^^^^^^{seen.phone}"
        fields[16] = _MARITAL.at(person.index * 7919 % 1009 / 1009)
        if message.dead:
            fields[29] = hl7_time(message.dead)
    fields[8] = person.sex
    if message.stay:
        number = numbers.stay(life, message.stay) if house.key_is_file else f"F{numbers.stay(life, message.stay)}"
        fields[18] = f"{number}^^^{authority}^AN"
    fields[30] = "Y" if message.dead else "N"
    fields[31] = "N"
    status = {QUALIFIED: "VALI", VALIDATED: "VALI", ANONYMOUS: "ANOM"}.get(seen.status, "PROV")
    fields[32] = f"{status}~HOMA" if status == "VALI" and chance.often(0.005) else status
    return "|".join(fields)


def _names(life: Life, house: House) -> str:
    """Hospitals write in capitals; one of them drops accents."""
    person = life.person
    given = " ".join(person.given_names)
    birth = f"{person.birth_name}^{person.given_names[0]}^{given}^^^^L".upper()
    used = f"~{person.used_name}^{person.given_names[0]}^^^^^D".upper() if person.used_name else ""
    both = birth + used
    return both.translate(_BARE) if house.source == "ch" else both


_BARE = str.maketrans("ÀÂÄÇÉÈÊËÎÏÍÔÖÓÙÛÜÚÑÃÕ", "AAACEEEEIIIOOOUUUUNAO")


def _pv1(life: Life, message: Message, stay: Stay, house: House, chance: Chance) -> str:
    fields = [""] * 52
    fields[0], fields[1], fields[2] = "PV1", "1", stay.patient_class
    finess = FINESS[house.source]
    code, _ = message.unit
    room = f"{1 + stay.place}{life.person.index % 40:02d}"
    bed = "P" if life.person.index % 2 else "F"
    fields[3] = f"{code}^{room}^{bed}^{house.authority}&{finess}&M"
    fields[4] = "U" if stay.patient_class == EMERGENCY else "R"
    doctor = rpps(100 + life.person.index % 37)
    fields[7] = f"{doctor}^MEDECIN{life.person.index % 37}^CAMILLE^^^DR^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^L^^^RPPS"
    fields[14] = chance.one(_ORIGINS)
    number = finess if house.key_is_file else numbers.stay(life, stay)
    fields[19] = f"{number}^^^{house.authority}&{finess}&N^VN"
    fields[21] = {IN_PATIENT: "03", EMERGENCY: "10", OUT_PATIENT: "04"}[stay.patient_class]
    if message.event == "A03":
        if chance.often(0.85):
            fields[36] = "3" if message.dead else chance.one(_EXITS)
        if chance.often(0.08) and not message.dead:
            fields[37] = FINESS["csapa"]
    if not house.sparse and chance.often(0.5):
        fields[44] = hl7_time(stay.start)
        if message.event == "A03":
            fields[45] = hl7_time(message.moment)
    if message.event == "A11":
        fields[51] = "V"
    return "|".join(fields).rstrip("|")


def _pv2(stay: Stay, chance: Chance) -> Iterator[str]:
    if stay.patient_class == EMERGENCY and chance.often(0.7):
        code, label = chance.choice(_ED_REASONS)
        yield f"PV2|||{code}^{label}{'|' * 35}{chance.choice('012357')}"


def _zbe(message: Message, house: House) -> str:
    code, label = message.unit
    authority = f"{house.authority}&{FINESS[house.source]}&N"
    unit = f"{label.replace('&', chr(92) + 'T' + chr(92))}^^^^^{authority}^UF^^^{code}"
    movement = f"{message.movement}^{house.authority}^{FINESS[house.source]}"
    historic = "N"
    origin = {"A11": "A01", "A13": "A03"}.get(message.event, "") if message.action == "CANCEL" else ""
    return f"ZBE|{movement}|{hl7_time(message.moment)}||{message.action}|{historic}|{origin}|{unit}|{unit}|HMS"


def _zfm(message: Message, stay: Stay, house: House, chance: Chance) -> Iterator[str]:
    if house.sparse or not (message.dead or chance.often(0.5)):
        return
    if message.event == "A01":
        yield f"ZFM|{chance.choice('8887')}||{chance.choice(('', '', '1', '4'))}||{chance.choice(('', '5'))}"
    elif message.event == "A03" and stay.patient_class == IN_PATIENT:
        if message.dead:
            yield "ZFM||9"
        else:
            mode, destination = chance.choice(
                (("8", ""), ("8", ""), ("8", "7"), ("7", "2"), ("6", "1"), ("7", "4"), ("4", ""))
            )
            yield f"ZFM||{mode}||{destination}"
