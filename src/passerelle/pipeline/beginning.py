"""A new source folder from a sample file: what can be seen in the file is written, what it means is left to say.

What only a person can say (who sends, on what ground, what a column means) is left empty, so that `lint` asks for it.
No value of the sample is written anywhere.
"""

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from passerelle.errors import UsageError

SAMPLE_ROWS = 500
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y%m%d")
_MOMENT_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%Y%m%d%H%M%S",
)
_INTEGER = re.compile(r"[+-]?[0-9]{1,8}")
"""Longer numbers are names of things: file numbers, identifiers, telephones."""
_DECIMAL = re.compile(r"[+-]?[0-9]+([.,])[0-9]+")
_TRUTHS = (("O", "N"), ("OUI", "NON"), ("oui", "non"), ("true", "false"), ("Y", "N"), ("yes", "no"))
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_PLAIN = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that YAML does not read as text."""
_DATED = re.compile(r"[^A-Za-z]*[0-9][^A-Za-z]*$")
"""The end of a file's name that differs from one delivery to the next."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the sample file shows."""

    charset: str
    marked: bool
    delimiter: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def values(self, place: int) -> list[str]:
        """What the column holds, empty cells included."""
        return [row[place] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Guessed:
    """What the values of a column suggest."""

    kind: str
    written: str
    required: bool
    distinct: bool


def begin_source(home: Path, name: str, file: Path) -> list[Path]:
    """The folder `mappings/sources/<name>` holds a source.yaml and a first mapping, written from the sample.

    Raises:
        UsageError: the name is none, the folder is there, or the file cannot be read as delimited text.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            "a source's name has lower-case letters, digits and underscores, and begins with a letter: north_ward"
        )
    sources = home / "mappings" / "sources"
    if not sources.is_dir():
        raise UsageError(f"there is no mappings/sources in {home}; PASSERELLE_HOME names the folder that holds it")
    folder = sources / name
    if folder.exists():
        raise UsageError(f"mappings/sources/{name} is there already; choose another name, or edit what is there")
    sample = _read(file)
    table, files = _named(file)
    columns = {column: _guess(sample.values(place)) for place, column in enumerate(sample.header)}
    key = next((column for column, one in columns.items() if one.required and one.distinct), sample.header[0])
    folder.mkdir()
    written = {
        folder / "source.yaml": _source(name, table, files, sample, columns, key),
        folder / f"{table}.yaml": _mapping(table, key),
    }
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
    (folder / "codes").mkdir()
    (folder / "examples").mkdir()
    return list(written)


def _named(file: Path) -> tuple[str, str]:
    """The name of the table and the pattern of its files: `stays_2025-06-30.csv` is one delivery of `stays`."""
    steady = _DATED.sub("", file.stem) or file.stem
    table = re.sub(r"[^a-z0-9]+", "_", steady.lower()).strip("_") or "table"
    if not table[0].isalpha():
        table = f"t_{table}"
    pattern = file.name if steady == file.stem else f"{steady}{_DATED.search(file.stem)[0][0]}*{file.suffix}"  # type: ignore[index]
    return table, pattern


def _read(file: Path) -> Sample:
    try:
        raw = file.read_bytes()
    except OSError as wrong:
        raise UsageError(f"the sample {file} cannot be read ({wrong.strerror})") from None
    charset = next((one for one in ("utf-8", "cp1252", "latin-1") if _decodes(raw, one)), "latin-1")
    text = raw.decode(charset)
    marked = text.startswith("\ufeff")
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    if len(lines) < 2:
        raise UsageError("the sample wants a header and at least one line of data")
    delimiter = max(";,\t|", key=lines[0].count)
    try:
        rows = [
            tuple(row) for row in islice(csv.reader(lines, delimiter=delimiter, strict=True), SAMPLE_ROWS + 1) if row
        ]
    except csv.Error:
        raise UsageError(
            "the sample does not read as delimited text: look for a quote that is opened and not closed"
        ) from None
    header = rows[0]
    if len(header) < 2 or len(set(header)) != len(header) or not all(header):
        raise UsageError(
            "the first line of the sample is no header: it wants two or more names, each once, with ; , | or a tab "
            "between them"
        )
    whole = tuple(row for row in rows[1:] if len(row) == len(header))
    if not whole:
        raise UsageError(f"no line of the sample has the {len(header)} columns of its header")
    return Sample(charset, marked, delimiter, header, whole)


def _decodes(raw: bytes, charset: str) -> bool:
    try:
        raw.decode(charset)
    except UnicodeDecodeError:
        return False
    return True


def _guess(values: Sequence[str]) -> Guessed:
    """The narrowest type that all filled values of a column have."""
    filled = [value for value in values if value]
    kind, written = _kind(filled)
    return Guessed(kind, written, len(filled) == len(values), len(set(filled)) == len(filled))


def _kind(filled: Sequence[str]) -> tuple[str, str]:
    if not filled:
        return "string", "type: string"
    for kind, formats in (("date", _DATE_FORMATS), ("datetime", _MOMENT_FORMATS)):
        found = next((one for one in formats if all(map(_reads(one), filled))), None)
        if found is not None:
            return kind, f"type: {kind}, format: {json.dumps(found)}"
    truth = next((one for one in _TRUTHS if set(filled) == set(one)), None)
    if truth is not None:
        return "boolean", f"type: boolean, true: [{json.dumps(truth[0])}], false: [{json.dumps(truth[1])}]"
    if all(_INTEGER.fullmatch(value) and not _is_code(value) for value in filled):
        return "integer", "type: integer"
    if all(_DECIMAL.fullmatch(value) for value in filled):
        return "decimal", "type: decimal"
    return "string", "type: string"


def _is_code(value: str) -> bool:
    return len(value) > 1 and value.startswith("0")


def _reads(written: str) -> Callable[[str], bool]:
    length = len(datetime(2000, 10, 10, 10, 10, 10).strftime(written))  # noqa: DTZ001 - how long such a text is

    def reads(value: str) -> bool:
        if len(value) != length:
            return False
        try:
            datetime.strptime(value, written)  # noqa: DTZ007 - only whether it reads
        except ValueError:
            return False
        return True

    return reads


def _order(columns: Mapping[str, Guessed]) -> str | None:
    """The last moment, else the last day, that every row has: most often when the row was last written."""
    for kind in ("datetime", "date"):
        found = [column for column, one in columns.items() if one.kind == kind and one.required]
        if found:
            return found[-1]
    return None


def _text(name: str) -> str:
    """The name as YAML reads it back, in quotes only where it must be."""
    plain = _PLAIN.fullmatch(name) and name.lower() not in _NOT_PLAIN
    return name if plain else json.dumps(name, ensure_ascii=False)


def _column(name: str, guessed: Guessed) -> str:
    required = ", required: true" if guessed.required else ""
    # a text that is another in every row names something, most often a person
    identity = ", identity: true" if guessed.distinct and guessed.kind in {"string", "date"} else ""
    return f'      {_text(name)}: {{{guessed.written}{required}{identity}, says: ""}}'


def _source(
    name: str,
    table: str,
    files: str,
    sample: Sample,
    columns: Mapping[str, Guessed],
    key: str,
) -> str:
    dialect = [f"charset: {sample.charset}", f"delimiter: {json.dumps(sample.delimiter)}"]
    if sample.marked:
        dialect.append("byte_order_mark: strip")
    if _has_decimal_comma(sample, columns):
        dialect.append('decimal: ","')
    order = _order(columns)
    ordered = _text(order) if order else ""
    listed = "\n".join(_column(column, guessed) for column, guessed in columns.items())
    return f"""source: {name}
says:                      # who sends this, and what it holds
owner:                     # who answers when a record is stopped
jurisdiction: fr
environment: test          # production, once it holds real people
legal:
  kind:                    # hospital, csapa, caarud, prison-health, housing, pharmacy, residential-care, liaison, test
  ground:                  # the text that allows it to send
organisation:
  name:
  finess:                  # nine characters, in quotes
connection: {name}_files   # a name in PASSERELLE_CONNECTIONS; never an address
schedule: "0 5 * * *"
identifiers:
  local:
    system: https://passerelle.example/fhir/NamingSystem/{name.replace("_", "-")}-local
    says:                  # what the number counts
# coverage: whom it would know of, where, since when; without it nothing is ever missed here, only not observable
tables:
  {table}:
    says:                  # what one row is
    format: delimited
    files: {json.dumps(files, ensure_ascii=False)}
    complete: {{stable_for: 60}}    # better, when the sender can: {{marker: .ok}}
    dialect: {{{", ".join(dialect)}}}
    key: [{_text(key)}]
    order: {{column: {ordered}}}    # says which of two versions of a row is the newer
    # identity: true was set on texts and days of which no two rows of the sample have the same, empty cells left
    # aside (so also where one row or none has a value); take it off what names nobody
    columns:
{listed}
"""


def _has_decimal_comma(sample: Sample, columns: Mapping[str, Guessed]) -> bool:
    return any(
        guessed.kind == "decimal" and any("," in value for value in sample.values(place))
        for place, guessed in enumerate(columns.values())
    )


def _mapping(table: str, key: str) -> str:
    column = _text(key)
    return f"""mapping: {table}
version: 1
says:                      # what a row becomes
reads: {table}
emits:
  - resource: Patient
    as: patient
    key: [{column}]
    fields:
      - {{to: "Patient.identifier[local].value", column: {column}, system: local}}
"""
