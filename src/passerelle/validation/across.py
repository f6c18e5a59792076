"""Rules between two resources of one source, asked of what batches bring, on the view that they make."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from passerelle.contracts.across_rules import AcrossRule, TwoValues
from passerelle.stores.lake import CurrentView

Broken = Counter[tuple[int, str]]
"""By batch and `rule Type.element`: how many resources break the rule."""
_DAY = 10


def broken_rules(view: CurrentView, batch_ids: Collection[int], rules: Sequence[AcrossRule]) -> Broken:
    """How often each rule is broken by resources of each of the batches; what holds is not named."""
    counted: Broken = Counter()
    types = view.count_by_type()
    may_break = [rule for rule in rules if rule.resource in types and rule.target in types]
    for relation, among in groupby(sorted(may_break, key=_relation), _relation):
        asked = list(among)
        found: list[set[tuple[int, bytes]]] = [set() for _ in asked]
        for part in view.pairs(*relation, [_compared(rule) for rule in asked], batch_ids):
            for number, rule in enumerate(asked):
                found[number].update(_breaking(part, number, rule))
        for rule, resources in zip(asked, found, strict=True):
            counted.update((batch_id, f"{rule.rule} {rule.resource}.{rule.through}") for batch_id, _ in resources)
    return counted


def _relation(rule: AcrossRule) -> tuple[str, str, str]:
    return rule.resource, rule.through, rule.target


def _compared(rule: AcrossRule) -> tuple[str, str]:
    values = rule.same or rule.not_before
    assert isinstance(values, TwoValues)
    return values.ours, values.theirs


def _breaking(part: pa.RecordBatch, number: int, rule: AcrossRule) -> Iterator[tuple[int, bytes]]:
    """Batch and id of the resources that break the rule; only where the texts may differ so is the JSON read."""
    ours, theirs = part.column(f"ours_{number}"), part.column(f"theirs_{number}")
    if rule.same is not None:
        differing = part.filter(pc.not_equal(ours, theirs))
    else:
        days = (pc.utf8_slice_codeunits(texts, 0, _DAY + 1) for texts in (ours, theirs))  # with the quote before
        differing = part.filter(pc.less(*days))
    columns = ("batch_id", "id", f"ours_{number}", f"theirs_{number}")
    for batch_id, resource, one, other in zip(*(differing.column(name).to_pylist() for name in columns), strict=True):
        if _is_broken(rule, orjson.loads(one), orjson.loads(other)):
            yield batch_id, resource


def _is_broken(rule: AcrossRule, ours: Any, theirs: Any) -> bool:
    if rule.same is not None:
        return ours is not None and theirs is not None and ours != theirs
    return isinstance(ours, str) and isinstance(theirs, str) and ours[:_DAY] < theirs[:_DAY]
