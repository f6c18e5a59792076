"""The door to the library, against the real library: planted faults are found, and no value leaves."""

import os
import re
import socket
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest

from passerelle.contracts.expectation_types import EXPECTATION_TYPES
from passerelle.doors import expectations as door
from passerelle.doors.expectations import READS_AS_DECLARED, ColumnReader, LibraryExpectation, judge_chunk

TODAY = date(2026, 3, 31)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(door.__file__).parents[2])}
DAYS = ColumnReader("date", lambda text: date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None)
MOMENTS = ColumnReader("datetime", lambda text: datetime.fromisoformat(text) if "T" in text else None)
NUMBERS = ColumnReader("number", lambda text: float(text.replace(",", ".")) if text[:1].isdigit() else None)
READERS = {"day": DAYS, "moment": MOMENTS, "number": NUMBERS}
CHUNK = {
    "text": ["A1", "B2", None, "c3", "CANARYCANARY"],
    "day": ["2026-03-31", "2026-04-01", None, "31/03/2026", "1899-12-31"],
    "moment": ["2026-03-31T23:59:00", "2026-04-01T00:00:00", None, "CANARY", "2026-03-31T00:00:00"],
    "number": ["1", "2,5", None, "CANARY", "40"],
    "other": ["A1", "x", None, None, "CANARYCANARY"],
}
SET = {"value_set": ["A1", "B2"]}

# Library name, columns, arguments, rows that must fail, records looked at.
PLANTED = [
    ("expect_column_values_to_not_be_null", ["text"], {}, [2], 5),
    ("expect_column_values_to_be_null", ["text"], {}, [0, 1, 3, 4], 5),
    ("expect_column_values_to_be_in_set", ["text"], SET, [3, 4], 4),
    ("expect_column_values_to_not_be_in_set", ["text"], SET, [0, 1], 4),
    ("expect_column_values_to_be_in_set", ["number"], {"value_set": [1, 2.5]}, [3, 4], 4),
    ("expect_column_values_to_be_in_set", ["number"], {"value_set": ["1", "40"]}, [1, 3], 4),
    ("expect_column_values_to_match_regex", ["text"], {"regex": "^[A-Z][0-9]$"}, [3, 4], 4),
    ("expect_column_values_to_not_match_regex", ["text"], {"regex": "[0-9]"}, [0, 1, 3], 4),
    ("expect_column_values_to_match_regex_list", ["text"], {"regex_list": ["^A", "^B"], "match_on": "any"}, [3, 4], 4),
    ("expect_column_values_to_not_match_regex_list", ["text"], {"regex_list": ["^A", "^B"]}, [0, 1], 4),
    ("expect_column_value_lengths_to_be_between", ["text"], {"min_value": 1, "max_value": 3}, [4], 4),
    ("expect_column_value_lengths_to_equal", ["text"], {"value": 2}, [4], 4),
    ("expect_column_values_to_match_strftime_format", ["day"], {"strftime_format": "%Y-%m-%d"}, [3], 4),
    ("expect_column_values_to_be_dateutil_parseable", ["text"], {}, [0, 1, 3, 4], 4),
    ("expect_column_values_to_be_json_parseable", ["number"], {}, [1, 3], 4),
    ("expect_column_values_to_match_json_schema", ["number"], {"json_schema": {"maximum": 9}}, [1, 3, 4], 4),
    ("expect_column_values_to_be_between", ["day"], {"min_value": "1900-01-01", "max_value": "today"}, [1, 3, 4], 4),
    ("expect_column_values_to_be_between", ["moment"], {"max_value": "today"}, [1, 3], 4),
    ("expect_column_values_to_be_between", ["moment"], {"max_value": "today", "strict_max": True}, [0, 1, 3, 4], 4),
    ("expect_column_values_to_be_between", ["number"], {"min_value": 0, "max_value": 30}, [3, 4], 4),
    ("expect_column_values_to_be_increasing", ["number"], {}, [3], 4),
    ("expect_column_values_to_be_decreasing", ["number"], {}, [1, 3, 4], 4),
    ("expect_column_value_z_scores_to_be_less_than", ["number"], {"threshold": 9, "double_sided": True}, [3], 4),
    ("expect_column_values_to_not_be_outliers", ["number"], {"method": "iqr", "multiplier": 9}, [3], 4),
    ("expect_column_pair_values_to_be_equal", ["text", "other"], {"ignore_row_if": "either_value_is_missing"}, [1], 3),
    (
        "expect_column_pair_values_a_to_be_greater_than_b",
        ["moment", "day"],
        {"or_equal": True, "ignore_row_if": "either_value_is_missing"},
        [3],
        4,
    ),
    (
        "expect_column_pair_values_to_be_in_set",
        ["text", "other"],
        {"value_pairs_set": [["A1", "A1"]], "ignore_row_if": "either_value_is_missing"},
        [1, 4],
        3,
    ),
    (
        "expect_multicolumn_sum_to_equal",
        ["number", "number"],
        {"sum_total": 2, "ignore_row_if": "any_value_is_missing"},
        [1, 3, 4],
        4,
    ),
    (
        "expect_multicolumn_values_to_be_equal",
        ["text", "other"],
        {"ignore_row_if": "any_value_is_missing"},
        [1],
        3,
    ),
    (
        "expect_select_column_values_to_be_unique_within_record",
        ["text", "other"],
        {"ignore_row_if": "any_value_is_missing"},
        [0, 4],
        3,
    ),
    (READS_AS_DECLARED, ["day"], {}, [3], 4),
    (READS_AS_DECLARED, ["number"], {}, [3], 4),
]


@pytest.fixture(scope="module")
def judged():
    asked = [LibraryExpectation(at, kind, tuple(names), given) for at, (kind, names, given, _, _) in enumerate(PLANTED)]
    return judge_chunk(CHUNK, asked, TODAY, READERS)


@pytest.mark.parametrize("at", range(len(PLANTED)), ids=[f"{line[0]}-{'+'.join(line[1])}" for line in PLANTED])
def test_the_library_finds_exactly_the_planted_faults(at, judged):
    _, _, _, failed, looked_at = PLANTED[at]
    verdict = judged[at]

    assert (failed, looked_at, len(failed), False) == (
        verdict.failed_rows,
        verdict.evaluated,
        verdict.unexpected,
        verdict.error,
    )


def test_every_expectation_judged_by_the_library_has_a_planted_fault():
    judged = {name for name, kind in EXPECTATION_TYPES.items() if kind.judged in {"record", "neighbours"}}

    assert set() == judged - {line[0] for line in PLANTED}


def test_the_list_of_names_is_the_librarys():
    assert door.library_names() == sorted(EXPECTATION_TYPES)


@pytest.mark.parametrize("name", sorted(EXPECTATION_TYPES))
def test_the_arguments_we_allow_exist_in_the_library(name):
    from great_expectations.expectations.registry import get_expectation_impl

    assert set() == set(EXPECTATION_TYPES[name].arguments) - set(get_expectation_impl(name).__fields__)


def test_no_value_leaves_the_door(judged):
    assert "CANARY" not in repr(judged)


def test_a_failing_question_says_so_and_the_others_are_answered():
    asked = [
        LibraryExpectation(0, "expect_column_values_to_match_regex", ("text",), {"regex": "("}),
        LibraryExpectation(1, "expect_column_values_to_not_be_null", ("text",)),
        LibraryExpectation(2, "expect_no_such_thing", ("text",)),
        LibraryExpectation(3, "expect_column_values_to_be_between", ("day",), {"max_value": "soon"}),
        LibraryExpectation(4, "expect_column_values_to_be_between", ("text",), {"max_value": 4}),
        LibraryExpectation(5, "expect_column_values_to_be_in_set", ("text",), {"no_such": 1}),
        LibraryExpectation(6, "expect_column_values_to_not_be_null", ("absent",)),
    ]

    verdicts = judge_chunk(CHUNK, asked, TODAY, READERS)

    assert [True, False, True, True, True, True, True] == [verdict.error for verdict in verdicts]
    assert [2] == verdicts[1].failed_rows


def test_when_the_library_gives_up_on_all_each_is_asked_alone(monkeypatch):
    asked = [LibraryExpectation(at, "expect_column_values_to_not_be_null", ("text",)) for at in range(2)]
    sizes, ask = [], door._Library._ask

    def gives_up_on_two(library, chunk, put):
        sizes.append(len(put))
        return None if len(put) > 1 else ask(library, chunk, put)

    monkeypatch.setattr(door._Library, "_ask", gives_up_on_two)

    assert [[2], [2]] == [verdict.failed_rows for verdict in judge_chunk(CHUNK, asked, TODAY, READERS)]
    assert [2, 1, 1] == sizes


def test_the_library_is_silent_even_when_it_fails(tmp_path):
    program = """
import datetime, logging, warnings
logging.basicConfig(level=logging.DEBUG)
warnings.simplefilter("always")
shown = warnings.showwarning
from passerelle.doors.expectations import LibraryExpectation, judge_chunk
asked = [
    LibraryExpectation(0, "expect_column_values_to_match_regex", ("text",), {"regex": "("}),
    LibraryExpectation(1, "expect_column_values_to_be_between", ("text",), {"max_value": 4}),
]
verdicts = judge_chunk({"text": ["CANARY", None]}, asked, datetime.date(2026, 3, 31), {})
assert all(verdict.error for verdict in verdicts)
assert warnings.showwarning is shown
"""

    ran = subprocess.run(
        [sys.executable, "-c", program], check=False, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True
    )

    assert (0, "", "") == (ran.returncode, ran.stdout, ran.stderr)
    assert [] == list(tmp_path.iterdir())


def test_the_library_asks_no_host_for_anything(monkeypatch):
    asked_for = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *host: asked_for.append(host) or [])

    judge_chunk(CHUNK, [LibraryExpectation(0, "expect_column_values_to_not_be_null", ("text",))], TODAY, READERS)

    assert [] == asked_for


def test_the_library_is_not_imported_before_it_is_asked():
    program = (
        "import sys; import passerelle.checking, passerelle.contracts.expectation_types;"
        "print('great_expectations' in sys.modules, 'pandas' in sys.modules)"
    )

    said = subprocess.run([sys.executable, "-c", program], check=False, env=ENVIRONMENT, capture_output=True, text=True)

    assert "False False\n" == said.stdout


def test_nothing_asked_is_nothing_answered():
    assert [] == judge_chunk(CHUNK, [], TODAY, READERS)


def test_a_chunk_without_records_holds_whatever_is_expected():
    empty = {name: [] for name in CHUNK}
    asked = [
        LibraryExpectation(at, kind, tuple(names), given)
        for at, (kind, names, given, _, _) in enumerate(PLANTED)
        if "z_scores" not in kind and "outliers" not in kind
    ]

    assert [] == [v.position for v in judge_chunk(empty, asked, TODAY, READERS) if v.unexpected]
