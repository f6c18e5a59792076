"""What must hold in the stories of a source: they speak of tables, columns and labels that exist."""

from collections.abc import Mapping
from typing import Any

from passerelle.contracts.housed import SourceFolder
from passerelle.contracts.problems import Problems
from passerelle.contracts.source import Table
from passerelle.contracts.story import Story

_GIVEN_AS = {"hl7v2": (str,), "delimited": (dict, str), "sql": (dict,), "rest": (dict,)}
"""A line of a file may be given as it is, to show one that cannot be split."""


def check_stories(folder: SourceFolder, problems: Problems) -> None:
    """Every table, column, row and label of a story exists."""
    labels = {emit.as_: emit.resource for mapping in folder.mappings for emit in mapping.emits}
    told: dict[str, str] = {}
    for position, story in enumerate(folder.stories):
        place = folder.lines.of_story(position, "says")
        if story.says in told:
            problems.add(place, f"this story is already told at {told[story.says]}")
        told.setdefault(story.says, str(place))
        _check_given(folder, position, story, problems)
        _check_expected(folder, position, story, labels, problems)


def _check_given(folder: SourceFolder, position: int, story: Story, problems: Problems) -> None:
    for name, rows in story.given.items():
        table = folder.source.tables.get(name)
        if table is None:
            place = folder.lines.of_story(position, "given", name)
            problems.unknown(place, "{} is not a table of this source", name, folder.source.tables)
            continue
        known = _known_keys(table)
        for number, row in enumerate(rows):
            place = folder.lines.of_story(position, "given", name, number)
            if not isinstance(row, _GIVEN_AS[table.format]):
                wanted = "a raw message" if table.format == "hl7v2" else "columns with their values"
                problems.add(place, f"a row of table '{name}' wants {wanted}")
            for key, value in row.items() if isinstance(row, dict) else ():
                at = folder.lines.of_story(position, "given", name, number, key)
                if key not in known:
                    problems.unknown(at, f"{{}} is not a column of table '{name}'", key, known)
                elif table.format == "delimited" and not isinstance(value, str | None):
                    problems.add(at, f"`{key}` wants a text, as the file has it; write it in quotes")


def _known_keys(table: Table) -> set[str]:
    keys = set(table.columns) | {path.split(".")[0] for one in table.columns.values() if (path := one.path)}
    return keys | {repeat.path.split(".")[0] for repeat in table.repeats.values() if repeat.path}


def _check_expected(
    folder: SourceFolder, position: int, story: Story, labels: Mapping[str, str], problems: Problems
) -> None:
    def at(*loc: Any) -> Any:
        return folder.lines.of_story(position, "expect", *loc)

    for number, one in enumerate(story.expect.resources):
        if one.as_ not in labels:
            problems.unknown(at("resources", number), "{} is not a label that this source emits", one.as_, labels)
        elif one.resource != labels[one.as_]:
            sentence = f"label '{one.as_}' is emitted as {labels[one.as_]}, not {one.resource}"
            problems.add(at("resources", number), sentence)
    for number, label in enumerate(story.expect.none):
        if label not in labels:
            problems.unknown(at("none", number), "{} is not a label that this source emits", label, labels)
    for number, stop in enumerate(story.expect.stopped):
        given = len(story.given.get(stop.table, ()))
        if stop.row >= given:
            sentence = f"table '{stop.table}' is given {given} row(s); row {stop.row}, counted from 0, is not there"
            problems.add(at("stopped", number), sentence)
