r"""Lines of delimited text, read strictly: the declared charset, the declared number of columns, quotes where they may be.

A raw record is its line (or lines, when quotes span them) without the line end. When the header of its file is not
exactly the declared columns in order, the record carries it in front: `\x1e` + header + `\x1e` + line.
"""

import re
from collections import Counter
from collections.abc import Sequence

from passerelle.contracts.source import Dialect, Table
from passerelle.reading.unreadable import Row, Unreadable, harmless_in
from passerelle.records import Reason

HEADER_MARK = b"\x1e"
_OPEN_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x80-\x9f]")
_QUOTED_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x80-\x9f]|\r(?!\n)")


class DelimitedReader:
    """Reads the lines of a delimited table.

    `unread` counts values that stood in columns nobody declared, by the name in the header.
    """

    def __init__(self, table: Table) -> None:
        dialect = dialect_of(table)
        self.slots = tuple(table.columns)
        self.repeats = tuple(name for name, repeat in table.repeats.items() if repeat.path is not None)
        self.unread: Counter[str] = Counter()
        self._cells = CellReader(dialect)
        self._null = frozenset(dialect.null) - {""}
        self._names = header_names(table)
        self._header = list(self._names)
        self._headers: dict[bytes, _Header] = {}

    def parse(self, raw: bytes) -> Row:
        """The line as a row.

        Raises:
            Unreadable: it is not one line of this table.
        """
        cells = self._under_header(raw) if raw[:1] == HEADER_MARK else self._cells.read(raw, self._names)
        if cells == self._header:
            raise Unreadable(Reason.NOT_A_RECORD)  # two files, one behind the other
        null = self._null
        row: Row = (
            [None if cell in null else cell or None for cell in cells] if null else [cell or None for cell in cells]
        )
        if self.repeats:
            row += [[] for _ in self.repeats]
        return row

    def _under_header(self, raw: bytes) -> list[str]:
        written, mark, line = raw[1:].partition(HEADER_MARK)
        if not mark:
            raise Unreadable(Reason.NOT_A_RECORD)
        header = self._headers.get(written)
        if header is None:
            header = self._headers[written] = _Header(self._cells.read(written, None), self._names)
        cells = self._cells.read(line, header.names)
        for place, name in header.extra:
            if cells[place]:
                self.unread[name] += 1
        return [cells[place] for place in header.places]


def dialect_of(table: Table) -> Dialect:
    """How the table's files are written; what is not declared is as the contract's model says."""
    return table.dialect or Dialect.model_validate({})


def header_names(table: Table) -> tuple[str, ...]:
    """The names a file's header is compared with: the column names, or their declared `path`."""
    return tuple(column.path or name for name, column in table.columns.items())


class _Header:
    """Where the declared columns stand under another header."""

    def __init__(self, written: list[str], declared: Sequence[str]) -> None:
        self.names = tuple(written)
        self.places = [place_in_header(name, written) for name in declared]
        known = set(self.places)
        self.extra = [(place, name) for place, name in enumerate(written) if place not in known]


def place_in_header(name: str, written: Sequence[str]) -> int:
    """Where the column stands.

    Raises:
        Unreadable: it is missing, or stands there twice.
    """
    times = written.count(name)
    if times != 1:
        raise Unreadable(Reason.MISSING_COLUMN if times == 0 else Reason.COLUMN_TWICE, name)
    return written.index(name)


class CellReader:
    """Reads the cells of one line in a dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._charset = dialect.charset
        self._harmless = harmless_in(dialect.charset)
        self._delimiter = dialect.delimiter
        self._quote = dialect.quote
        self._longest = dialect.longest_field

    def read(self, raw: bytes, names: Sequence[str] | None) -> list[str]:
        """The cells of a line; `names` are its columns, None for a header.

        Raises:
            Unreadable: the line breaks the dialect, or has another number of cells than columns.
        """
        try:
            text = raw.decode(self._charset)
        except UnicodeDecodeError as error:
            raise Unreadable(Reason.UNDECODABLE_BYTES, self._undecodable(raw[: error.start], names)) from None
        quoted = self._quote in text
        cells = self._quoted(text, names) if quoted else text.split(self._delimiter)
        if names is not None and len(cells) != len(names):
            raise Unreadable(Reason.WRONG_COLUMN_COUNT)
        if raw.translate(None, self._harmless):
            self._judge_controls(cells, names, _QUOTED_CONTROL if quoted else _OPEN_CONTROL)
        if len(text) > self._longest:
            for place, cell in enumerate(cells):
                if len(cell) > self._longest:
                    raise Unreadable(Reason.FIELD_TOO_LONG, _name(names, place))
        return cells

    def _quoted(self, text: str, names: Sequence[str] | None) -> list[str]:
        delimiter, quote = self._delimiter, self._quote
        cells: list[str] = []
        place = 0
        while True:
            if text.startswith(quote, place):
                end = _closing(text, quote, place + 1)
                if end < 0:
                    raise Unreadable(Reason.BROKEN_QUOTING)
                cells.append(text[place + 1 : end].replace(quote * 2, quote))
                end += 1
                if end < len(text) and text[end] != delimiter:
                    raise Unreadable(Reason.BROKEN_QUOTING, _name(names, len(cells) - 1))
            else:
                end = text.find(delimiter, place)
                end = len(text) if end < 0 else end
                cell = text[place:end]
                if quote in cell:
                    raise Unreadable(Reason.BROKEN_QUOTING, _name(names, len(cells)))
                if _OPEN_CONTROL.search(cell):
                    raise Unreadable(Reason.FORBIDDEN_CHARACTER, _name(names, len(cells)))
                cells.append(cell)
            if end >= len(text):
                return cells
            place = end + 1

    @staticmethod
    def _judge_controls(cells: list[str], names: Sequence[str] | None, wrong: re.Pattern[str]) -> None:
        for place, cell in enumerate(cells):
            if wrong.search(cell):
                raise Unreadable(Reason.FORBIDDEN_CHARACTER, _name(names, place))

    def _undecodable(self, before: bytes, names: Sequence[str] | None) -> str:
        """The column in which the first undecodable byte stands, when it can be told."""
        try:
            text = before.decode(self._charset)
        except UnicodeDecodeError:
            return ""
        return _name(names, _cells_begun(text, self._delimiter, self._quote) - 1)


def _closing(text: str, quote: str, start: int) -> int:
    """Where the quote opened before `start` is closed; -1 when it is not."""
    end = text.find(quote, start)
    while end >= 0 and text.startswith(quote, end + 1):
        end = text.find(quote, end + 2)
    return end


def _cells_begun(text: str, delimiter: str, quote: str) -> int:
    """How many cells the text touches; a quote may still be open at its end."""
    count, place = 1, 0
    while True:
        if text.startswith(quote, place):
            closed = _closing(text, quote, place + 1)
            if closed < 0:
                return count
            place = closed + 1
        place = text.find(delimiter, place)
        if place < 0:
            return count
        count, place = count + 1, place + 1


def _name(names: Sequence[str] | None, place: int) -> str:
    return names[place] if names is not None and place < len(names) else ""
