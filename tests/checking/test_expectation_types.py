"""What is said of an expectation that cannot be meant, without the library."""

from pathlib import Path

import pytest
from asked_tables import expectation
from ruamel.yaml import YAML

from passerelle.contracts.expectation_types import columns_read, problems_of
from passerelle.contracts.source import Column
from passerelle.contracts.suite import Suite

SUITES = sorted((Path(__file__).parents[2] / "validation" / "suites").glob("*.yaml"))
COLUMNS = {"code": Column(), "age": Column(type="integer"), "day": Column(type="date")}

WRONG = [
    (
        {"kind": "expect_column_values_to_be_in_sets", "column": "code"},
        "did you mean 'expect_column_values_to_be_in_set'?",
    ),
    ({"kind": "expect_something_else_entirely"}, "is not known"),
    ({"kind": "expect_column_mean_to_be_between", "column": "age", "min": 1}, "cannot be judged here"),
    (
        {"kind": "expect_column_max_to_be_between", "column": "age", "max": 1},
        "write expect_column_values_to_be_between",
    ),
    ({"kind": "expect_column_values_to_match_like_pattern", "column": "code"}, "write a `regex`"),
    ({"kind": "expect_column_values_to_be_in_set", "column": "code"}, "wants `among`"),
    ({"kind": "expect_column_values_to_match_regex", "column": "code"}, "wants `regex`"),
    ({"kind": "expect_column_values_to_not_be_null", "column": "code", "regex": "x"}, "takes no `regex`"),
    ({"kind": "expect_column_values_to_be_between", "column": "age"}, "wants `min` or `max`"),
    ({"kind": "expect_column_values_to_not_be_null"}, "wants one `column`"),
    ({"kind": "expect_column_values_to_not_be_null", "columns": ["code", "age"]}, "wants one `column`"),
    ({"kind": "expect_column_pair_values_to_be_equal", "columns": ["code"]}, "wants two `columns`"),
    ({"kind": "expect_compound_columns_to_be_unique", "columns": ["code"]}, "wants two or more `columns`"),
    (
        {"kind": "expect_table_row_count_to_be_between", "column": "code", "min": 1, "severity": "warn"},
        "wants no column",
    ),
    ({"kind": "expect_table_row_count_to_be_between", "min": 1}, "names no record"),
    (
        {"kind": "expect_table_row_count_to_be_between", "min": 1, "mostly": 0.5, "severity": "warn"},
        "takes no `mostly`",
    ),
    ({"kind": "expect_column_values_to_be_increasing", "column": "age"}, "may only have the severity warn"),
    (
        {"kind": "expect_column_values_to_not_be_null", "column": "code", "with": {"row_condition": "x"}},
        "takes no `row_condition`",
    ),
    ({"kind": "expect_column_values_to_match_regex", "column": "code", "regex": "("}, "cannot be read at character 1"),
    (
        {"kind": "expect_column_values_to_match_regex_list", "column": "code", "with": {"regex_list": ["a", "a)"]}},
        "cannot be read at character 2",
    ),
    ({"kind": "expect_column_values_to_be_between", "column": "day", "max": "31/03/2026"}, "nor an ISO date"),
    ({"kind": "expect_column_values_to_be_between", "column": "day", "max": "2026-03-31T10:00Z"}, "nor an ISO date"),
    ({"kind": "expect_column_values_to_not_be_null", "column": "cide"}, "did you mean 'code'?"),
    ({"kind": "expect_column_values_to_be_between", "column": "code", "max": 4}, "has no bounds"),
    ({"kind": "expect_column_values_to_be_between", "column": "day", "max": 4}, "cannot be compared"),
    ({"kind": "expect_column_values_to_be_between", "column": "age", "max": "4"}, "without quotes"),
    ({"kind": "expect_column_values_to_be_between", "column": "age", "max": "today"}, "`today` is compared with dates"),
]


@pytest.mark.parametrize(("written", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_cannot_be_meant_is_said(written, said):
    problems = problems_of(expectation(**written), COLUMNS)

    assert said in " ".join(problems)


def test_without_a_table_columns_are_not_judged():
    assert [] == problems_of(expectation("expect_column_values_to_not_be_null", column="anything"))


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_shared_suite_can_be_judged(path):
    suite = Suite.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))

    assert path.stem == suite.suite
    assert [] == [problem for one in suite.expectations for problem in problems_of(one)]
    assert len(suite.expectations) > 0
    assert all(columns_read(one) or one.type.startswith("expect_table_") for one in suite.expectations)
