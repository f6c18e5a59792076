"""A new source folder from a sample file: what can be seen in the file is written, what it means is left to say."""

import csv
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from passerelle.errors import UsageError

SAMPLE_ROWS = 500
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%Y%m%d")
_MOMENT_FORMATS = ("%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M")


def begin_source(home: Path, name: str, file: Path) -> list[Path]:
    """The folder `mappings/sources/<name>` holds a source.yaml and a first mapping, written from the sample.

    Raises:
        UsageError: the name is none, the folder is there, or the file cannot be read as delimited text.
    """
    if not _NAME.fullmatch(name):
        raise UsageError("a source's name has lower-case letters, digits and underscores, and begins with a letter")
    folder = home / "mappings" / "sources" / name
    if folder.exists():
        raise UsageError(f"mappings/sources/{name} is there already")
    charset, delimiter, header, rows = _read(file)
    table = re.sub(r"[^a-z0-9]+", "_", file.stem.lower()).strip("_") or "table"
    if not table[0].isalpha():
        table = f"t_{table}"
    columns = {column: _lines_of(column, [row[place] for row in rows]) for place, column in enumerate(header)}
    order = next((one for one, lines in columns.items() if "type: datetime" in lines), header[-1])
    folder.mkdir(parents=True)
    written = {
        folder / "source.yaml": _source(name, table, file, charset, delimiter, columns, header[0], order),
        folder / f"{table}.yaml": _mapping(name, table, header[0]),
    }
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
    (folder / "codes").mkdir()
    (folder / "examples").mkdir()
    return list(written)


def _read(file: Path) -> tuple[str, str, list[str], list[list[str]]]:
    try:
        raw = file.read_bytes()
    except OSError as wrong:
        raise UsageError(f"the sample cannot be read ({wrong.strerror})") from None
    charset = next((one for one in ("utf-8", "latin-1") if _decodes(raw, one)), "utf-8")
    lines = raw.decode(charset).splitlines()[: SAMPLE_ROWS + 1]
    if len(lines) < 2:
        raise UsageError("the sample wants a header and at least one line")
    delimiter = max(";,\t|", key=lines[0].count)
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    header = rows[0]
    if len(header) < 2 or len(set(header)) != len(header):
        raise UsageError("the first line of the sample is no header: it wants two or more names, each once")
    return charset, delimiter, header, [row for row in rows[1:] if len(row) == len(header)]


def _decodes(raw: bytes, charset: str) -> bool:
    try:
        raw.decode(charset)
    except UnicodeDecodeError:
        return False
    return True


def _lines_of(column: str, values: Sequence[str]) -> str:
    """The contract of a column as YAML text: the narrowest type that all its values have."""
    filled = [value for value in values if value]
    kind = "type: string"
    if filled and all(re.fullmatch(r"[+-]?[0-9]{1,18}", value) and not _is_code(value) for value in filled):
        kind = "type: integer"
    elif filled and all(re.fullmatch(r"[+-]?[0-9]+[.,][0-9]+", value) for value in filled):
        kind = "type: decimal"
    else:
        for name, formats in (("date", _DATE_FORMATS), ("datetime", _MOMENT_FORMATS)):
            fits = next((one for one in formats if filled and all(map(_reads(one), filled))), None)
            if fits is not None:
                kind = f'type: {name}, format: "{fits}"'
    required = ", required: true" if filled and len(filled) == len(values) else ""
    return f"{{{kind}{required}, says: what {column} means}}"


def _is_code(value: str) -> bool:
    return len(value) > 1 and value.startswith("0")


def _reads(written: str) -> Callable[[str], bool]:
    def reads(value: str) -> bool:
        try:
            datetime.strptime(value, written)  # noqa: DTZ007 - only whether it reads
        except ValueError:
            return False
        return True

    return reads


def _source(
    name: str,
    table: str,
    file: Path,
    charset: str,
    delimiter: str,
    columns: dict[str, str],
    key: str,
    order: str,
) -> str:
    listed = "\n".join(f'      "{column}": {lines}' for column, lines in columns.items())
    shown = "\\t" if delimiter == "\t" else delimiter
    return f"""source: {name}
says: Who sends this, and what it holds.
owner: Who answers when a record is stopped.
jurisdiction: fr
environment: test
legal:
  kind: csapa              # hospital, csapa, caarud, prison-health, housing, pharmacy, residential-care, liaison
  ground: The text that allows it to send.
organisation: {{name: Its name, finess: "000000000"}}
connection: {name}_files   # a name in PASSERELLE_CONNECTIONS; never an address
schedule: "0 5 * * *"
identifiers:
  local: {{system: "https://passerelle.example/fhir/NamingSystem/{name}-local", says: Its own numbers.}}
coverage:
  - {{whom: whom it would know of, where: ["75"], since: "2025-01-01"}}
tables:
  {table}:
    format: delimited
    files: "{file.stem}*{file.suffix}"
    complete: {{stable_for: 60}}
    dialect: {{charset: {charset}, delimiter: "{shown}"}}
    key: ["{key}"]
    order: {{column: "{order}"}}
    columns:
{listed}
"""


def _mapping(name: str, table: str, key: str) -> str:
    return f"""mapping: {table}
version: 1
says: What a row of {table} becomes.
reads: {table}
emits:
  - resource: Patient
    as: patient
    key: ["{key}"]
    fields:
      - to: Patient.identifier[local].value
        column: "{key}"
        system: local
        because: "the number {name} knows the person by; write the other fields below"
"""
