"""The local numbers of each source, all derived from the person's index so that no counter is shared."""

from passerelle.simulator.lives import Custody, Demand, Life, Placement, Slip, Stay, Visit
from passerelle.simulator.region import scattered

_MOST_STAYS = 12
_MOST_VISITS = 400


def patient(life: Life, source: str) -> str:
    """The number under which a source knows the person."""
    index = life.person.index
    if source == "chu":
        return scattered(index, 8, "chu.ipp")
    if source == "ch":
        return f"B{scattered(index, 7, 'ch.ipp')}"
    if source == "csapa":
        return f"P{scattered(index, 7, 'csapa.patient')}"
    return str(1_000 + index)


def event_key(life: Life, door: Stay | Custody) -> str:
    """The number of a stay or of a custody's follow-up."""
    if isinstance(door, Custody):
        return str(custody(life, door))
    return stay(life, door)


def stay(life: Life, door: Stay) -> str:
    """The number that is the stay's key at this hospital: of the visit (chu) or of the file (ch)."""
    number = life.person.index * _MOST_STAYS + door.place
    if life.hospital == "chu":
        return f"25{scattered(number, 8, 'chu.stay')}"
    return f"D{scattered(number, 8, 'ch.file')}"


def custody(life: Life, door: Custody) -> int:
    """The number of a custody's follow-up."""
    return life.person.index * _MOST_STAYS + door.place + 1


def episode(life: Life) -> str:
    """The number of the CSAPA's episode; a person has one."""
    return f"E{scattered(life.person.index, 7, 'csapa.episode')}"


def act(life: Life, visit: Visit) -> str:
    """The number of an appointment or contact at the CSAPA."""
    place = next(place for place, other in enumerate(life.visits) if other is visit)
    return scattered(life.person.index * _MOST_VISITS + place, 10, "csapa.act")


def outreach(life: Life, place: int) -> str:
    """The number of an outreach contact; it says nothing of the person."""
    return f"C{scattered(life.person.index * _MOST_STAYS + place, 8, 'caarud.contact')}"


def slip(life: Life, one: Slip) -> str:
    """The number of an orientation slip."""
    return f"S{scattered(life.person.index * _MOST_STAYS + one.place, 8, 'caarud.slip')}"


def demand(life: Life, one: Demand) -> int:
    """The number of a housing request."""
    every = [*(given.demand for given in life.orientations), *life.other_demands]
    place = next(place for place, other in enumerate(every) if other is one)
    return int(scattered(life.person.index * 2 * _MOST_STAYS + place, 8, "siao.demand"))


def placement(life: Life, of: Demand, one: Placement) -> int:
    """The number of a proposal to a structure."""
    return demand(life, of) * 10 + next(place for place, other in enumerate(of.placements) if other is one)


def housing_person(life: Life) -> int:
    """The housing desk's own number of a person."""
    return int(scattered(life.person.index, 7, "siao.person"))


def right(life: Life, source: str, letter: str, place: int) -> str:
    """The number of a consent (K), an opposition (Q) or a care team (T)."""
    return f"{letter}{scattered(life.person.index * _MOST_STAYS + place, 8, source + letter)}"
