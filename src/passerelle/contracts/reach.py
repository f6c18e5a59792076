"""Which names a mapping may read, and what each is: columns, a parent's columns, an occurrence's fields."""

from collections.abc import Iterator

from passerelle.contracts.source import Column, ColumnType, Repeat, Source

POSITION = "position"
"""The place of an occurrence among its like, from 1."""
LEVELS = 2
"""How many parents above a row may be read."""


def names_at(source: Source, table: str, *each: str | None) -> dict[str, ColumnType]:
    """Every name that may be read from a table within these repetitions, with the type of its value."""
    return {
        **{name: column.type for name, column in source.tables[table].columns.items()},
        **dict(_parent_columns(source, table, LEVELS)),
        **{name: kind for one in each if one for name, kind in _occurrence_fields(source, table, one)},
    }


def bare_names_at(source: Source, table: str, each: str | None) -> set[str]:
    """The fields of the innermost repetition without its name, as `only` may write them."""
    innermost = repeats_on(source, table, each) if each else None
    if not innermost:
        return set()
    name, repeat = innermost[-1]
    return {field.removeprefix(f"{name}.") for field, _ in _fields(source, table, name, repeat)}


def parent_columns(source: Source, table: str) -> set[str]:
    """The columns of a table that its parents are found by."""
    return {ours for parent in source.tables[table].parents.values() for ours in parent.on}


def repeats_on(source: Source, table: str, each: str) -> list[tuple[str, Repeat]] | None:
    """The repetitions on the way of `each`, outermost first; None when one of them does not exist."""
    found: list[tuple[str, Repeat]] = []
    inside = source.tables[table].repeats
    for name in each.split("."):
        if name not in inside:
            return None
        found.append((name, inside[name]))
        inside = inside[name].repeats
    return found


def every_each(source: Source, table: str) -> list[str]:
    """Everything that `each` may name on a table."""
    return [
        name
        for outer, repeat in source.tables[table].repeats.items()
        for name in (outer, *(f"{outer}.{inner}" for inner in repeat.repeats))
    ]


def _parent_columns(source: Source, table: str, levels: int) -> Iterator[tuple[str, ColumnType]]:
    for name, parent in source.tables[table].parents.items():
        if parent.table not in source.tables or not levels:
            continue
        yield from ((f"{name}.{column}", one.type) for column, one in source.tables[parent.table].columns.items())
        for further, kind in _parent_columns(source, parent.table, levels - 1):
            yield f"{name}.{further}", kind


def _occurrence_fields(source: Source, table: str, each: str) -> Iterator[tuple[str, ColumnType]]:
    for name, repeat in repeats_on(source, table, each) or []:
        yield from _fields(source, table, name, repeat)


def _fields(source: Source, table: str, name: str, repeat: Repeat) -> Iterator[tuple[str, ColumnType]]:
    yield f"{name}.{POSITION}", "integer"
    ours: dict[str, Column] = source.tables[table].columns
    if repeat.table is not None and repeat.table in source.tables:
        yield from ((f"{name}.{column}", one.type) for column, one in source.tables[repeat.table].columns.items())
    for field, column in (repeat.columns[0] if repeat.columns else {}).items():
        yield f"{name}.{field}", ours[column].type if column in ours else "string"
    yield from ((f"{name}.{field}", "string") for field in repeat.fields)
