"""The barrier: a batch is judged on its sums, whatever its partitions, by its own bounds alone."""

import random

import pytest
from asked_tables import LENIENT, TODAY, checked, expectation, table, whole

from passerelle.checking import Breach, Sum, check_partition, compile_expectations, judge_batch
from passerelle.contracts.source import Column, Limits
from passerelle.records import Finding, Reason, Stage

CODE = {"code": Column()}
GOOD, BAD = ["A"], ["x"]

BROKEN = {"regex_list": ["A"], "match_on": "neither any nor all"}


def in_set(severity: str, **more: object):
    return expectation("expect_column_values_to_be_in_set", severity, column="code", among=["A"], **more)


def test_mostly_is_judged_on_the_sums_and_not_per_chunk():
    first, second = [GOOD] * 10, [BAD] * 2 + [GOOD] * 8

    holds = whole(CODE, [first, second], in_set("stop-batch", mostly=0.9))
    fails = whole(CODE, [second, second], in_set("stop-batch", mostly=0.9))

    assert (False, "") == (holds.stopped, holds.rule)
    assert (True, "own#1 code") == (fails.stopped, fails.rule)
    assert (Breach(Reason.EXPECTATION, "own#1 code", 20, 4, (0, 1, 10, 11)),) == fails.breaches


def test_mostly_is_met_by_exactly_its_share():
    assert not whole(CODE, [[GOOD] * 9 + [BAD]], in_set("stop-batch", mostly=0.9)).stopped


def test_mostly_counts_only_records_that_have_a_value():
    assert not whole(CODE, [[[None]] * 100], in_set("stop-batch", mostly=0.9)).stopped


def test_one_failing_record_stops_the_batch_when_nothing_is_tolerated():
    verdict = whole(CODE, [[GOOD] * 99, [BAD]], in_set("stop-batch"))

    assert ("own#1 code", (99,)) == (verdict.rule, verdict.breaches[0].rows)


def test_with_mostly_records_stop_only_when_the_batch_falls_below_it():
    few = whole(CODE, [[GOOD] * 9 + [BAD]], in_set("stop-record", mostly=0.9))
    many = whole(CODE, [[GOOD] * 8 + [BAD] * 2], in_set("stop-record", mostly=0.9))

    assert [] == [stop.row for stop in few.stops]
    assert [8, 9] == [stop.row for stop in many.stops]
    assert not many.stopped


def test_with_mostly_a_warning_is_given_only_below_it():
    few = whole(CODE, [[GOOD] * 9 + [BAD]], in_set("warn", mostly=0.9))
    many = whole(CODE, [[GOOD] * 8 + [BAD] * 2], in_set("warn", mostly=0.9))

    assert [0, 2] == [len(few.findings), len(many.findings)]


def test_a_record_is_stopped_once_and_its_other_fault_is_noticed():
    kept = expectation("expect_column_values_to_be_unique", column="code")

    verdict = whole(CODE, [[BAD, GOOD], [BAD]], in_set("stop-record"), kept)

    assert ((), 2) == (verdict.stops, verdict.stopped_records)
    assert [0, 2] == [finding.row for finding in verdict.findings]


def test_uniqueness_reaches_across_partitions():
    unique = expectation("expect_column_values_to_be_unique", column="code")

    verdict = whole(CODE, [[["a"], ["b"], [None]], [["c"], ["a"], [None]]], unique)

    assert [0, 4] == [stop.row for stop in verdict.stops]
    assert (Sum(4, 2),) == verdict.sums


@pytest.mark.parametrize(
    ("ignore", "rows"),
    [
        ("all_values_are_missing", [0, 1, 2, 3]),
        ("any_value_is_missing", [2, 3]),
        ("never", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_compound_uniqueness_ignores_what_it_is_told_to(ignore, rows):
    columns = {"code": Column(), "day": Column()}
    unique = expectation(
        "expect_compound_columns_to_be_unique", columns=["code", "day"], **{"with": {"ignore_row_if": ignore}}
    )
    parts = [[["a", None], ["a", None], ["ab", "c"]], [["ab", "c"], [None, None], [None, None], ["a", "bc"]]]

    verdict = whole(columns, parts, unique)

    assert rows == [stop.row for stop in verdict.stops]


@pytest.mark.parametrize(("severity", "stopped"), [("stop-batch", True), ("warn", False)])
def test_uniqueness_may_stop_the_batch_or_warn(severity, stopped):
    unique = expectation("expect_column_values_to_be_unique", severity, column="code")

    assert stopped == whole(CODE, [[["a"]], [["a"]]], unique).stopped


COUNTED = [
    ("expect_table_row_count_to_be_between", {"min": 3}, False),
    ("expect_table_row_count_to_be_between", {"min": 4, "max": 4}, False),
    ("expect_table_row_count_to_be_between", {"max": 3}, True),
    ("expect_table_row_count_to_be_between", {"min": 4, "with": {"strict_min": True}}, True),
    ("expect_table_row_count_to_equal", {"with": {"value": 4}}, False),
    ("expect_table_row_count_to_equal", {"with": {"value": 5}}, True),
    ("expect_column_proportion_of_non_null_values_to_be_between", {"column": "code", "min": 0.75}, False),
    ("expect_column_proportion_of_non_null_values_to_be_between", {"column": "code", "min": 0.8}, True),
    ("expect_column_unique_value_count_to_be_between", {"column": "code", "max": 2}, False),
    ("expect_column_unique_value_count_to_be_between", {"column": "code", "min": 3}, True),
    ("expect_column_proportion_of_unique_values_to_be_between", {"column": "code", "min": 0.6, "max": 0.7}, False),
    ("expect_column_proportion_of_unique_values_to_be_between", {"column": "code", "min": 0.7}, True),
]


@pytest.mark.parametrize(("kind", "written", "stopped"), COUNTED)
def test_what_is_counted_is_counted_over_the_whole_batch(kind, written, stopped):
    verdict = whole(CODE, [[["a"], ["b"]], [["a"], [None]]], expectation(kind, "stop-batch", **written))

    assert stopped == verdict.stopped


def test_a_count_that_only_warns_names_no_row():
    verdict = whole(CODE, [[GOOD]], expectation("expect_table_row_count_to_be_between", "warn", min=2))

    assert (Finding(Stage.CHECK, Reason.EXPECTATION, "own#1"),) == verdict.findings


def test_an_expectation_that_failed_to_run_stops_the_batch_whatever_its_severity():
    verdict = whole(
        CODE,
        [[GOOD]],
        expectation("expect_column_values_to_match_regex_list", "warn", column="code", **{"with": BROKEN}),
    )

    assert [(Reason.EXPECTATION_FAILED_TO_RUN, "own#1 code")] == [(one.reason, one.place) for one in verdict.breaches]


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        (Limits(stopped_share=0.5), ""),
        (Limits(stopped_share=0.49), "limits#stopped_share"),
        (Limits(stopped_share=1, least_records=4), ""),
        (Limits(stopped_share=1, least_records=5), "limits#least_records"),
        (Limits(stopped_share=1, most_records=4), ""),
        (Limits(stopped_share=1, most_records=3), "limits#most_records"),
    ],
)
def test_declared_limits_stop_the_batch(limits, rule):
    assert rule == whole(CODE, [[GOOD, BAD], [BAD, GOOD]], in_set("stop-record"), limits=limits).rule


def test_records_stopped_by_the_batchs_sums_count_against_the_limit():
    unique = expectation("expect_column_values_to_be_unique", column="code")

    assert whole(CODE, [[["a"]], [["a"]]], unique, limits=Limits(stopped_share=0.5)).stopped


def test_an_empty_batch_is_stopped_by_a_least_number_and_by_nothing_else():
    everything = [expectation(kind, "stop-batch", **written) for kind, written, _ in COUNTED if "column" in written]

    assert not whole(CODE, [], *everything, in_set("stop-batch", mostly=0.9)).stopped
    assert whole(CODE, [], limits=Limits(least_records=1)).stopped


@pytest.mark.parametrize(
    ("earlier", "warned"), [((), 0), ((100,) * 4, 0), ((100,) * 5, 1), ((2,) * 5, 0), ((4,) * 5, 0), ((5,) * 5, 1)]
)
def test_history_only_warns(earlier, warned):
    asked = compile_expectations(table(CODE), {})
    verdict = judge_batch([checked(CODE, [GOOD, GOOD])], LENIENT, asked, earlier_sizes=earlier)

    assert (warned, False) == (len(verdict.findings), verdict.stopped)


def test_the_order_of_partitions_changes_nothing():
    own = [in_set("stop-record"), expectation("expect_column_values_to_be_unique", "warn", column="code")]
    asked = compile_expectations(table(CODE, *own), {})
    chance = random.Random(7)
    verdicts = [checked(CODE, [[chance.choice("Ax")] for _ in range(9)], *own, first=9 * number) for number in range(6)]
    expected = judge_batch(verdicts, LENIENT, asked)

    chance.shuffle(verdicts)

    assert expected == judge_batch(verdicts, LENIENT, asked)


def test_partitions_of_several_processes_share_one_secret():
    unique = expectation("expect_column_values_to_be_unique", column="code")
    asked = compile_expectations(table(CODE, unique), {})
    parts = [check_partition([(row, ["a"])], CODE, asked, TODAY, secret=b"one") for row in range(2)]
    apart = [check_partition([(row, ["a"])], CODE, asked, TODAY, secret=bytes([row + 1])) for row in range(2)]

    assert [2, 0] == [len(judge_batch(some, LENIENT, asked).stops) for some in (parts, apart)]
