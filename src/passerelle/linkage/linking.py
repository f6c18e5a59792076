"""Link, run over one cut: who is one person, what followed what; said as statements that can be replaced whole.

Everything that link says lies in one batch of the source `link`: each run with news writes one lake file, and the
batch's newest generation lists that file alone. A run without news (same members of the cut, contracts and day)
writes nothing.

How a cut is counted: `ins`, `orientation-slip` and `orientation-number` count links; `<pathway>.<follow-up>.<window>`
counts each event once per window. *passed*: something is said of it (found, missed, open, or not observable for want
of a key, of coverage or of a day). *suppressed*: the gate allows nobody to look. *rejected*: nobody is waited for,
because the person was dead by then or the event never was. *quarantined*: waits for a person to decide.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

import orjson

from passerelle import __version__
from passerelle.contracts.house import House
from passerelle.errors import BrokenPromise
from passerelle.fold.view import CutView, day_of
from passerelle.gate.recorded import NO_DOUBTS, Doubts, Recorded
from passerelle.linkage.facts import FactsReader, People
from passerelle.linkage.following import Follower, Linked, by_scope
from passerelle.linkage.permissions import Permissions
from passerelle.linkage.persons import Link, LinkKind, LinkState, Person, links_by_ins, persons_of
from passerelle.linkage.projection import OrganisationNames
from passerelle.linkage.slips import STATES as SLIP_STATES
from passerelle.linkage.slips import Slips, follow_slips
from passerelle.linkage.statements import Statement, StatementIds, follow_up_statements, person_statement
from passerelle.linkage.waiting import Blind, Judgement, Outcome
from passerelle.records import Stage, State
from passerelle.stores.cut_sums import LINK_SOURCE
from passerelle.stores.files import batch_stem
from passerelle.stores.ledger import Lease, batches, contracts, cuts, items, leases, links, run_log
from passerelle.stores.ledger.batches import Batch, BatchState
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.cuts import Cut
from passerelle.stores.ledger.stored import FileKind, NewFile
from passerelle.stores.opened import Stores
from passerelle.structure import Splitter, load_identity_rules, structure

TABLE = "statements"
EVENT = "link"
"""What the run log calls a run of link."""

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class LinkOutcome:
    """What one run of link said.

    Attributes:
        batch_id: the batch that holds the statements.
        generation: the batch's generation that lists them.
        changed: False if the last run had said the same of the same cut.
        links: active links by kind.
        reviews: links that wait for a person.
        persons: groups of records of several sources.
        statements: how many resources are stated.
        outcomes: by scope: how many events came to what (a blind reason is one).
        states: by scope: how many items stand in which state.
    """

    batch_id: int
    generation: int
    changed: bool
    links: Mapping[str, int]
    reviews: int
    persons: int
    statements: int
    outcomes: Mapping[str, Mapping[str, int]]
    states: Mapping[str, Mapping[str, int]]


@dataclass(slots=True)
class _Said:
    """Everything that is said of a cut, before it is stored."""

    links: list[Link]
    persons: list[Person]
    statements: list[Statement]
    outcomes: Counts
    states: Counts


def link(
    stores: Stores, house: House, cut: Cut, lease: Lease, as_of: date | datetime, *, doubts: Doubts = NO_DOUBTS
) -> LinkOutcome:
    """Links, statements and tallies of the cut are those that follow from its view, as of that day.

    Args:
        stores: where everything lies.
        house: all contracts.
        cut: what is linked.
        lease: the territory's.
        as_of: the day; the day of a moment is that of the gate's zone.
        doubts: what people said that waits to be read.

    Raises:
        StaleLease: someone took over; nothing of this run is kept.
        BrokenPromise: a statement of ours is not FHIR R4, or what is stored is not what the ledger names.
    """
    day = day_of(as_of, house.gate.time_zone)
    fingerprint = _fingerprint(stores, house, cut, day, doubts)
    before = _last_run(stores, fingerprint)
    if before is not None:
        stores.ledger.in_transaction(lambda tx: _noted(tx, lease, cut, before))
        return before
    said = _said(stores, house, cut, day, doubts)
    file = _written(stores, said.statements)
    batch_key = stores.vault.new_data_key()[1]
    return stores.ledger.in_transaction(
        lambda tx: _committed(tx, lease, cut, said, file, fingerprint=fingerprint, wrapped_key=batch_key)
    )


def statements_batch(tx: Transaction) -> Batch | None:
    """The batch that holds what link states, if link ever ran."""
    found = batches.found(tx, source=LINK_SOURCE, table_name=TABLE)
    return found[-1] if found else None


def members_for_cut(tx: Transaction) -> list[tuple[int, int]]:
    """What a cut for link and its followers names: everything published, without what link itself said before."""
    own = {batch.id for batch in batches.found(tx, source=LINK_SOURCE)}
    return [(batch_id, generation) for batch_id, generation in batches.published(tx) if batch_id not in own]


# What is said --------------------------------------------------------------------------------------------------------


def _said(stores: Stores, house: House, cut: Cut, day: date, doubts: Doubts) -> _Said:
    join = Splitter(load_identity_rules(house.root / "fhir" / "identity_elements.yaml")).join
    names = OrganisationNames(house, stores.keys)
    with stores.ledger.read() as tx:
        recorded = Recorded.read(tx, doubts)
    with CutView(stores, cut, sorted(house.sources), join) as view:
        reader = FactsReader(view, house, names, day, silenced=doubts.silenced)
        people = reader.people()
        permissions = Permissions(house, recorded, people.patients, day)
        found, persons = _persons(house, people, permissions)
        linked = Linked.by(found)
        course = reader.course({*linked.others, *(one.patient for one in people.shown)})
    slips = follow_slips(_known_slips(people), course, permissions)
    follower = Follower(house, people, course, linked=linked, permissions=permissions, as_of=day)
    ids = StatementIds(stores.keys.id_key(LINK_SOURCE))
    return _stated(house, found, persons, slips, follower=follower, ids=ids)


def _known_slips(people: People) -> People:
    """Slips that were shown by somebody who is known: a record without its Patient does not stand."""
    return replace(people, shown=[one for one in people.shown if one.patient in people.patients])


def _persons(house: House, people: People, permissions: Permissions) -> tuple[list[Link], list[Person]]:
    """Links by national number between sources of care, and the persons they make."""
    care = {name for name, folder in house.sources.items() if folder.source.legal.care}
    known = [told.known for _, told in sorted(people.patients.items()) if told.known.source in care]
    found = sorted(links_by_ins(known, permissions.may_link), key=lambda link: (link.left, link.right))
    groups, refused = persons_of(known, found)
    doubtful = {(link.left, link.right) for link in refused}
    held = [replace(link, state=LinkState.REVIEW) if (link.left, link.right) in doubtful else link for link in found]
    return held, [group for group in groups if len(group.members) > 1]


def _stated(
    house: House, found: Sequence[Link], persons: list[Person], slips: Slips, *, follower: Follower, ids: StatementIds
) -> _Said:
    check = structure().check
    statements = [person_statement(person, ids) for person in persons]
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    states: dict[str, Counter[str]] = defaultdict(Counter)
    for pathway in house.pathways.values():
        for follow_up in pathway.expects:
            for window in follow_up.windows:  # a scope without events is counted too: as nothing
                states[f"{pathway.pathway}.{follow_up.follow_up}.{window.name}"] = Counter()
    for followed in follower.follow():
        statements += follow_up_statements(followed.pathway, followed.follow_up, followed.judgements, ids)
        for scope, judgement in by_scope(followed).items():
            outcomes[scope][judgement.blind or judgement.outcome] += 1
            states[scope][_state(judgement)] += 1
    for statement in statements:
        wrong = check(statement.tree)
        if wrong is not None:
            raise BrokenPromise(f"link stated a {statement.tree['resourceType']} that is not FHIR R4 at {wrong}")
    every = [*found, *slips.links, *(follower.number_links[ends] for ends in sorted(follower.number_links))]
    for one in found:
        states[LinkKind.INS][State.PASSED if one.state is LinkState.ACTIVE else State.QUARANTINED] += 1
    for outcome, count in slips.outcomes.items():
        outcomes[LinkKind.SLIP][outcome] += count
        states[LinkKind.SLIP][SLIP_STATES[outcome]] += count
    states[LinkKind.ORIENTATION][State.PASSED] += len(follower.number_links)
    return _Said(every, persons, sorted(statements, key=lambda one: one.id), _plain(outcomes), _plain(states))


def _state(judgement: Judgement) -> State:
    if judgement.outcome in {Outcome.EXCLUDED, Outcome.UNDONE}:
        return State.REJECTED
    return State.SUPPRESSED if judgement.blind is Blind.NOT_PERMITTED else State.PASSED


def _plain(counted: Mapping[str, Counter[str]]) -> Counts:
    return {
        str(scope): {str(name): count for name, count in sorted(counts.items()) if count}
        for scope, counts in sorted(counted.items())
    }


# What is stored ------------------------------------------------------------------------------------------------------


def _written(stores: Stores, statements: Sequence[Statement]) -> NewFile:
    """One lake file of all statements, each under its own id: a statement is replaced, never edited."""
    content_key = stores.keys.token_key("content")
    with stores.lake.writer(batch_stem(0, Stage.LINK, TABLE, 0)) as writer:
        for row, one in enumerate(statements):
            body = orjson.dumps(one.tree)
            digest = hashlib.blake2b(body, digest_size=16, key=content_key).digest()
            refs = sorted(set(one.refs))
            writer.add(one.id, one.tree["resourceType"], one.id, "", row, refs, digest, body)
        return NewFile(writer.close(), FileKind.RESOURCES)


def _committed(
    tx: Transaction,
    lease: Lease,
    cut: Cut,
    said: _Said,
    file: NewFile,
    *,
    fingerprint: str,
    wrapped_key: bytes,
) -> LinkOutcome:
    leases.confirm(tx, lease)
    batch = statements_batch(tx) or _first_batch(tx, lease, fingerprint, wrapped_key)
    batch = batches.replace_generation(
        tx, lease, batch.id, contract_digest=fingerprint, files=[file], stops=(), passed={}, fan_out=0
    )
    active = Counter(one.kind for one in said.links if one.state is LinkState.ACTIVE)
    for kind in LinkKind:
        links.replace(tx, lease, cut.id, kind, [_stored(one) for one in said.links if one.kind is kind])
    outcome = LinkOutcome(
        batch.id,
        batch.generation,
        changed=True,
        links={kind.value: active[kind] for kind in LinkKind},
        reviews=sum(one.state is LinkState.REVIEW for one in said.links),
        persons=len(said.persons),
        statements=len(said.statements),
        outcomes=said.outcomes,
        states=said.states,
    )
    _counted(tx, lease, cut, outcome)
    contracts.keep(tx, fingerprint, orjson.dumps(asdict(outcome), option=orjson.OPT_SORT_KEYS))
    run_log.note(tx, EVENT, source=LINK_SOURCE, batch_id=batch.id, detail=_detail(cut, outcome))
    return outcome


def _first_batch(tx: Transaction, lease: Lease, fingerprint: str, wrapped_key: bytes) -> Batch:
    """The batch of link: it holds no record, and is published from its first day."""
    batch = batches.start(
        tx,
        lease,
        source=LINK_SOURCE,
        table_name=TABLE,
        window_id=None,
        wrapped_key=wrapped_key,
        contract_digest=fingerprint,
    )
    for state in (BatchState.LANDED, BatchState.CHECKED, BatchState.MAPPED, BatchState.PUBLISHED):
        batch = batches.advance(tx, lease, batch.id, state)
    return batch


def _stored(one: Link) -> links.Link:
    evidence = json.dumps({"because": one.because, "evidence": [key.hex() for key in one.evidence]})
    return links.Link(one.kind.value, one.left, one.right, one.state.value, evidence)


def _counted(tx: Transaction, lease: Lease, cut: Cut, outcome: LinkOutcome) -> None:
    """The cut's tallies of link are those of the outcome; what is counted right already is left alone."""
    told = cuts.tallies(tx, cut.id)
    for scope, counts in outcome.states.items():
        wanted = {State(name): count for name, count in counts.items()}
        known = {state: count for (stage, at, state), count in told.items() if stage is Stage.LINK and at == scope}
        if known != wanted:
            cuts.put_tallies(tx, lease, cut.id, Stage.LINK, scope, wanted)


def _noted(tx: Transaction, lease: Lease, cut: Cut, outcome: LinkOutcome) -> None:
    leases.confirm(tx, lease)
    _counted(tx, lease, cut, outcome)
    run_log.note(tx, EVENT, source=LINK_SOURCE, batch_id=outcome.batch_id, detail=_detail(cut, outcome))


def _detail(cut: Cut, outcome: LinkOutcome) -> str:
    return json.dumps({"cut": cut.name, "changed": outcome.changed, "statements": outcome.statements})


# Whether there is news -----------------------------------------------------------------------------------------------


def _fingerprint(stores: Stores, house: House, cut: Cut, day: date, doubts: Doubts) -> str:
    """What link rests on, in one digest: members, what of them is withheld, contracts, the day."""
    with stores.ledger.read() as tx:
        own = {batch.id for batch in batches.found(tx, source=LINK_SOURCE)}
        withheld = items.excluded(tx, sorted(house.sources))
    rests_on: dict[str, Any] = {
        "members": [member for member in cut.members if member[0] not in own],
        "withheld": sorted(zip(*(column.to_pylist() for column in withheld.columns), strict=True)),
        "closed": sorted((source, patient.hex()) for source, patient in doubts.closed),
        "silenced": sorted(doubts.silenced),
        "sources": {name: folder.digest for name, folder in house.sources.items()},
        "pathways": {name: _dumped(one) for name, one in house.pathways.items()},
        "organisations": {name: _dumped(one) for name, one in house.organisations.items()},
        "gate": _dumped(house.gate),
        "naming": dict(house.naming),
        "day": day.isoformat(),
        "passerelle": __version__,
    }
    return hashlib.sha256(orjson.dumps(rests_on, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _dumped(contract: Any) -> Any:
    return contract.model_dump(mode="json")


def _last_run(stores: Stores, fingerprint: str) -> LinkOutcome | None:
    """What the last run said, if it rested on the same."""
    with stores.ledger.read() as tx:
        batch = statements_batch(tx)
        if batch is None or batch.contract_digest != fingerprint:
            return None
        kept = contracts.of(tx, fingerprint)
    if kept is None:
        return None
    told = orjson.loads(kept)
    return LinkOutcome(**{**told, "batch_id": batch.id, "generation": batch.generation, "changed": False})
