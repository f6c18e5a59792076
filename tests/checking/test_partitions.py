"""Records of one partition against real expectations: who stops, what is noticed, what is summed."""

from datetime import date

import pytest
from asked_tables import TODAY, checked, expectation, suite, table

from passerelle.checking import Sum, check_partition, compile_expectations
from passerelle.contracts.source import Column
from passerelle.doors import expectations as door
from passerelle.errors import ContractError
from passerelle.records import Finding, Reason, Severity, Stage, State, Stop

CODE = {"code": Column()}
IN_SET = expectation("expect_column_values_to_be_in_set", column="code", among=["A", "B"])

BROKEN = {"regex_list": ["A"], "match_on": "neither any nor all"}


def stop(row: int, place: str) -> Stop:
    return Stop(row, Stage.CHECK, State.QUARANTINED, Reason.EXPECTATION, place)


def test_a_record_that_fails_is_stopped_at_the_place_where_the_expectation_is_written():
    verdict = checked(CODE, [["A"], ["CANARY"], [None]], IN_SET, first=7)

    assert (stop(8, "own#1 code"),) == verdict.stops
    assert (Sum(2, 1),) == verdict.sums


def test_a_record_that_fails_twice_is_stopped_once_and_the_rest_is_noticed():
    short = expectation("expect_column_value_lengths_to_equal", column="code", **{"with": {"value": 1}})

    verdict = checked(CODE, [["A"], ["CANARY"]], IN_SET, short)

    assert (stop(1, "own#1 code"),) == verdict.stops
    assert (Finding(Stage.CHECK, Reason.EXPECTATION, "own#2 code", 1),) == verdict.findings


def test_a_warning_stops_nothing():
    warns = IN_SET.model_copy(update={"severity": Severity.WARN})

    verdict = checked(CODE, [["A"], ["CANARY"]], warns)

    assert () == verdict.stops
    assert (Finding(Stage.CHECK, Reason.EXPECTATION, "own#1 code", 1),) == verdict.findings


def test_findings_name_some_rows_and_sums_count_all():
    warns = IN_SET.model_copy(update={"severity": Severity.WARN})

    verdict = checked(CODE, [["CANARY"]] * 250, warns)

    assert (100, Sum(250, 250)) == (len(verdict.findings), verdict.sums[0])


def test_no_value_is_in_a_verdict():
    columns = {"code": Column(), "day": Column(type="date", required=True), "number": Column(type="integer")}
    unique = expectation("expect_column_values_to_be_unique", column="code")
    mostly = expectation("expect_column_values_to_match_regex", "warn", column="code", regex="^A", mostly=0.5)

    verdict = checked(columns, [["CANARY", "CANARY", "CANARY"]] * 2, IN_SET, unique, mostly)

    assert "CANARY" not in repr(verdict)
    assert "CANARY" not in repr([verdict.waiting, verdict.marks])


@pytest.mark.parametrize("missing", [None, ""])
def test_a_required_column_without_a_value_stops_the_record(missing):
    verdict = checked({"id": Column(required=True)}, [["1"], [missing]])

    assert (stop(1, "columns#required id"),) == verdict.stops


TYPED = [
    (Column(type="integer"), ["12", "-3", "007", None, ""], ["1.0", "1,0", "12 ", "x", "1e3", "٣"]),
    (Column(type="decimal"), ["12", "-3.25", None], ["3,25", "3.", ".5", "1 000", "NaN", "inf"]),
    (Column(type="date"), ["2026-02-28", "1900-01-01", "2026-02", "1950"], ["2026-02-30", "28/02/2026", "2026-2-8"]),
    (Column(type="date", format="%d/%m/%Y"), ["28/02/2026"], ["31/02/1983", "11/02/83", "1983-02-11", "not a date"]),
    (Column(type="date", format="hl7"), ["20260228", "202602", "1950", "20260228101500"], ["20260230", "2026-02-28"]),
    (
        Column(type="datetime"),
        ["2026-02-28T10:00:00", "2026-02-28 10:00", "2026-02-28T10:00:00.123+01:00", "2026-02-28T09:00:00Z"],
        ["2026-02-28T25:00:00", "28/02/2026 10:00", "10:00"],
    ),
    (
        Column(type="datetime", format="hl7"),
        ["202602281015", "20260228101500+0100", "20260228101500.1234"],
        ["20260228101", "202602282515", "2026-02-28T10:15"],
    ),
    (Column(type="datetime", format="%d/%m/%Y %H:%M"), ["28/02/2026 10:15"], ["2026-02-28 10:15"]),
    (Column(type="time"), ["10:15", "23:59:59"], ["24:00", "10h15", "1015"]),
    (Column(type="time", format="hl7"), ["1015", "235959"], ["10:15", "2460"]),
    (Column(type="time", format="%Hh%M"), ["10h15"], ["10:15"]),
    (Column(type="boolean"), ["true", "false", "1", "0", None], ["oui", "TRUE", "2"]),
    (Column(type="boolean", true=("O",), false=("N",)), ["O", "N"], ["true", "1"]),
]


@pytest.mark.parametrize(("column", "good", "bad"), TYPED, ids=[f"{c.type}-{c.format or 'plain'}" for c, _, _ in TYPED])
def test_a_text_that_does_not_read_as_its_type_stops_the_record(column, good, bad):
    verdict = checked({"field": column}, [[text] for text in [*good, *bad]])

    assert tuple(stop(len(good) + at, "columns#type field") for at in range(len(bad))) == verdict.stops


def test_numbers_are_read_with_the_declared_decimal_mark():
    verdict = checked({"dose": Column(type="decimal")}, [["3,25"], ["3.25"]], decimal=",")

    assert (stop(1, "columns#type dose"),) == verdict.stops


def test_a_text_that_cannot_be_read_also_fails_where_it_is_compared():
    within = expectation("expect_column_values_to_be_between", "warn", column="day", max="today")

    verdict = checked({"day": Column(type="date")}, [["2026-03-31"], ["2026-04-01"], ["31/03/2026"]], within)

    assert Sum(3, 2) == verdict.sums[1]


def test_today_comes_from_outside():
    within = expectation("expect_column_values_to_be_between", column="day", max="today")
    columns = {"day": Column(type="date")}
    asked = compile_expectations(table(columns, within), {})

    stopped = [
        len(check_partition([(0, ["2026-04-01"])], columns, asked, day).stops) for day in (TODAY, date(2027, 1, 1))
    ]

    assert [1, 0] == stopped


def test_a_moment_with_an_offset_is_compared_on_the_clock_of_the_source():
    later = expectation(
        "expect_column_pair_values_a_to_be_greater_than_b", columns=["out", "in"], **{"with": {"or_equal": True}}
    )
    columns = {"in": Column(type="datetime"), "out": Column(type="datetime")}

    verdict = checked(columns, [["2026-02-28T10:00:00", "2026-02-28T09:30:00Z"]], later)

    assert () == verdict.stops


def test_what_json_wrote_without_quotes_is_compared_as_json_writes_it():
    columns = {"alive": Column(type="boolean"), "age": Column(type="integer"), "list": Column()}

    verdict = checked(columns, [[True, 41, ["a"]], [False, 4.5, None]])

    assert (stop(1, "columns#type age"),) == verdict.stops


def test_hl7_null_is_no_value_when_the_table_says_so():
    verdict = checked({"day": Column(type="date", format="hl7")}, [['""'], ["20260228"]], null=("", '""'))

    assert () == verdict.stops


def test_chunks_change_nothing(monkeypatch):
    rows = [["A"], ["x"], ["B"], [None], ["y"]]
    whole = checked(CODE, rows, IN_SET)

    monkeypatch.setattr("passerelle.checking.partitions.CHUNK_ROWS", 2)

    assert whole == checked(CODE, rows, IN_SET)


def test_an_expectation_that_cannot_run_is_said_in_the_sums():
    broken = expectation("expect_column_values_to_match_regex_list", column="code", **{"with": BROKEN})

    verdict = checked(CODE, [["A"], ["CANARY"]], broken, IN_SET)

    assert [True, False] == [entry.failed_to_run for entry in verdict.sums]
    assert (stop(1, "own#2 code"),) == verdict.stops


def test_an_empty_partition_has_nothing_to_say(monkeypatch):
    monkeypatch.setattr(door._Library, "load", classmethod(lambda _: pytest.fail("imported for nothing")))

    assert (0, (), (Sum(),)) == ((verdict := checked(CODE, [], IN_SET)).records, verdict.stops, verdict.sums)


def test_shared_suites_come_before_the_tables_own():
    shared = suite("people", IN_SET)

    asked = compile_expectations(table(CODE, IN_SET, use=["people"]), shared)

    assert ["people#1 code", "own#1 code"] == [one.place for one in asked]


def test_everything_wrong_with_the_expectations_is_said_at_once():
    broken = table(
        CODE,
        expectation("expect_column_values_to_be_betwen", column="code", min=1),
        expectation("expect_column_values_to_not_be_null", column="cod"),
        use=["peple"],
    )

    with pytest.raises(ContractError) as refused:
        compile_expectations(broken, suite("people", IN_SET))

    assert (
        "suite 'peple' is not in validation/suites; suites are people",
        (
            "own#1: expectation 'expect_column_values_to_be_betwen' is not known; "
            "did you mean 'expect_column_values_to_be_between'?"
        ),
        "own#2: column 'cod' is not a column of the table; did you mean 'code'?",
    ) == refused.value.problems
