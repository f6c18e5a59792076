"""One region for the tests of the ten rules: as it was carried, and as it was after more was written."""

from dataclasses import dataclass, field

import pytest
from attacked_people import People, write_first_day, write_in_between, write_second_day
from attacked_region import Attacked

from passerelle.delivery import deliver
from passerelle.ids import id_bytes
from passerelle.linkage.linking import link
from passerelle.pipeline.doubts import doubts_of
from passerelle.pipeline.territory import _cut
from passerelle.stores.ledger import cuts, outbox
from passerelle.stores.ledger.outbox import Send

PERSONS, SEED = 100, 23
TYPES = ("Patient", "Encounter", "EpisodeOfCare", "Task", "ServiceRequest", "Person", "Consent", "Condition")


@dataclass
class Moment:
    """The region as it stood at one moment."""

    region: Attacked
    people: People
    standing: dict = field(init=False)
    exported: dict = field(init=False)

    def __post_init__(self) -> None:
        region = self.region
        self.standing = region.standing(*TYPES)
        self.exported = region.exported()
        self.active, self.doubtful = region.links("ins"), region.links("ins", "review")
        self.slips = region.links("orientation-slip")
        self.files = {
            str(path.relative_to(region.places.export)): path.read_bytes()
            for path in sorted(region.places.export.rglob("*"))
            if path.is_file()
        }
        self.page = region.places.page.read_text("utf-8")
        self.told = region.told
        self.lists = {name: region.hospital_rows(name) for name in ("chu", "ch")}
        self.tasks = [one for one in self.standing.values() if one["resourceType"] == "Task"]
        with region.instance.stores.ledger.read() as tx:
            self.receipts = outbox.receipts_of(tx, "export")

    def patient(self, source: str, case: str) -> dict | None:
        """Somebody's Patient at a source, whole, if it stands."""
        return self.standing.get(self.region.patient(source, self.people[case]))

    def reaches(self, case: str, *sources: str) -> list[str]:
        """The sources of which the recipient has somebody's record."""
        return [one for one in sources if self.region.patient(one, self.people[case]) in self.exported]

    def is_linked(self, case: str, one: str = "chu", other: str = "csapa") -> bool:
        """Whether somebody's two records are said to be of one person."""
        return self.pair(case, one, other) in self.active

    def is_doubtful(self, case: str, one: str = "chu", other: str = "csapa") -> bool:
        """Whether that the two records are of one person waits for somebody to decide."""
        return self.pair(case, one, other) in self.doubtful

    def pair(self, case: str, one: str, other: str) -> frozenset[str]:
        """Somebody's two records, as links hold them."""
        return self.region.pair((one, self.people[case]), (other, self.people[case]))

    def outcomes(self, case: str, kind: str = "csapa-contact") -> dict[str, str]:
        """By window: what link says of a contact at the centre, or of another follow-up, after somebody left hospital."""
        event = self.region.stay(self.people[case])
        found = {}
        for task in self.tasks:
            codes = [one["code"] for one in task.get("code", {}).get("coding", ())]
            about = task.get("reasonReference", {}).get("reference", "").rpartition("/")[2]
            if about == event and codes[:1] == [kind]:
                said = task["businessStatus"]["coding"][0]["code"]
                found[codes[1]] = task["statusReason"]["coding"][0]["code"] if said == "not-observable" else said
        return found

    def told_to_hospital(self, case: str) -> set[str]:
        """What the university hospital reads of a contact at the centre after somebody left."""
        number = self.people[case].local
        return {
            row["outcome"]
            for row in self.lists["chu"]
            if (row["patient"], row["follow_up"]) == (number, "csapa-contact")
        }


@pytest.fixture(scope="session")
def region(tmp_path_factory):
    """A region into which everybody of `attacked_people` was written."""
    attacked = Attacked(tmp_path_factory.mktemp("rules") / "demo", persons=PERSONS, seed=SEED)
    attacked.people = People(attacked.sources)
    write_first_day(attacked.people)
    attacked.carry("zz_first")
    yield attacked
    attacked.instance.close()


@pytest.fixture(scope="session")
def first(region):
    """The region as it was carried."""
    return Moment(region, region.people)


@pytest.fixture(scope="session")
def second(region, first):
    """The region after people changed their minds, and sources what they had said."""
    write_second_day(region.people)
    region.carry_again("zz_second", "chu", "csapa")
    return Moment(region, region.people)


@pytest.fixture(scope="session")
def between(region, first, second):
    """The region in which something was published after link and before deliver."""
    instance, people = region.instance, region.people
    stores, house, as_of = instance.stores, instance.house, instance.settings.as_of
    with instance.lease("territory") as lease:
        cut = stores.ledger.in_transaction(lambda tx: _cut(tx, lease))
        linked = link(stores, house, cut, lease, as_of, doubts=doubts_of(instance))
        write_in_between(people)
        region.land("zz_third", "chu")
        leaving = id_bytes(region.patient("chu", people["opposes-in-between"]))
        slow = Send("export", leaving, "Patient", "put", bytes(16))
        stores.ledger.in_transaction(lambda tx: outbox.enqueue(tx, lease, cuts.by_name(tx, first.told.cut).id, [slow]))
        deliver(
            stores,
            house,
            cut,
            linked,
            lease=lease,
            as_of=as_of,
            out_folder=region.places.export,
            target=house.targets["export"],
            directory=instance.directory,
            doubts=doubts_of(instance),
        )
    return Moment(region, people)
