"""The short way gives what the long way gives, for every source, also for records nobody ever wrote.

The records of the region are taken apart column by column and put together at random, so that values meet that never
met: whatever the short way assumes about one column and another is then tried.
"""

import random

import pytest
import region as regions

from passerelle.fold.versions import Place, Versions
from passerelle.mapping.compiling import compile_source
from passerelle.mapping.learning import PlanWriter, halves
from passerelle.mapping.plan import Refusal, Rendered
from passerelle.structure import structure

MOST, ROWS, RARE = 400, 600, 0.03
STRANGE = ["", " ", 'a"b', "a\\b", "é✓", "a\x01b", "0", "-1", "9" * 12, "2025-02-30", "1899-12-31", "20250230", "zz"]


def rows_of(instance, versions, source):
    """By table: records of the source that map has judged."""
    known = versions.known()
    found = {}
    for batch_id, table in sorted(known.tables.items()):
        with instance.stores.ledger.read() as tx:
            from passerelle.stores.ledger import batches

            count = batches.by_id(tx, batch_id).records
        places = [place for row in range(count) if known.came_to_map(place := Place(batch_id, row))]
        found.setdefault(table, []).extend(versions.rows(table, places[:MOST]).values())
    return found


def mixed(rng, rows):
    """A record of values that stood in the same columns of others, now and then a strange one."""

    def cell(place):
        value = rng.choice(rows)[place]
        return rng.choice(STRANGE) if isinstance(value, str) and rng.random() < RARE else value

    own = list(rng.choice(rows))
    return [cell(place) if rng.random() < 0.5 else own[place] for place in range(len(own))]


def longly(plan, split, given):
    """What the record becomes as trees, checked and split; and what was noticed."""
    notes = []
    try:
        made = plan.evaluate(*given, notes)
    except Refusal as refused:
        return refused.reason, refused.place
    told = []
    for one in made:
        wrong = structure().check(one.tree)
        told.append((one.label, one.id, wrong, None if wrong else halves(split, one.tree), one.refs))
    return told, notes


def shortly(writer, given):
    """The same of the writer, which goes the short way where it can."""
    notes = []
    try:
        made = writer.write(*given, notes)
    except Refusal as refused:
        return refused.reason, refused.place
    told = []
    for one in made:
        wrong = None if isinstance(one, Rendered) else structure().check(one.tree)
        told.append((one.label, one.id, wrong, None if wrong else (one.plain, one.sealed), one.refs))
    return told, notes


@pytest.mark.parametrize("source", regions.SOURCES)
def test_records_put_together_at_random_give_the_same_the_short_way_and_the_long_way(undisturbed, source):
    folder = undisturbed.folder(source)
    versions = Versions(undisturbed.stores, folder)
    rows = rows_of(undisturbed, versions, source)
    plans = compile_source(folder, undisturbed.house, undisturbed.stores.keys)
    rng = random.Random(11)
    asked = 0
    for plan in plans:
        writer = PlanWriter(plan, structure().check, undisturbed.splitter)
        tables = folder.source.tables
        above = [parent_table(tables, plan.table, path) for path in plan.parents]
        below = [tables[plan.table].repeats[name].table for name in plan.children]
        for _ in range(ROWS if rows.get(plan.table) else 0):
            parents = [mixed(rng, rows[table]) if rng.random() < 0.95 else None for table in above]
            children = [[mixed(rng, rows[table]) for _ in range(rng.randrange(4))] for table in below]
            given = (mixed(rng, rows[plan.table]), parents, children)
            assert longly(plan, undisturbed.splitter.split, given) == shortly(writer, given)
            asked += 1
        assert not [label for label, maker in writer.makers.items() if maker.differed]
    assert asked >= ROWS


def parent_table(tables, table, path):
    for name in path.split("."):
        table = tables[table].parents[name].table
    return table


def test_most_resources_of_the_region_went_the_short_way(undisturbed):
    """Else the benchmark would be of the long way."""
    made = learned = 0
    for source in ("csapa", "siao"):
        folder = undisturbed.folder(source)
        versions = Versions(undisturbed.stores, folder)
        rows = rows_of(undisturbed, versions, source)
        for plan in compile_source(folder, undisturbed.house, undisturbed.stores.keys):
            if plan.parents or plan.children:
                continue
            writer = PlanWriter(plan, structure().check, undisturbed.splitter)
            for row in rows.get(plan.table, ()):
                told = shortly(writer, (row, (), ()))
                made += len(told[0]) if isinstance(told[0], list) else 0
            learned += sum(maker.learned for maker in writer.makers.values())
    assert made > 1000
    assert learned < made * 0.2
