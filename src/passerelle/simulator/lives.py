"""What happens to a person in the year: which doors, when, on what terms. Records are written from it, later."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from passerelle.simulator.chance import Chance, Weighted
from passerelle.simulator.region import FIRST_DAY, LAST_DAY, day_of
from passerelle.simulator.sharing import Shared, share
from passerelle.simulator.who import Person

IN_PATIENT, EMERGENCY, OUT_PATIENT = "I", "E", "O"
ATTENDED, BOOKED, NO_SHOW, CANCELLED_BY_PERSON, CANCELLED_BY_US, POSTPONED = "H", "P", "N", "A", "S", "R"
RELEASE, TRANSFER, REFUSAL, DEATH = "SOR", "TRF", "REF", "DCD"
QUALIFIED, VALIDATED, RETRIEVED, PROVISIONAL, ANONYMOUS = "Q", "V", "R", "P", "A"

FirstDelay = Literal["week", "three-weeks", "month", "later", "none"]

_STATUS = Weighted([(QUALIFIED, 78), (VALIDATED, 8), (RETRIEVED, 3), (PROVISIONAL, 11)])
_DELAYS: Weighted[FirstDelay] = Weighted([("week", 30), ("three-weeks", 18), ("month", 7), ("later", 15), ("none", 30)])
_DELAY_DAYS: dict[FirstDelay, tuple[int, int]] = {
    "week": (1, 7),
    "three-weeks": (8, 21),
    "month": (22, 30),
    "later": (31, 90),
}
_STAY_CLASS = Weighted([(IN_PATIENT, 72), (EMERGENCY, 17), (OUT_PATIENT, 11)])
_ENDINGS = Weighted([(RELEASE, 82), (TRANSFER, 11), (REFUSAL, 7)])
_BACKGROUND = Weighted([(ATTENDED, 70), (NO_SHOW, 14), (CANCELLED_BY_PERSON, 7), (CANCELLED_BY_US, 4), (POSTPONED, 5)])
_MISSED_STATUS = Weighted([(NO_SHOW, 55), (CANCELLED_BY_PERSON, 20), (CANCELLED_BY_US, 10), (POSTPONED, 15)])
_DOORS = Weighted(
    [
        (("hospital", "csapa"), 34),
        (("hospital",), 15),
        (("csapa",), 14),
        (("usmp", "csapa"), 13),
        (("usmp",), 7),
        (("hospital", "usmp", "csapa"), 9),
        (("hospital", "usmp"), 4),
        ((), 4),
    ]
)
_FIRST_NIGHT = Weighted([(0, 28), (1, 22), (3, 8), (9, 8), (-1, 34)])
_VALIDITY = Weighted([(30, 1), (60, 2), (90, 2)])
_SLIP_END = Weighted([("arrives", 62), ("late", 8), ("none", 30)])


@dataclass(slots=True)
class Identity:
    """What one source believes of the person: how sure it is, and which traits it got wrong."""

    source: str
    status: str
    qualified_on: date
    given_name: str
    born: date
    birth_place: str
    phone: str
    moved: bool = False

    @property
    def anonymous(self) -> bool:
        """Whether the person asked for anonymity at this door."""
        return self.status == ANONYMOUS

    @property
    def has_ins(self) -> bool:
        """Whether the source ends up with a qualified national number."""
        return self.status == QUALIFIED


@dataclass(slots=True)
class Placement:
    """One proposal to one structure; `entry` is the first night, if there was one."""

    proposed: datetime
    status: str
    entry: date | None = None
    exit: date | None = None


@dataclass(slots=True)
class Demand:
    """A request to the housing desk. It may quote an orientation number."""

    created: datetime
    quotes: str | None
    placements: list[Placement] = field(default_factory=list)
    ended: bool = False


@dataclass(slots=True)
class Orientation:
    """A number that a hospital or the prison unit gave for the housing desk, with the person's word on it."""

    number: str
    given: datetime
    consented: bool
    withdrawn: date | None = None
    cancelled: bool = False
    demand: Demand | None = None


@dataclass(slots=True)
class Stay:
    """A stay at the hospital, or a passage there."""

    place: int
    patient_class: str
    start: datetime
    end: datetime | None
    cancelled: bool = False
    false_exit: datetime | None = None
    died: bool = False
    exit_before_entry: bool = False
    orientation: Orientation | None = None

    @property
    def is_index(self) -> bool:
        """Whether a follow-up is expected after it: an inpatient stay that ended."""
        return self.patient_class == IN_PATIENT and not self.cancelled and self.end is not None

    @property
    def is_return(self) -> bool:
        """Whether it ends the wait after an earlier one."""
        return self.patient_class == IN_PATIENT and not self.cancelled


@dataclass(slots=True)
class Custody:
    """A time in prison, as followed by the health unit."""

    place: int
    start: datetime
    end: datetime | None
    reason: str = ""
    time_unknown: bool = False
    orientation: Orientation | None = None

    @property
    def is_index(self) -> bool:
        """Whether it ended with an actual release."""
        return self.end is not None and self.reason == RELEASE


@dataclass(slots=True)
class Visit:
    """An appointment or a contact at the CSAPA."""

    planned: datetime
    status: str
    booked: datetime | None = None
    withdrawn_on: date | None = None

    @property
    def attended(self) -> bool:
        """Whether the person came, and the entry was no mistake."""
        return self.status == ATTENDED and self.withdrawn_on is None

    @property
    def day(self) -> date:
        """The day it was for."""
        return self.planned.date()


@dataclass(slots=True)
class Slip:
    """An orientation slip that the outreach team printed, and what became of it."""

    place: int
    token: str
    given: datetime
    expires: date
    recorded: str
    presented: date | None = None
    consented: bool = True

    @property
    def misread(self) -> bool:
        """Whether the CSAPA wrote down another token than the one on the slip."""
        return self.recorded != self.token


@dataclass(slots=True)
class Life:
    """A person and their year."""

    person: Person
    hospital: str | None
    hospital_identity: Identity | None = None
    csapa_identity: Identity | None = None
    usmp_identity: Identity | None = None
    stays: list[Stay] = field(default_factory=list)
    custodies: list[Custody] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    registered: datetime | None = None
    outreach: list[datetime] = field(default_factory=list)
    slips: list[Slip] = field(default_factory=list)
    other_demands: list[Demand] = field(default_factory=list)
    death: datetime | None = None
    shared: Shared = field(default_factory=Shared)
    traits_agree: bool = True

    @property
    def identities(self) -> list[Identity]:
        """The records that know the person, in a fixed order."""
        return [one for one in (self.hospital_identity, self.csapa_identity, self.usmp_identity) if one is not None]

    @property
    def orientations(self) -> list[Orientation]:
        """Every orientation number the person was given."""
        return [door.orientation for door in self.left if door.orientation]

    @property
    def left(self) -> list[Stay | Custody]:
        """Every door that the person was behind."""
        return [*self.stays, *self.custodies]


@dataclass(frozen=True, slots=True)
class _Span:
    kind: str
    start: int
    end: int


def live(seed: int, person: Person) -> Life:
    """The year of this person: the same for the same seed, whoever else lives in the region."""
    chance = Chance(seed, "life", person.index)
    doors: tuple[str, ...] = chance.one(_DOORS)
    hospital = chance.one(Weighted([("chu", 76), ("ch", 24)]))
    life = Life(person, hospital if "hospital" in doors else None)
    if chance.often(0.015):
        life.death = chance.at_hour(day_of(chance.between(20, 364)), 8, 20)
    _fill_timeline(life, chance, doors)
    _meet_outreach(life, chance)
    if "csapa" in doors:
        _visit(life, chance)
    _settle_identities(life, chance)
    _orient(life, chance)
    if chance.often(0.08) and person.housing != "stable":
        created = chance.at_hour(day_of(chance.between(60, 340)), 9, 18)
        if not life.death or created < life.death:
            life.other_demands.append(_demand(chance, life, None, created, created.date()))
    life.shared = share(life, chance)
    return life


def _fill_timeline(life: Life, chance: Chance, doors: tuple[str, ...]) -> None:
    """Stays and custodies that never touch: at least four days lie between any two of them."""
    kinds = [kind for kind in ("hospital", "usmp") if kind in doors]
    if not kinds:
        return
    spans: list[_Span] = []
    next_day = chance.between(0, 200)
    if "usmp" in kinds and chance.often(0.55):
        start = -chance.between(30, 300)
        end = chance.between(3, 330) if chance.often(0.9) else DAYS_AFTER
        spans.append(_Span("usmp", start, end))
        next_day = end + 4 + chance.between(0, 90)
    most = chance.one(Weighted([(1, 48), (2, 28), (3, 15), (5, 9)])) + len(kinds) - 1
    while next_day < 365 and len(spans) < most:
        kind = kinds[0] if len(kinds) == 1 or chance.often(0.7) else kinds[1]
        length = _length(chance, kind)
        spans.append(_Span(kind, next_day, next_day + length))
        next_day += length + 4 + int(chance.expovariate(1 / 55))
    for span in spans:
        if life.death and day_of(span.start) >= life.death.date():
            break
        if span.kind == "hospital":
            life.stays.append(_stay(life, chance, span))
        else:
            life.custodies.append(_custody(life, chance, span))


DAYS_AFTER = 10_000
"""A span that is not over when the year ends."""


def _length(chance: Chance, kind: str) -> int:
    if kind == "hospital":
        return min(40, 1 + int(chance.gammavariate(2, 4.5)))
    return 15 + int(chance.gammavariate(2, 50))


def _stay(life: Life, chance: Chance, span: _Span) -> Stay:
    patient_class = chance.one(_STAY_CLASS)
    start = chance.at_hour(day_of(span.start), 8, 18)
    if patient_class != IN_PATIENT:
        end = start + timedelta(minutes=chance.between(60, 150))
        return Stay(len(life.stays), patient_class, start, end)
    stay = Stay(len(life.stays), patient_class, start, chance.at_hour(day_of(span.end), 9, 18))
    if chance.often(0.02):
        return Stay(len(life.stays), patient_class, start, None, cancelled=True)
    if stay.end and stay.end.date() > LAST_DAY:
        stay.end = None
    if life.death and (stay.end is None or stay.end >= life.death):
        stay.end, stay.died = life.death, True
    if stay.end and not life.death and chance.often(0.006):
        life.death, stay.died = stay.end, True
    if span.end - span.start >= 4 and chance.often(0.05):
        false_exit = chance.at_hour(day_of(span.end - chance.between(1, 2)), 9, 15)
        if false_exit.date() <= LAST_DAY and not stay.died:
            stay.false_exit = false_exit
    if stay.end and not stay.died and not stay.false_exit and chance.often(0.006):
        stay.exit_before_entry = True
    return stay


def _custody(life: Life, chance: Chance, span: _Span) -> Custody:
    start = chance.at_hour(day_of(span.start), 9, 18)
    end: datetime | None = chance.at_hour(day_of(span.end), 8, 17) if span.end < 365 else None
    custody = Custody(len(life.custodies), start, end, chance.one(_ENDINGS) if end else "")
    if life.death and (end is None or end >= life.death):
        custody.end, custody.reason = life.death, DEATH
    if custody.is_index and chance.often(0.012):
        custody.time_unknown = True
    return custody


def index_days(life: Life) -> list[date]:
    """The days on which the person left hospital or prison, in order."""
    return sorted(door.end.date() for door in life.left if door.is_index and door.end is not None)


def _meet_outreach(life: Life, chance: Chance) -> None:
    if not chance.often(0.3):
        return
    last = life.death.date() if life.death else LAST_DAY
    for _ in range(chance.between(1, 4)):
        life.outreach.append(chance.at_hour(chance.day_within(FIRST_DAY, last), 9, 22))
    if chance.often(0.6):
        given = life.outreach[0]
        token = "".join(chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(26))
        expires = given.date() + timedelta(days=chance.one(_VALIDITY))
        recorded = f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}" if chance.often(0.06) else token
        life.slips.append(Slip(0, token, given, expires, recorded))


def _visit(life: Life, chance: Chance) -> None:
    """Appointments at the CSAPA: some after an index event, some because of a slip, some as a habit."""
    old = chance.often(0.4)
    days: dict[date, str] = {}
    for left in index_days(life):
        _follow_up(chance, left, days)
    slip = life.slips[0] if life.slips and not old else None
    presented = _present(chance, slip) if slip else None
    if presented:
        days.setdefault(presented, ATTENDED)
    if old:
        day = day_of(chance.between(-20, 40))
        while day <= LAST_DAY:
            if day >= FIRST_DAY:
                days.setdefault(day, chance.one(_BACKGROUND))
            day += timedelta(days=10 + int(chance.expovariate(1 / 38)))
    elif not days or chance.often(0.35):
        day = day_of(chance.between(5, 350))
        for _ in range(chance.between(1, 6)):
            days.setdefault(day, chance.one(_BACKGROUND))
            day += timedelta(days=chance.between(6, 35))
    life.visits = [
        _one_visit(chance, day, status) for day, status in sorted(days.items()) if _may_happen(life, day, status)
    ]
    if chance.often(0.2) and not life.death:
        booked = chance.at_hour(chance.day_within(day_of(340), LAST_DAY), 9, 18)
        life.visits.append(Visit(chance.at_hour(day_of(chance.between(366, 390)), 9, 17), BOOKED, booked))
    attended = [visit.planned for visit in life.visits if visit.attended]
    if old:
        life.registered = chance.at_hour(date(chance.between(2018, 2024), chance.between(1, 12), 15), 9, 17)
    elif attended:
        life.registered = attended[0] - timedelta(minutes=5)
        life.visits = [visit for visit in life.visits if visit.planned >= attended[0]]
    else:
        life.visits = []
    arrived = any(visit.attended and visit.day == presented for visit in life.visits)
    if slip and presented and arrived and life.registered and life.registered.date() == presented:
        slip.presented, slip.consented = presented, chance.often(0.88)


def _follow_up(chance: Chance, left: date, days: dict[date, str]) -> None:
    delay = chance.one(_DELAYS)
    if chance.often(0.03):
        days[left] = ATTENDED
    if delay == "none":
        if chance.often(0.4):
            days.setdefault(left + timedelta(days=chance.between(2, 20)), chance.one(_MISSED_STATUS))
        return
    low, high = _DELAY_DAYS[delay]
    after = chance.between(low, high)
    if after > 3 and chance.often(0.3):
        days.setdefault(left + timedelta(days=chance.between(1, after - 1)), chance.one(_MISSED_STATUS))
    days[left + timedelta(days=after)] = ATTENDED
    for _ in range(chance.between(0, 3)):
        after += chance.between(5, 30)
        days.setdefault(left + timedelta(days=after), chance.one(_BACKGROUND))


def _present(chance: Chance, slip: Slip) -> date | None:
    ending = chance.one(_SLIP_END)
    if ending == "none":
        return None
    if ending == "late":
        return slip.expires + timedelta(days=chance.between(1, 20))
    return chance.day_within(slip.given.date() + timedelta(days=1), slip.expires)


def _may_happen(life: Life, day: date, status: str) -> bool:
    if day > LAST_DAY or (life.death and day >= life.death.date()):
        return False
    if status != ATTENDED:
        return True
    away = ((door.start.date(), door.end.date() if door.end else LAST_DAY) for door in life.left if not _passing(door))
    return not any(start < day < end for start, end in away)


def _passing(door: Stay | Custody) -> bool:
    return isinstance(door, Stay) and not door.is_return


def _one_visit(chance: Chance, day: date, status: str) -> Visit:
    visit = Visit(chance.at_hour(day, 9, 17), status)
    if chance.often(0.35):
        visit.booked = chance.at_hour(day - timedelta(days=chance.between(2, 15)), 9, 18)
    if status == ATTENDED and chance.often(0.006):
        withdrawn = day + timedelta(days=chance.between(2, 6))
        visit.withdrawn_on = withdrawn if withdrawn <= LAST_DAY else None
    return visit


def _settle_identities(life: Life, chance: Chance) -> None:
    """Each door believes something of its own; now and then it has the number of a relative."""
    if life.hospital and life.stays:
        life.hospital_identity = _identity(life, chance, life.hospital, life.stays[0].start.date())
    else:
        life.hospital = None
    if life.registered:
        life.csapa_identity = _identity(life, chance, "csapa", life.registered.date())
    if life.custodies:
        life.usmp_identity = _identity(life, chance, "usmp", life.custodies[0].start.date(), anonymous=0.0)
    csapa = life.csapa_identity
    others = [one for one in (life.hospital_identity, life.usmp_identity) if one is not None]
    if csapa and csapa.has_ins and any(one.has_ins for one in others) and chance.often(0.03):
        life.traits_agree = False
        if chance.often(0.5):
            csapa.born = csapa.born.replace(year=csapa.born.year + chance.choice((-3, -2, 2, 3)), day=1, month=6)
        else:
            csapa.given_name = "Dominique" if csapa.given_name != "Dominique" else "Claude"


def _identity(life: Life, chance: Chance, source: str, known: date, *, anonymous: float = 0.03) -> Identity:
    person = life.person
    status = ANONYMOUS if chance.often(anonymous) else chance.one(_STATUS)
    later = known + timedelta(days=chance.between(1, 30))
    return Identity(
        source,
        status,
        later if chance.often(0.25) and FIRST_DAY < later <= LAST_DAY else known,
        person.given_names[0],
        person.born,
        person.birth_place if status == QUALIFIED or chance.often(0.6) else "",
        person.phone,
        moved=chance.often(0.1),
    )


def _orient(life: Life, chance: Chance) -> None:
    """Orientation numbers for those without a sure roof. A person's word on it is the same at every door."""
    if life.person.housing == "stable":
        return
    word = chance.one(Weighted([("yes", 80), ("no", 12), ("withdrawn", 8)]))
    last: datetime | None = None
    for door in life.left:
        source = "usmp" if isinstance(door, Custody) else life.hospital or ""
        hidden = life.hospital_identity is not None and life.hospital_identity.anonymous and source != "usmp"
        if door.end is None or not door.is_index or hidden or not chance.often(0.55):
            continue
        if isinstance(door, Stay) and (door.died or door.exit_before_entry):
            continue
        given = max(door.start + timedelta(hours=1), door.end - timedelta(days=chance.between(1, 3)))
        code = "".join(chance.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(10))
        number = f"OR{code}"
        orientation = Orientation(number, given, word != "no", cancelled=chance.often(0.02))
        quoted = 0.75 if word != "no" else 0.06
        if chance.often(quoted) and not orientation.cancelled:
            orientation.demand = _demand(chance, life, number, given + timedelta(minutes=50), door.end.date())
        door.orientation = orientation
        last = max(last, given) if last else given
    if word == "withdrawn" and last:
        withdrawn = last.date() + timedelta(days=chance.between(5, 40))
        for orientation in life.orientations:
            orientation.withdrawn = withdrawn if withdrawn <= LAST_DAY else None


def _demand(chance: Chance, life: Life, quotes: str | None, created: datetime, left: date) -> Demand:
    demand = Demand(created, quotes)
    limit = min(LAST_DAY, life.death.date() if life.death else LAST_DAY)
    if chance.often(0.25):
        refused = min(created + timedelta(hours=3), datetime.combine(limit, created.time()))
        demand.placements.append(Placement(refused, chance.choice(("REFU", "ANNU", "CADU"))))
    delay = chance.one(_FIRST_NIGHT)
    proposed = max(created, datetime.combine(left, created.time())) if delay > 1 else created
    entry = left + timedelta(days=delay + (chance.between(0, 5) if delay > 1 else 0))
    if delay < 0 or entry > limit:
        if chance.often(0.5):
            demand.placements.append(Placement(created, chance.choice(("PROP", "ACCE", "REFU"))))
        return demand
    placement = Placement(proposed, "PRES", entry)
    leaves = entry + timedelta(days=chance.between(1, 120))
    if leaves <= limit:
        placement.status, placement.exit = "SORT", leaves
    demand.placements.append(placement)
    demand.ended = placement.exit is not None and chance.often(0.6)
    return demand
