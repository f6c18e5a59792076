"""Rules between two resources of one source, asked of what a batch brings, on the view that it makes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from passerelle.contracts.across_rules import AcrossRule
from passerelle.stores.lake import IDS_SCHEMA, CurrentView, batches_of

Tree = dict[str, Any]
_DAY = 10


def broken_rules(view: CurrentView, batch_id: int, rules: Sequence[AcrossRule]) -> Counter[str]:
    """How often each rule is broken by resources of the batch, by `rule Type.element`; what holds is not named."""
    counted: Counter[str] = Counter()
    for resource in sorted({rule.resource for rule in rules}):
        asked = [rule for rule in rules if rule.resource == resource]
        for trees, pointed in _trees_of(view, batch_id, resource):
            targets = _targets(view, sorted({rule.target for rule in asked}), pointed)
            for tree in trees:
                for rule in asked:
                    if any(_is_broken(rule, tree, targets.get(ref)) for ref in _references(tree, rule)):
                        counted[f"{rule.rule} {resource}.{rule.through}"] += 1
    return counted


def _trees_of(view: CurrentView, batch_id: int, resource: str) -> Iterator[tuple[list[Tree], set[bytes]]]:
    """The batch's resources of the type, some at a time, with the ids that they refer to."""
    for part in batches_of(view.rows([resource], batch_id=batch_id)):
        bodies, refs = (part.column(name).to_pylist() for name in ("body", "refs"))
        yield [orjson.loads(body) for body in bodies], {ref for listed in refs for ref in listed}


def _references(tree: Tree, rule: AcrossRule) -> list[str]:
    held = tree.get(rule.through)
    listed = held if isinstance(held, list) else [held]
    start = f"{rule.target}/"
    return [one["reference"] for one in listed if isinstance(one, dict) and one.get("reference", "").startswith(start)]


def _targets(view: CurrentView, types: Sequence[str], ids: set[bytes]) -> Mapping[str, Tree]:
    """The resources of these types among the ids, by the reference that names them."""
    found: dict[str, Tree] = {}
    if ids:
        wanted = pa.table({"id": pa.array(sorted(ids), IDS_SCHEMA.field("id").type)})
        for part in batches_of(view.rows(types, wanted)):
            for body in part.column("body").to_pylist():
                tree = orjson.loads(body)
                found[f"{tree['resourceType']}/{tree['id']}"] = tree
    return found


def _is_broken(rule: AcrossRule, tree: Tree, target: Tree | None) -> bool:
    if target is None:
        return False
    if rule.same is not None:
        ours, theirs = _at(tree, rule.same.ours), _at(target, rule.same.theirs)
        return ours is not None and theirs is not None and ours != theirs
    assert rule.not_before is not None
    ours, theirs = _at(tree, rule.not_before.ours), _at(target, rule.not_before.theirs)
    return isinstance(ours, str) and isinstance(theirs, str) and ours[:_DAY] < theirs[:_DAY]


def _at(tree: Any, path: str) -> Any:
    for name in path.split("."):
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree
