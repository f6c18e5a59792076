"""Deliver, run over one cut and one target: a full snapshot of the current view behind the gate.

The snapshot lies in a folder of the target's name, one NDJSON file per type, sorted by id; it is rebuilt each time,
and the same facts give the same bytes. Beside it, in `hospitals`, each hospital finds what became of its own people.

How a cut is counted, in resources: *passed* leaves; *suppressed* is withheld by a rule of the gate, or points to what
is; *out-of-scope* is of a type that the target does not take; *quarantined* was refused by the last check.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import orjson

from passerelle.contracts.house import House
from passerelle.contracts.target import Target
from passerelle.delivery.choosing import POINTS_TO_WITHHELD, Chooser, Chosen, Form, subject_in, subjects_of
from passerelle.delivery.classes import Classifier, DataClasses, read_data_classes
from passerelle.delivery.folder import Snapshot, Written
from passerelle.delivery.grounds import Grounds
from passerelle.delivery.hospitals import FollowUpLists
from passerelle.delivery.pruning import kept, references, without_answers, without_dangling, without_numbers
from passerelle.doors.fhir_models import accepts
from passerelle.errors import RefusedForGood, UsageError
from passerelle.fold.view import CutView, Standing, Tree, as_written, day_of, id_in
from passerelle.gate import OrganisationFacts
from passerelle.gate.recorded import NO_DOUBTS, Doubts, Recorded, facts_of_organisation
from passerelle.ids import KeyedHasher
from passerelle.records import Stage, State
from passerelle.stores.ledger import Lease, audit, cuts, instants, leases, links, outbox, run_log
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.cuts import Cut
from passerelle.stores.ledger.outbox import Receipt, Send, SendState
from passerelle.stores.opened import Stores
from passerelle.structure import Splitter, load_identity_rules, structure

SUFFIX = ".ndjson"
HELD = "held"
GONE = "gone"
SHARING_ENDED = "sharing-ended"
"""Why a recipient is told to keep something no more: it stands, and may not be shared any more. It was no error."""
NO_LONGER_STANDS = "no-longer-stands"
"""The same: nobody says it any more; it was cancelled, deleted, or what it was said of is another's."""
EVENT = "deliver"
"""What the run log and the audit call a delivery."""


class Linked(Protocol):
    """What deliver wants to know of a run of link: the batch that holds its statements."""

    @property
    def batch_id(self) -> int:
        """The batch."""


class DirectoryResource(Protocol):
    """An Organization or Location that comes from contracts."""

    @property
    def id(self) -> bytes:
        """Sixteen bytes."""

    @property
    def type(self) -> str:
        """FHIR type."""

    @property
    def tree(self) -> Tree:
        """The resource. It is not changed."""


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What one delivery brought to its target.

    Attributes:
        target: the target's name.
        recipient: the organisation that receives.
        delivered: resources by type.
        withheld: resources by the rule that keeps them back.
        refused: resources that the last check did not accept, by type.
        out_of_scope: resources of types that the target does not take.
        sent: how many are new or changed for the target (`put`), how many it must forget (`delete`).
        files: what the folder of the target holds.
        hospitals: rows of each hospital's own list.
    """

    target: str
    recipient: str
    delivered: Mapping[str, int]
    withheld: Mapping[str, int]
    refused: Mapping[str, int]
    out_of_scope: int
    sent: Mapping[str, int]
    files: Sequence[Written]
    hospitals: Mapping[str, int]


def deliver(
    stores: Stores,
    house: House,
    cut: Cut,
    linked: Linked,
    *,
    lease: Lease,
    as_of: date | datetime,
    out_folder: Path,
    target: Target,
    directory: Sequence[DirectoryResource] = (),
    doubts: Doubts = NO_DOUBTS,
) -> DeliveryOutcome:
    """The target's folder holds what it may have of the cut, and the ledger says what it is known to hold.

    Args:
        stores: where everything lies.
        house: all contracts.
        cut: what is delivered of.
        linked: the run of link over the same cut.
        lease: the territory's.
        as_of: the day; the day of a moment is that of the gate's zone.
        out_folder: where the folder of the target lies.
        target: who receives, and what.
        directory: organisations and places.
        doubts: what people said that waits to be read, at the moment of sending.

    Raises:
        UsageError: the target wants no persons.
        RefusedForGood: something was sent as of a later day; what was withdrawn since would be shared again.
        ContractError: `validation/data_classes.yaml` cannot be read.
        StaleLease: someone took over.
        Unavailable: the folder cannot be written.
    """
    if target.purpose != "deliver":
        raise UsageError(f"target {target.target} is for {target.purpose}; deliver sends to those who may have persons")
    day = day_of(as_of, house.gate.time_zone)
    _refuse_earlier(stores, day)
    delivery = _Delivery(stores, house, cut, linked, target=target, directory=directory, day=day, doubts=doubts)
    with Snapshot(out_folder / target.target) as snapshot:
        delivery.write(snapshot)
        files = snapshot.commit(SUFFIX)
    hospitals = delivery.lists.write(out_folder / "hospitals")
    stores.ledger.in_transaction(lambda tx: delivery.commit(tx, lease))
    return delivery.outcome(files, hospitals)


@dataclass(slots=True)
class _Left:
    """What left, what of the directory it names, and what the last check refused."""

    digests: dict[bytes, tuple[str, bytes]] = field(default_factory=dict)
    delivered: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    named: set[bytes] = field(default_factory=set)

    def restart(self) -> None:
        """Nothing left so far; what was refused stays refused."""
        self.digests.clear()
        self.delivered.clear()
        self.named.clear()


class _Delivery:
    """One delivery in the making."""

    def __init__(
        self,
        stores: Stores,
        house: House,
        cut: Cut,
        linked: Linked,
        *,
        target: Target,
        directory: Sequence[DirectoryResource],
        day: date,
        doubts: Doubts,
    ) -> None:
        self._doubts = doubts
        self._stores = stores
        self._house = house
        self._cut = cut
        self._linked = linked
        self._target = target
        self._directory = {as_written(one.id): one for one in directory}
        self._day = day
        self._table = read_data_classes(house.root)
        sensitive = _sensitive(self._table, house, stores, self._directory)
        self._classifier = Classifier(self._table, sensitive, _numbers(self._directory, sensitive))
        self._recipient = _recipient(house, target)
        self._check = structure().check
        self._content_key = stores.keys.token_key("content")
        self._chosen = Chosen()
        self._left = _Left()
        self._sent: dict[str, int] = {"put": 0, "delete": 0}
        self._held: dict[bytes, Receipt] = {}
        self._gone: dict[bytes, str] = {}
        self._grounds: Grounds | None = None
        self.lists = FollowUpLists(house, day)

    # What leaves -------------------------------------------------------------------------------------------------

    def write(self, snapshot: Snapshot) -> None:
        """Everything that may leave is in the snapshot, sorted by type and id."""
        join = Splitter(load_identity_rules(self._house.root / "fhir" / "identity_elements.yaml")).join
        with self._stores.ledger.read() as tx:
            recorded = Recorded.read(tx, self._doubts)
            together = _together(links.found(tx, "ins", states=["active"]))
            receipts = outbox.receipts_of(tx, self._target.target)
        self._held = {key: one for key, one in receipts.items() if one.state == HELD}
        sources = sorted(self._house.sources)
        with CutView(self._stores, self._cut, sources, join, also=[self._linked.batch_id]) as view:
            subjects = subjects_of(view)
            known = {one: frozenset(others & subjects.keys()) for one, others in together.items() if one in subjects}
            grounds = Grounds(self._house, recorded, subjects, known, recipient=self._recipient, day=self._day)
            self._grounds = grounds
            chooser = Chooser(self._house, self._target, self._classifier, grounds, subjects=subjects)
            self._chosen = chooser.choose(view)
            self._settle(view)
            self._write_resources(view, snapshot)
            self.lists.gather(view, recorded, subjects, known)
            self._write_directory(snapshot)
            self._gone = self._told_gone(view)

    def _settle(self, view: CutView) -> None:
        """What says nothing, or something else, without what is withheld is withheld too, until nothing more falls."""
        while True:
            fallen = [
                one.id for one in view.bodies(self._types(), self._chosen.forms) if self._prepared(one)[0] is None
            ]
            if not fallen:
                return
            self._withhold(fallen)

    def _withhold(self, fallen: Sequence[bytes]) -> None:
        for key in fallen:
            del self._chosen.forms[key]
        if fallen:
            self._chosen.withheld[POINTS_TO_WITHHELD] += len(fallen)

    def _types(self) -> list[str]:
        return sorted(self._target.elements)

    def _prepared(self, one: Standing) -> tuple[Tree | None, bool]:
        """The resource as it would leave, and whether it lost something that it pointed to.

        None when what is left says nothing or something else: one record is no person, an agreement for nobody reads
        as one for everybody, and a follow-up that was found names what was found.
        """
        form = self._chosen.forms[one.id]
        elements = self._target.elements[one.type]
        if form is Form.PLAIN:
            elements = self._plain_elements(one, elements)
        tree = without_answers(kept(one.tree, elements), self._chosen.closed_answers.get(one.id, ()))
        tree = without_numbers(tree, partial(self._is_closed, subject_in(one)))
        pruned, changed = without_dangling(tree, self._reaches_plainly if form is Form.PLAIN else self._reaches)
        if not changed:
            return pruned, False
        meaningless = (
            one.type == "Consent"
            or (one.type == "Person" and len(pruned.get("link", ())) < 2)
            or ("output" in tree and "output" not in pruned)
        )
        return (None if meaningless else pruned), True

    def _plain_elements(self, one: Standing, elements: Sequence[str]) -> tuple[str, ...]:
        plain = {name for belonging in self._table.belonging.values() for name in belonging.plain.get(one.type, ())}
        return tuple(name for name in elements if name in plain)

    def _is_closed(self, subject: bytes | None, system: str, value: str) -> bool:
        """Whether a number names an organisation of which the recipient may not know that the person was there."""
        told = self._classifier.numbers.get((system, value))
        if told is None:
            return False
        return subject is None or self._grounds is None or self._grounds.refusal(subject, told) is not None

    def _reaches(self, named: bytes) -> bool:
        return named in self._chosen.forms or named in self._directory

    def _reaches_plainly(self, named: bytes) -> bool:
        return self._reaches(named) and named not in self._classifier.sensitive

    def _write_resources(self, view: CutView, snapshot: Snapshot) -> None:
        """All that leaves is written. Should some of it be no FHIR without what it lost, the rest is written anew."""
        while not self._written_once(view, snapshot):
            self._left.restart()
            snapshot.discard()

    def _written_once(self, view: CutView, snapshot: Snapshot) -> bool:
        """True if everything could be written; what could not is no longer chosen."""
        fallen: list[bytes] = []
        refused: list[bytes] = []
        for one in view.wholes(self._types(), self._chosen.forms, ordered=True):
            tree, changed = self._prepared(one)
            if tree is None or (changed and self._check(tree) is not None):
                fallen.append(one.id)
            elif not self._is_fhir(tree):
                refused.append(one.id)
                self._left.refused[one.type] += 1
            elif not fallen and not refused:
                self._add(snapshot, one.id, one.type, tree)
        self._withhold(fallen)
        for key in refused:
            del self._chosen.forms[key]
        return not fallen and not refused

    def _is_fhir(self, tree: Tree) -> bool:
        """The last check: R4 as we know it, and as the library reads it."""
        return self._check(tree) is None and accepts(tree) is None

    def _write_directory(self, snapshot: Snapshot) -> None:
        """Of the directory, what is named by something that leaves, and what that names in turn."""
        waiting = list(self._left.named)
        wanted: set[bytes] = set()
        while waiting:
            key = waiting.pop()
            if key in self._directory and key not in wanted:
                wanted.add(key)
                waiting += references(self._directory[key].tree)
        for key in sorted(wanted, key=lambda key: (self._directory[key].type, key)):
            one = self._directory[key]
            if one.type in self._target.elements:
                tree, _ = without_dangling(kept(one.tree, self._target.elements[one.type]), wanted.__contains__)
                if self._is_fhir(tree):
                    self._add(snapshot, key, one.type, tree)
                else:
                    self._left.refused[one.type] += 1

    def _add(self, snapshot: Snapshot, key: bytes, resource_type: str, tree: Tree) -> None:
        line = orjson.dumps(tree)
        snapshot.add(f"{resource_type}{SUFFIX}", line)
        digest = hashlib.blake2b(line, digest_size=16, key=self._content_key).digest()
        self._left.digests[key] = (resource_type, digest)
        self._left.delivered[resource_type] += 1
        self._left.named |= references(tree) & self._directory.keys()

    def _told_gone(self, view: CutView) -> dict[bytes, str]:
        """What the target holds and may hold no more, and why."""
        gone = {key: one.type for key, one in self._held.items() if key not in self._left.digests}
        standing = {one.id for one in view.bodies(sorted(set(gone.values())), gone)} if gone else set()
        shared = standing | self._directory.keys()
        return {key: SHARING_ENDED if key in shared else NO_LONGER_STANDS for key in sorted(gone)}

    # What the ledger is told -------------------------------------------------------------------------------------

    def commit(self, tx: Transaction, lease: Lease) -> None:
        """The outbox, what the target holds, the cut's tallies and the audit agree with the snapshot."""
        leases.confirm(tx, lease)
        name, now = self._target.target, instants.now()
        held = self._held
        put = {
            key: told
            for key, told in sorted(self._left.digests.items())
            if key not in held or held[key].digest != told[1]
        }
        gone = {key: (held[key].type, held[key].digest) for key in self._gone}
        sends = [Send(name, key, kind, "put", digest) for key, (kind, digest) in put.items()]
        sends += [Send(name, key, kind, "delete", digest, self._gone[key]) for key, (kind, digest) in gone.items()]
        self._sent = {"put": len(put), "delete": len(gone)}
        outbox.stop(tx, self._overtaken(tx), SHARING_ENDED, target=name)
        if sends:
            outbox.enqueue(tx, lease, self._cut.id, sends, now=now)
            due = outbox.due(tx, name, limit=len(sends) + 1, now=now)
            outbox.mark(tx, lease, [one.id for one in due], SendState.DELIVERED)
            outbox.put_receipts(
                tx,
                lease,
                [
                    Receipt(name, key, kind, digest, state, None, now, self._cut.id)
                    for state, listed in ((HELD, put), (GONE, gone))
                    for key, (kind, digest) in listed.items()
                ],
            )
        last = _last_day(tx)
        if sends or last is None or last < self._day:
            audit.append(tx, "passerelle", EVENT, name, json.dumps(self._audited()), now=now)
        self._count(tx, lease)
        run_log.note(tx, EVENT, detail=json.dumps({"cut": self._cut.name, "target": name, **self._sent}))

    def _audited(self) -> dict[str, object]:
        return {"as_of": self._day.isoformat(), "cut": self._cut.name, **self._sent}

    def _overtaken(self, tx: Transaction) -> Iterable[bytes]:
        """Resources of which something waits to be sent that is not what the target may have now."""
        for one in outbox.waiting(tx, self._target.target):
            leaves = self._left.digests.get(one.send.resource_id)
            if (one.send.action == "put") != (leaves is not None) or (leaves and leaves[1] != one.send.digest):
                yield one.send.resource_id

    def _count(self, tx: Transaction, lease: Lease) -> None:
        counted = {
            State.PASSED: sum(self._left.delivered.values()),
            State.SUPPRESSED: sum(self._chosen.withheld.values()),
            State.OUT_OF_SCOPE: self._chosen.out_of_scope,
            State.QUARANTINED: sum(self._left.refused.values()),
        }
        _put_tallies(tx, lease, self._cut, self._target.target, counted)
        for source, (passed, suppressed) in self.lists.counted().items():
            states = {State.PASSED: passed, State.SUPPRESSED: suppressed}
            _put_tallies(tx, lease, self._cut, f"follow-up.{source}", states)

    def outcome(self, files: Sequence[Written], hospitals: Mapping[str, int]) -> DeliveryOutcome:
        """What was brought."""
        return DeliveryOutcome(
            self._target.target,
            self._recipient.name,
            dict(sorted(self._left.delivered.items())),
            dict(sorted(self._chosen.withheld.items())),
            dict(sorted(self._left.refused.items())),
            self._chosen.out_of_scope,
            dict(self._sent),
            tuple(files),
            dict(sorted(hospitals.items())),
        )


def _refuse_earlier(stores: Stores, day: date) -> None:
    """Nobody is sent anything as of a day before that of the last sending: consent counts at the moment of sending."""
    with stores.ledger.read() as tx:
        last = _last_day(tx)
    if last is not None and day < last:
        raise RefusedForGood(
            f"the last delivery was as of {last.isoformat()}; one as of {day.isoformat()} could send again what was"
            " withdrawn since: deliver as of that day or a later one"
        )


def _last_day(tx: Transaction) -> date | None:
    """The day as of which something was last delivered, to whatever target: hospitals are told with each of them."""
    last = audit.last_of(tx, EVENT)
    told = None if last is None else json.loads(last.detail).get("as_of")
    return None if told is None else date.fromisoformat(told)


def _recipient(house: House, target: Target) -> OrganisationFacts:
    """The organisation that receives, as the directory knows it; a target that it does not know speaks for itself."""
    told = target.recipient
    known = house.organisations.get(told.organisation)
    if known is not None:
        return facts_of_organisation(known)
    return OrganisationFacts(told.organisation, told.kind, told.care, "", told.jurisdiction)


def _sensitive(
    table: DataClasses, house: House, stores: Stores, directory: Mapping[bytes, DirectoryResource]
) -> dict[bytes, str]:
    """Organisations and places whose very name tells of a belonging, by id, with the class that they tell."""
    hasher = KeyedHasher(stores.keys.id_key("directory"), ("directory", "organisation"))
    found = {
        as_written(hasher.of((code,))): table.belonging[one.kind].class_
        for code, one in house.organisations.items()
        if one.kind in table.belonging
    }
    for key, place in directory.items():
        owner = id_in(place.tree.get("managingOrganization"))
        if owner is not None and owner in found:
            found[key] = found[owner]
    return found


def _numbers(
    directory: Mapping[bytes, DirectoryResource], sensitive: Mapping[bytes, str]
) -> dict[tuple[str, str], str]:
    """Numbers under which such organisations and places are known, with the class that they tell."""
    return {
        (one.get("system", ""), one.get("value", "")): told
        for key, told in sensitive.items()
        if key in directory
        for one in directory[key].tree.get("identifier", ())
    }


def _together(found: Iterable[links.Link]) -> dict[bytes, set[bytes]]:
    together: dict[bytes, set[bytes]] = defaultdict(set)
    for link in found:
        together[link.left].add(link.right)
        together[link.right].add(link.left)
    return together


def _put_tallies(tx: Transaction, lease: Lease, cut: Cut, scope: str, counts: Mapping[State, int]) -> None:
    """The scope's tallies are these; what is counted right already is left alone."""
    wanted = {state: count for state, count in counts.items() if count}
    known = {
        state: count
        for (stage, at, state), count in cuts.tallies(tx, cut.id).items()
        if stage is Stage.DELIVER and at == scope
    }
    if known != wanted:
        cuts.put_tallies(tx, lease, cut.id, Stage.DELIVER, scope, wanted)
