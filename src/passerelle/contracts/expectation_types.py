"""Which expectations may be written in a suite, and with which arguments: the library's names, kept as a list here.

The list is written down so that contracts can be checked without importing the library, which takes seconds; a test
compares it with the library. Records are judged in chunks, so an expectation is one of four things:

- `record`: judged by the library record by record, whatever the chunk;
- `neighbours`: judged by the library against the other records of its chunk, so that it depends on the order of
  arrival: it may only warn;
- `batch`: counted per chunk and judged by us on the whole batch;
- `never`: cannot be judged here, and says what to write instead.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from passerelle.contracts.problems import nearest
from passerelle.contracts.source import Column
from passerelle.contracts.suite import Expectation
from passerelle.records import Severity

Judged = Literal["record", "neighbours", "batch", "never"]
Reads = Literal["column", "pair", "columns", "table"]

_BOUNDS = ("min_value", "max_value", "strict_min", "strict_max")
_PAIR = ("ignore_row_if",)


@dataclass(frozen=True, slots=True)
class ExpectationType:
    """One expectation of the library: who judges it, what it reads, which arguments it takes, which it needs."""

    judged: Judged
    reads: Reads = "column"
    arguments: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    instead: str = ""

    @property
    def has_bounds(self) -> bool:
        """Whether `min` and `max` mean something."""
        return "min_value" in self.arguments


def _record(*arguments: str, needs: tuple[str, ...] = (), reads: Reads = "column") -> ExpectationType:
    return ExpectationType("record", reads, (*arguments, *needs), needs)


def _never(instead: str) -> ExpectationType:
    return ExpectationType("never", "table", instead=instead)


_SHAPE = _never("the columns of a table are compared with `columns:` when a batch is landed")
_STATISTIC = _never("a statistic of a whole batch is not judged; state what must hold of a record, with `mostly`")
_LIKE = _never("the library has no such test on what we hand it; write a `regex`")
_TYPE = _never("the `type` of the column already says it")
_QUERY = _never("an expectation asks no query; a rule across resources belongs in validation/")

EXPECTATION_TYPES: Mapping[str, ExpectationType] = {
    "expect_column_distinct_values_to_be_in_set": _never("write expect_column_values_to_be_in_set"),
    "expect_column_distinct_values_to_contain_set": _STATISTIC,
    "expect_column_distinct_values_to_equal_set": _STATISTIC,
    "expect_column_kl_divergence_to_be_less_than": _STATISTIC,
    "expect_column_max_to_be_between": _never("write expect_column_values_to_be_between"),
    "expect_column_mean_to_be_between": _STATISTIC,
    "expect_column_median_to_be_between": _STATISTIC,
    "expect_column_min_to_be_between": _never("write expect_column_values_to_be_between"),
    "expect_column_most_common_value_to_be_in_set": _STATISTIC,
    "expect_column_pair_values_a_to_be_greater_than_b": _record("or_equal", *_PAIR, reads="pair"),
    "expect_column_pair_values_to_be_equal": _record(*_PAIR, reads="pair"),
    "expect_column_pair_values_to_be_in_set": _record(*_PAIR, needs=("value_pairs_set",), reads="pair"),
    "expect_column_proportion_of_non_null_values_to_be_between": ExpectationType("batch", "column", _BOUNDS),
    "expect_column_proportion_of_unique_values_to_be_between": ExpectationType("batch", "column", _BOUNDS),
    "expect_column_quantile_values_to_be_between": _STATISTIC,
    "expect_column_stdev_to_be_between": _STATISTIC,
    "expect_column_sum_to_be_between": _STATISTIC,
    "expect_column_to_exist": _SHAPE,
    "expect_column_type_to_be": _TYPE,
    "expect_column_unique_value_count_to_be_between": ExpectationType("batch", "column", _BOUNDS),
    "expect_column_value_lengths_to_be_between": _record(*_BOUNDS),
    "expect_column_value_lengths_to_equal": _record(needs=("value",)),
    "expect_column_value_z_scores_to_be_less_than": ExpectationType(
        "neighbours", "column", ("threshold", "double_sided"), ("threshold", "double_sided")
    ),
    "expect_column_values_to_be_between": _record(*_BOUNDS),
    "expect_column_values_to_be_dateutil_parseable": _record(),
    "expect_column_values_to_be_decreasing": ExpectationType("neighbours", "column", ("strictly",)),
    "expect_column_values_to_be_in_set": _record(needs=("value_set",)),
    "expect_column_values_to_be_in_type_list": _TYPE,
    "expect_column_values_to_be_increasing": ExpectationType("neighbours", "column", ("strictly",)),
    "expect_column_values_to_be_json_parseable": _record(),
    "expect_column_values_to_be_null": _record(),
    "expect_column_values_to_be_of_type": _TYPE,
    "expect_column_values_to_be_unique": ExpectationType("batch"),
    "expect_column_values_to_match_json_schema": _record(needs=("json_schema",)),
    "expect_column_values_to_match_like_pattern": _LIKE,
    "expect_column_values_to_match_like_pattern_list": _LIKE,
    "expect_column_values_to_match_regex": _record(needs=("regex",)),
    "expect_column_values_to_match_regex_list": _record("match_on", needs=("regex_list",)),
    "expect_column_values_to_match_strftime_format": _record(needs=("strftime_format",)),
    "expect_column_values_to_not_be_in_set": _record(needs=("value_set",)),
    "expect_column_values_to_not_be_null": _record(),
    "expect_column_values_to_not_be_outliers": ExpectationType(
        "neighbours", "column", ("method", "multiplier"), ("method", "multiplier")
    ),
    "expect_column_values_to_not_match_like_pattern": _LIKE,
    "expect_column_values_to_not_match_like_pattern_list": _LIKE,
    "expect_column_values_to_not_match_regex": _record(needs=("regex",)),
    "expect_column_values_to_not_match_regex_list": _record(needs=("regex_list",)),
    "expect_compound_columns_to_be_unique": ExpectationType("batch", "columns", _PAIR),
    "expect_multicolumn_sum_to_equal": _record(*_PAIR, needs=("sum_total",), reads="columns"),
    "expect_multicolumn_values_to_be_equal": _record(*_PAIR, reads="columns"),
    "expect_query_results_to_match_comparison": _QUERY,
    "expect_select_column_values_to_be_unique_within_record": _record(*_PAIR, reads="columns"),
    "expect_table_column_count_to_be_between": _SHAPE,
    "expect_table_column_count_to_equal": _SHAPE,
    "expect_table_columns_to_match_ordered_list": _SHAPE,
    "expect_table_columns_to_match_set": _SHAPE,
    "expect_table_row_count_to_be_between": ExpectationType("batch", "table", _BOUNDS),
    "expect_table_row_count_to_equal": ExpectationType("batch", "table", ("value",), ("value",)),
    "expect_table_row_count_to_equal_other_table": _QUERY,
    "unexpected_rows_expectation": _QUERY,
}

_OURS = {"min": "min_value", "max": "max_value", "among": "value_set", "regex": "regex", "format": "strftime_format"}


def library_arguments(expectation: Expectation) -> dict[str, object]:
    """The arguments under the library's names, columns and `mostly` left out."""
    written = {
        "min_value": expectation.min,
        "max_value": expectation.max,
        "value_set": list(expectation.among) or None,
        "regex": expectation.regex,
        "strftime_format": expectation.format,
    }
    given = {name: value for name, value in written.items() if value is not None}
    return given | expectation.with_


def columns_read(expectation: Expectation) -> tuple[str, ...]:
    """The columns the expectation looks at, in the order written."""
    return (expectation.column, *expectation.columns) if expectation.column else expectation.columns


def problems_of(expectation: Expectation, columns: Mapping[str, Column] | None = None) -> list[str]:
    """Everything that is wrong with one expectation, one sentence each, without file or line.

    With `columns`, the expectation is also compared with the columns of the table that uses it.
    """
    kind = EXPECTATION_TYPES.get(expectation.type)
    if kind is None:
        return [f"expectation '{expectation.type}' is not known{nearest(expectation.type, EXPECTATION_TYPES)}"]
    if kind.judged == "never":
        return [f"'{expectation.type}' cannot be judged here: {kind.instead}"]
    return [
        *_argument_problems(expectation, kind),
        *_severity_problems(expectation, kind),
        *_column_count_problems(expectation, kind),
        *(_column_problems(expectation, columns) if columns is not None else []),
    ]


def _argument_problems(expectation: Expectation, kind: ExpectationType) -> list[str]:
    ours = {library: name for name, library in _OURS.items()}
    arguments = library_arguments(expectation)
    found = [
        f"'{expectation.type}' takes no `{ours.get(name, name)}`{nearest(name, kind.arguments)}"
        for name in arguments
        if name not in kind.arguments
    ]
    found += [f"'{expectation.type}' wants `{ours.get(name, name)}`" for name in kind.needs if name not in arguments]
    found += _pattern_problems(arguments)
    if kind.has_bounds and arguments.get("min_value") is None and arguments.get("max_value") is None:
        found.append(f"'{expectation.type}' wants `min` or `max`")
    return found


def _pattern_problems(arguments: Mapping[str, object]) -> list[str]:
    several = arguments.get("regex_list", ())
    patterns = [arguments.get("regex"), *(several if isinstance(several, list) else ())]
    found = []
    for pattern in patterns:
        try:
            re.compile(str(pattern or ""))
        except re.error as wrong:
            found.append(f"`regex` cannot be read at character {(wrong.pos or 0) + 1}: {wrong.msg}")
    return found


def _severity_problems(expectation: Expectation, kind: ExpectationType) -> list[str]:
    if kind.judged == "neighbours" and expectation.severity is not Severity.WARN:
        return [f"'{expectation.type}' depends on the order of arrival and may only have the severity warn"]
    counted = kind.reads == "table" or "proportion" in expectation.type or "count" in expectation.type
    if kind.judged == "batch" and counted:
        if expectation.severity is Severity.STOP_RECORD:
            return [f"'{expectation.type}' names no record that could be stopped; write stop-batch or warn"]
        if expectation.mostly is not None:
            return [f"'{expectation.type}' takes no `mostly`: it is true of a batch, or not"]
    return []


def _column_count_problems(expectation: Expectation, kind: ExpectationType) -> list[str]:
    wanted: Mapping[Reads, str] = {
        "column": "one `column`",
        "pair": "two `columns`: A, then B",
        "columns": "two or more `columns`",
        "table": "no column",
    }
    single, several = expectation.column is not None, len(expectation.columns)
    right = {
        "column": single and not several,
        "pair": not single and several == 2,
        "columns": not single and several >= 2,
        "table": not single and not several,
    }
    return [] if right[kind.reads] else [f"'{expectation.type}' wants {wanted[kind.reads]}"]


def _is_day(bound: str | float) -> bool:
    if isinstance(bound, int | float) or bound == "today":
        return True  # a number is another problem, said elsewhere
    try:
        return datetime.fromisoformat(bound).tzinfo is None
    except ValueError:
        return False


def _column_problems(expectation: Expectation, columns: Mapping[str, Column]) -> list[str]:
    found = [
        f"column '{name}' is not a column of the table{nearest(name, columns)}"
        for name in columns_read(expectation)
        if name not in columns
    ]
    bounds = [bound for bound in (expectation.min, expectation.max) if bound is not None]
    if found or expectation.type != "expect_column_values_to_be_between" or expectation.column is None:
        return found
    kind = columns[expectation.column].type
    numbers = [bound for bound in bounds if isinstance(bound, int | float)]
    if kind in {"string", "boolean"}:
        found.append(f"column '{expectation.column}' is of type {kind}, which has no bounds; declare what it is")
        return found
    if kind in {"integer", "decimal"} and len(numbers) != len(bounds):
        found.append(f"column '{expectation.column}' is of type {kind}; its bounds are numbers, without quotes")
    if kind not in {"integer", "decimal"} and numbers:
        found.append(f"column '{expectation.column}' is of type {kind}; a bound that is a number cannot be compared")
    if kind in {"date", "datetime"}:
        found += [f"bound '{bound}' is neither `today` nor an ISO date" for bound in bounds if not _is_day(bound)]
    if "today" in bounds and kind not in {"date", "datetime"}:
        found.append(f"`today` is compared with dates; column '{expectation.column}' is of type {kind}")
    return found
