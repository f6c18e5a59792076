"""Where values lie that must not: in files, as bytes, and in SQLite databases, cell by cell, compressed ones too."""

import contextlib
import json
import re
import sqlite3
import zlib


class Scan:
    """Looks for values as they are written: plain, in another encoding, escaped in JSON, in capitals or not."""

    def __init__(self, values):
        forms = set()
        for value in values:
            forms |= {value.encode(), json.dumps(value)[1:-1].encode(), value.encode("utf-16-le")}
            with contextlib.suppress(UnicodeEncodeError):
                forms.add(value.encode("latin-1"))
        self._wanted = re.compile(b"|".join(re.escape(form) for form in sorted(forms, reverse=True)), re.IGNORECASE)

    def found_in(self, folder):
        """The places that hold one, and how many files and cells were looked at."""
        places, looked = [], 0
        for path in sorted(folder.rglob("*")):
            if not path.is_file():
                continue
            body = path.read_bytes()
            looked += 1
            name = path.relative_to(folder).as_posix()
            if self._wanted.search(body):
                places.append(name)
            if body.startswith(b"SQLite format 3"):
                for cell, value in cells(path):
                    looked += 1
                    if self._wanted.search(value):
                        places.append(f"{name}: {cell}")
        return sorted(set(places)), looked


def cells(path):
    """(table.column, bytes) of every text and blob of the database."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        database.text_factory = bytes
        tables = [row[0].decode() for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = database.execute(f'SELECT * FROM "{table}"')
            columns = [told[0] for told in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    if isinstance(value, bytes):
                        yield f"{table}.{column}", value
                        with contextlib.suppress(zlib.error):
                            yield f"{table}.{column}", zlib.decompress(value)
