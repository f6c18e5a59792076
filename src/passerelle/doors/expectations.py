"""The only module that imports `great_expectations`. Judges one chunk of records and forgets it.

What comes in are texts of records; what goes out are row indexes, positions and counts. The library's own results
quote values, tracebacks included, so none of them leaves this module. The library is imported at the first chunk
that is judged, because importing it takes seconds. Its context lives in memory for one chunk: no folder, no
telemetry, no progress bar, no log line.
"""

import json
import logging
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

CHUNK_ROWS = 50_000
READS_AS_DECLARED = "reads_as_declared"
"""Our own question, put to the library as: the column of values that were read has no hole where there is a text."""

Kind = Literal["number", "date", "datetime", "time"]
Typed = float | date | datetime | time

_LIBRARY = "great_expectations"
_TODAY = "today"
_COMPARING = frozenset(
    {
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_decreasing",
        "expect_column_value_z_scores_to_be_less_than",
        "expect_column_values_to_not_be_outliers",
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_multicolumn_sum_to_equal",
    }
)
_JSON_SCHEMA = "expect_column_values_to_match_json_schema"
_EQUATING = frozenset({"expect_column_pair_values_to_be_equal", "expect_multicolumn_values_to_be_equal"})
_NUMBER_SETS = frozenset({"expect_column_values_to_be_in_set", "expect_column_values_to_not_be_in_set"})
_ANSWER = {
    "result_format": "COMPLETE",
    "exclude_unexpected_values": True,
    "include_unexpected_rows": False,
    "return_unexpected_index_query": False,
}
# What a library may raise on data it did not foresee. None of it is shown: the texts quote values.
_RAISED = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class ColumnReader:
    """How the texts of one column become values that can be compared; `read` answers None when it cannot."""

    kind: Kind
    read: Callable[[str], Typed | None]


@dataclass(frozen=True, slots=True)
class LibraryExpectation:
    """One question: the library's name, our columns, and arguments under the library's names."""

    position: int
    type: str
    columns: tuple[str, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChunkVerdict:
    """What is known of one expectation on one chunk. Rows are indexes into the chunk; no value is held."""

    position: int
    failed_rows: list[int]
    evaluated: int
    unexpected: int
    error: bool = False


def is_loaded() -> bool:
    """Whether the library was already imported by this process."""
    return _Library.module is not None


def judge_chunk(
    frame_columns: Mapping[str, Sequence[str | None]],
    expectations: Iterable[LibraryExpectation],
    today: date,
    types: Mapping[str, ColumnReader],
) -> list[ChunkVerdict]:
    """Every expectation is decided on these records: which rows fail, of how many looked at.

    A text that its column's reader cannot read counts as failed wherever values are compared. An expectation the
    library could not run comes back with `error`; the others of the chunk are still decided.
    """
    asked = list(expectations)
    chunk = _Chunk(frame_columns, types)
    questions: list[_Question] = []
    verdicts: dict[int, ChunkVerdict] = {}
    for expectation in asked:
        try:
            questions.append(_question(expectation, chunk, today))
        except _RAISED:
            verdicts[expectation.position] = _not_run(expectation.position)
    verdicts |= _Library.answers(chunk, questions)
    return [verdicts.get(expectation.position) or _not_run(expectation.position) for expectation in asked]


def _not_run(position: int) -> ChunkVerdict:
    return ChunkVerdict(position, [], 0, 0, error=True)


@dataclass(frozen=True, slots=True)
class _Question:
    """An expectation in terms of the frame: its columns renamed, its bounds resolved, its unreadable rows known."""

    position: int
    type: str
    arguments: dict[str, Any]
    unreadable: frozenset[int] = frozenset()
    looked_at: int | None = None


class _Chunk:
    """The frame handed to the library. Its columns are numbered, so that not even a name of ours travels."""

    def __init__(self, texts: Mapping[str, Sequence[str | None]], readers: Mapping[str, ColumnReader]) -> None:
        self._texts = texts
        self._readers = readers
        self._numbers = {name: number for number, name in enumerate(texts)}
        self._values: dict[str, list[Typed | None]] = {}
        self._unreadable: dict[str, frozenset[int]] = {}
        self.columns: dict[str, tuple[str, Sequence[Any]]] = {}
        self.rows = len(next(iter(texts.values()), ()))

    def reader(self, name: str) -> ColumnReader | None:
        return self._readers.get(name)

    def text(self, name: str) -> str:
        return self._put(f"t{self._numbers[name]}", "object", self._texts[name])

    def values(self, name: str, *, day_only: bool = False) -> str:
        """The column of values that can be compared, empty where the text could not be read."""
        values = self._read(name)
        number, kind = self._numbers[name], self._readers[name].kind
        if kind == "number":
            return self._put(f"v{number}", "float64", values)
        if kind == "time":
            return self._put(f"v{number}", "float64", [_seconds(value) for value in values])
        days = [value.date() if isinstance(value, datetime) else value for value in values] if day_only else values
        return self._put(f"{'d' if day_only else 'v'}{number}", "moment", days)

    def json(self, name: str) -> tuple[str, frozenset[int]]:
        """The column's texts that are JSON, and the rows of those that are not: they would end the library's run."""
        known = {text: text is None or _is_json(text) for text in set(self._texts[name])}
        texts = [text if known[text] else None for text in self._texts[name]]
        not_json = frozenset(row for row, text in enumerate(self._texts[name]) if not known[text])
        return self._put(f"j{self._numbers[name]}", "object", texts), not_json

    def readable(self, name: str) -> str:
        """A column that has a hole exactly where a text could not be read."""
        unreadable = self.unreadable([name])
        marks = [None if row in unreadable else True for row in range(self.rows)]
        return self._put(f"r{self._numbers[name]}", "object", marks)

    def unreadable(self, names: Iterable[str]) -> frozenset[int]:
        for name in names:
            self._read(name)
        return frozenset().union(*(self._unreadable[name] for name in names))

    def filled(self, name: str) -> int:
        return sum(text is not None for text in self._texts[name])

    def _read(self, name: str) -> list[Typed | None]:
        if name not in self._values:
            read = self._readers[name].read
            known = {text: None if text is None else read(text) for text in set(self._texts[name])}
            bad = {text for text, value in known.items() if value is None and text is not None}
            self._values[name] = [known[text] for text in self._texts[name]]
            self._unreadable[name] = frozenset(
                [row for row, text in enumerate(self._texts[name]) if text in bad] if bad else ()
            )
        return self._values[name]

    def _put(self, name: str, dtype: str, values: Sequence[Any]) -> str:
        self.columns[name] = (dtype, values)
        return name


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _seconds(value: object) -> float | None:
    if not isinstance(value, time):
        return None
    return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6


def _question(expectation: LibraryExpectation, chunk: _Chunk, today: date) -> _Question:
    names, arguments = expectation.columns, dict(expectation.arguments)
    if expectation.type == READS_AS_DECLARED:
        return _Question(
            expectation.position,
            "expect_column_values_to_not_be_null",
            {"column": chunk.readable(names[0])},
            looked_at=chunk.filled(names[0]),
        )
    if expectation.type == _JSON_SCHEMA:
        column, not_json = chunk.json(names[0])
        return _Question(expectation.position, expectation.type, arguments | {"column": column}, unreadable=not_json)
    kinds = {reader.kind for name in names if (reader := chunk.reader(name))}
    all_read = all(chunk.reader(name) for name in names)
    if not (all_read and _compares_values(expectation, kinds)):
        return _Question(
            expectation.position,
            expectation.type,
            arguments | _named([chunk.text(name) for name in names], expectation.type),
        )
    kind = next(iter(kinds))
    if expectation.type == "expect_column_values_to_be_between":
        for bound in _bounds_in(arguments):
            arguments[bound] = _value_bound(arguments, bound, kind, today)
    columns = [chunk.values(name, day_only=kinds == {"date", "datetime"}) for name in names]
    return _Question(
        expectation.position,
        expectation.type,
        arguments | _named(columns, expectation.type),
        unreadable=chunk.unreadable(names),
    )


def _compares_values(expectation: LibraryExpectation, kinds: set[Kind]) -> bool:
    """Whether the values decide, or the texts as written. A code is a text, whatever it looks like."""
    comparable = len(kinds) == 1 or kinds == {"date", "datetime"}
    if expectation.type in _NUMBER_SETS:
        return kinds == {"number"} and not any(isinstance(one, str) for one in expectation.arguments["value_set"])
    return comparable and expectation.type in _COMPARING | _EQUATING


def _named(columns: list[str], kind: str) -> dict[str, Any]:
    if kind.startswith("expect_column_pair_"):
        return {"column_A": columns[0], "column_B": columns[1]}
    if kind.startswith(("expect_multicolumn_", "expect_select_column_", "expect_compound_")):
        return {"column_list": columns}
    return {"column": columns[0]}


def _bounds_in(arguments: Mapping[str, Any]) -> list[str]:
    return [bound for bound in ("min_value", "max_value") if arguments.get(bound) is not None]


def _value_bound(arguments: Mapping[str, Any], bound: str, kind: Kind, today: date) -> Any:
    """The bound as the column's values are; a day that bounds instants bounds them by its first or last moment."""
    written = arguments[bound]
    if kind == "number":
        return float(written)
    if kind == "time":
        return _seconds(time.fromisoformat(written))
    whole_day = written == _TODAY or len(written) == len("2026-01-31")
    moment = datetime.combine(today, time()) if written == _TODAY else datetime.fromisoformat(written)
    strict = bool(arguments.get("strict_min" if bound == "min_value" else "strict_max"))
    last_moment = kind == "datetime" and whole_day and (bound == "max_value") != strict
    return _microseconds(moment + timedelta(days=1, microseconds=-1) if last_moment else moment)


def _microseconds(moment: datetime) -> float:
    """What the library compares instead of a moment: it walks through moments one by one, and bounds numbers at once."""
    return (moment - datetime(1970, 1, 1)) / timedelta(microseconds=1)  # noqa: DTZ001 - both on the source's wall


class _Library:
    """The library itself, imported once, silenced, and asked."""

    module: Any = None
    raised: tuple[type[Exception], ...] = _RAISED
    context: Callable[[], Any]
    forget_context: Callable[[None], object]

    @classmethod
    def load(cls) -> Any:
        if cls.module is None:
            os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
            logger = logging.getLogger(_LIBRARY)
            logger.addHandler(logging.NullHandler())
            logger.propagate = False
            with warnings.catch_warnings():  # the library reroutes warnings when it is imported; this puts them back
                warnings.simplefilter("ignore")
                cls._import()
                logging.captureWarnings(capture=False)
        return cls.module

    @classmethod
    def _import(cls) -> None:
        import great_expectations as library
        from great_expectations.data_context.data_context.context_factory import get_context, set_context
        from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults
        from great_expectations.exceptions import GreatExpectationsError

        in_memory = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
        cls.context = lambda: get_context(
            mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=in_memory)
        )
        cls.forget_context = set_context
        cls.raised = (*_RAISED, GreatExpectationsError)
        cls.module = library

    @classmethod
    def names(cls) -> list[str]:
        """Every expectation the library knows, whatever it is about."""
        cls.load()
        from great_expectations.expectations.registry import list_registered_expectation_implementations

        return sorted(list_registered_expectation_implementations())

    @classmethod
    def answers(cls, chunk: _Chunk, questions: Sequence[_Question]) -> dict[int, ChunkVerdict]:
        """The verdicts by position; a question that could not be put, or made the library fail, has none."""
        if not questions:
            return {}
        library = cls.load()
        by_position = {question.position: question for question in questions}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            put = cls._put(questions)
            results = cls._ask(library, chunk, put)
            if results is None:  # one of them broke the run of all: each on its own, to know which
                results = [one for each in put for one in cls._ask(library, chunk, [each]) or ()]
        answered = [(result.expectation_config.meta["position"], result) for result in results if _was_run(result)]
        return {position: _verdict(by_position[position], result, chunk.rows) for position, result in answered}

    @classmethod
    def _put(cls, questions: Sequence[_Question]) -> list[Any]:
        from great_expectations.expectations.registry import get_expectation_impl

        put = []
        for question in questions:
            try:
                expectation = get_expectation_impl(question.type)
                put.append(expectation(**question.arguments, meta={"position": question.position}))
            except cls.raised:
                continue
        return put

    @classmethod
    def _ask(cls, library: Any, chunk: _Chunk, put: list[Any]) -> list[Any] | None:
        """The library's results in any order, or None when it gave up on all of them."""
        try:
            context = cls.context()
            context.variables.progress_bars = {"globally": False, "metric_calculations": False}
            asset = context.data_sources.add_pandas("chunk").add_dataframe_asset("records")
            batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": _frame(chunk)})
            suite = library.ExpectationSuite(name="questions", expectations=put)
            return list(batch.validate(suite, result_format=_ANSWER).results)
        except cls.raised:
            return None
        finally:
            cls.forget_context(None)  # else the library keeps the records of its last chunk alive


def library_names() -> list[str]:
    """The names of all expectations of the installed library."""
    return _Library.names()


def _frame(chunk: _Chunk) -> Any:
    import numpy as np
    import pandas as pd

    def column(dtype: str, values: Sequence[Any]) -> Any:
        if dtype == "moment":
            moments = np.array(values, dtype="datetime64[us]")
            return pd.Series(np.where(np.isnat(moments), np.nan, moments.astype("int64").astype("float64")))
        return pd.Series(np.array(values, dtype=dtype) if dtype == "float64" else list(values), dtype=dtype)

    made = {name: column(dtype, values) for name, (dtype, values) in chunk.columns.items()}
    return pd.DataFrame(made, index=range(chunk.rows))


def _was_run(result: Any) -> bool:
    raised = result.exception_info
    failed = raised["raised_exception"] if "raised_exception" in raised else bool(raised)
    return not failed and result.result.get("element_count") is not None


def _verdict(question: _Question, result: Any, rows: int) -> ChunkVerdict:
    found = result.result
    failed = {int(row) for row in found.get("unexpected_index_list") or ()}
    looked_at = question.looked_at
    if looked_at is None:
        evaluated = int(found["element_count"]) - int(found.get("missing_count") or 0)
        looked_at = min(rows, evaluated + len(question.unreadable - failed))
    failed |= question.unreadable
    return ChunkVerdict(question.position, sorted(failed), looked_at, len(failed))
