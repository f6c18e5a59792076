"""Faults that are planted before anything is timed: a check that lets one through is not worth timing."""

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ground import Ground

from passerelle.fhir_r4 import element_table
from passerelle.pipeline.instance import Instance
from passerelle.records import BATCH_STAGES, State
from passerelle.stores.ledger import batches, items

Tree = dict[str, Any]
Plant = Callable[[Tree], bool]
"""Spoils the resource, and tells whether there was something to spoil."""


class NotCaughtError(Exception):
    """A planted fault went through."""


def _objects(tree: Any) -> Iterator[Tree]:
    if isinstance(tree, dict):
        yield tree
        for held in tree.values():
            yield from _objects(held)
    elif isinstance(tree, list):
        for held in tree:
            yield from _objects(held)


def _a_code_nobody_knows(tree: Tree) -> bool:
    return "status" in tree and bool(tree.update(status="perhaps") or True)


def _a_day_that_is_none(tree: Tree) -> bool:
    for held in _objects(tree):
        for name, value in held.items():
            if isinstance(value, str) and len(value) >= 10 and value[:2] in {"19", "20"} and value[4:8:3] == "--":
                held[name] = value[:5] + "02-30" + value[10:]
                return True
    return False


def _a_reference_to_another_type(tree: Tree) -> bool:
    if tree["resourceType"] == "QuestionnaireResponse":
        return False  # its subject may be anything
    for name, held in tree.items():
        if name in {"subject", "patient"} and "reference" in held:
            held["reference"] = "Medication/" + held["reference"].partition("/")[2]
            return True
    return False


def _a_required_element_left_out(tree: Tree) -> bool:
    required = (one.name for one in element_table().members(tree["resourceType"]) if one.is_required)
    return any(tree.pop(name, None) is not None for name in required)


def _an_element_r4_has_not(tree: Tree) -> bool:
    tree["statut"] = "finished"
    return True


def _one_where_many_stand(tree: Tree) -> bool:
    for name, held in tree.items():
        if isinstance(held, list):
            tree[name] = held[0]
            return True
    return False


def _an_empty_list(tree: Tree) -> bool:
    tree["identifier"] = []
    return True


def _an_end_before_its_start(tree: Tree) -> bool:
    for held in _objects(tree):
        if "start" in held and "reference" not in held and tree["resourceType"] != "Appointment":
            held["end"] = "1901-01-01"
            return True
    return False


def _a_text_for_a_number(tree: Tree) -> bool:
    for held in _objects(tree):
        for name, value in held.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                held[name] = str(value)
                return True
    return False


def _a_second_choice(tree: Tree) -> bool:
    for held in _objects(tree):
        for name in held:
            if name.startswith("value") and name[5:6].isupper() and "url" not in held:
                held["valueTime" if name != "valueTime" else "valueBoolean"] = (
                    "10:00:00" if name != "valueTime" else True
                )
                return True
    return False


PLANTED: Mapping[str, Plant] = {
    plant.__name__.strip("_").replace("_", " "): plant
    for plant in (
        _a_code_nobody_knows,
        _a_day_that_is_none,
        _a_reference_to_another_type,
        _a_required_element_left_out,
        _an_element_r4_has_not,
        _one_where_many_stand,
        _an_empty_list,
        _an_end_before_its_start,
        _a_text_for_a_number,
        _a_second_choice,
    )
}


def show_resources_caught(
    resources: Mapping[str, Tree], ours: Callable[[Tree], str | None], peer: Callable[[Tree], str | None]
) -> None:
    """Each fault is planted in each type that can hold it.

    Raises:
        NotCaughtError: ours let one through, or refused a resource without fault.
    """
    for name, plant in PLANTED.items():
        planted = caught = seen = 0
        for kind, tree in resources.items():
            if ours(tree) is not None:
                raise NotCaughtError(f"a {kind} without fault was refused")
            spoiled = copy.deepcopy(tree)
            if not plant(spoiled):
                continue
            planted += 1
            caught += ours(spoiled) is not None
            seen += peer(spoiled) is not None
            if caught < planted:
                raise NotCaughtError(f"{name} in a {kind} was let through")
        if not planted:
            raise NotCaughtError(f"{name} could be planted nowhere")
        print(f"  {name}: {planted} types, all caught; fhir.resources sees {seen}")


def show_records_caught(instance: Instance, ground: Ground, sources: tuple[str, ...]) -> None:
    """Every dirty record of the simulated region that must stop did, and no other, table by table.

    Raises:
        NotCaughtError: more or fewer did.
    """
    lines = (ground.places.territory / "manifest" / "dirt.ndjson").read_text("utf-8").splitlines()
    planted: Counter[tuple[str, str]] = Counter()
    for told in map(json.loads, lines):
        if told["source"] in sources and told["state"] != State.PASSED:
            planted[told["source"], told["table"]] += 1
    stopped: Counter[tuple[str, str]] = Counter()
    with instance.stores.ledger.read() as tx:
        for source in sources:
            for batch in batches.found(tx, source=source):
                rows = {one.row for stage in BATCH_STAGES for one in items.found(tx, batch_id=batch.id, stage=stage)}
                stopped[source, batch.table] += len(rows)
    if +planted != +stopped:
        wrong = sorted(pair for pair in planted | stopped if planted[pair] != stopped[pair])
        raise NotCaughtError(
            "planted and stopped: " + ", ".join(f"{one} {planted[one]} {stopped[one]}" for one in wrong)
        )
    print(f"  {sum(planted.values())} dirty records of {', '.join(sources)}: all stopped, and no other")
