"""Check beside the bare library: 100,000 records, 20 expectations, the same questions of the same values.

Prints seconds and the ratio. The library's import is timed apart. Run: python benchmarks/check.py
"""

import random
import resource
import time
from datetime import date

from passerelle.checking import check_partition, compile_expectations, judge_batch
from passerelle.contracts.source import Column, Limits, Table

RECORDS, PARTITION, TODAY = 100_000, 50_000, date(2026, 3, 31)
CODES = [f"v{number}" for number in range(200)]
COLUMNS = {f"c{number}": Column() for number in range(12)} | {
    "entry": Column(type="date", required=True),
    "leave": Column(type="date"),
    "age": Column(type="integer"),
}


def expectations() -> list[dict[str, object]]:
    own: list[dict[str, object]] = [
        {"type": "expect_column_values_to_match_regex", "column": f"c{number}", "regex": "^v[0-9]+$"}
        for number in range(6)
    ]
    own += [
        {"type": "expect_column_values_to_be_in_set", "column": f"c{number}", "among": CODES} for number in range(6, 11)
    ]
    own += [
        {"type": "expect_column_value_lengths_to_be_between", "column": "c11", "max": 4},
        {"type": "expect_column_values_to_be_between", "column": "entry", "min": "1900-01-01", "max": "today"},
        {"type": "expect_column_values_to_be_between", "column": "leave", "min": "1900-01-01", "max": "today"},
        {"type": "expect_column_values_to_be_between", "column": "age", "min": 0, "max": 120},
        {
            "type": "expect_column_pair_values_a_to_be_greater_than_b",
            "columns": ["leave", "entry"],
            "with": {"or_equal": True, "ignore_row_if": "either_value_is_missing"},
        },
    ]
    return [{"says": "It holds.", "severity": "stop-record", **one} for one in own]


def records() -> list[list[str | None]]:
    chance = random.Random(7)
    return [
        [
            *chance.choices(CODES, k=12),
            f"2025-01-{chance.randrange(10, 28)}",
            f"2025-02-{chance.randrange(10, 28)}" if chance.random() < 0.7 else None,
            str(chance.randrange(121)),
        ]
        for _ in range(RECORDS)
    ]


def bare(rows: list[list[str | None]]) -> None:
    """The same questions put to the library as its manual shows, on one frame, typed by pandas, counts only."""
    import great_expectations as library
    import pandas as pd

    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in ("entry", "leave"):
        frame[name] = pd.to_datetime(frame[name])
    frame["age"] = frame["age"].astype(float)
    context = library.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("all")
        .add_dataframe_asset("all")
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": frame})
    )
    core = library.expectations
    asked = [core.ExpectColumnValuesToMatchRegex(column=f"c{number}", regex="^v[0-9]+$") for number in range(6)]
    asked += [core.ExpectColumnValuesToBeInSet(column=f"c{number}", value_set=CODES) for number in range(6, 11)]
    asked += [core.ExpectColumnValueLengthsToBeBetween(column="c11", max_value=4)]
    for name in ("entry", "leave"):
        first, last = pd.Timestamp("1900-01-01"), pd.Timestamp(TODAY)
        asked.append(core.ExpectColumnValuesToBeBetween(column=name, min_value=first, max_value=last))
    asked += [
        core.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=120),
        core.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A="leave", column_B="entry", or_equal=True, ignore_row_if="either_value_is_missing"
        ),
    ]
    asked += [core.ExpectColumnValuesToNotBeNull(column=name) for name in ("entry", "leave", "age", "c0")]
    result = batch.validate(library.ExpectationSuite(name="all", expectations=asked), result_format="BASIC")
    print(f"  bare: {len(result.results)} expectations judged")


def ours(rows: list[list[str | None]]) -> None:
    table = Table.model_validate(
        {
            "format": "delimited",
            "order": {"snapshot": True},
            "columns": COLUMNS,
            "expectations": {"own": expectations()},
        }
    )
    asked = compile_expectations(table, {})
    numbered = list(enumerate(rows))
    parts = [numbered[start : start + PARTITION] for start in range(0, len(numbered), PARTITION)]
    verdicts = [check_partition(part, COLUMNS, asked, TODAY) for part in parts]
    verdict = judge_batch(verdicts, Limits(), asked)
    print(f"  ours: {len(asked)} expectations judged, stopped {verdict.stopped_records} of {verdict.records}")


def timed(what: str, run: object, *arguments: object) -> float:
    start = time.perf_counter()
    run(*arguments)  # type: ignore[operator]
    seconds = time.perf_counter() - start
    print(f"{what}: {seconds:.2f} s")
    return seconds


def main() -> None:
    rows = records()
    timed("import of the library", __import__, "great_expectations")
    pairs = [(timed("check", ours, rows), timed("bare library", bare, rows)) for _ in range(3)]
    best_ours, best_bare = (min(times) for times in zip(*pairs, strict=True))
    print(f"{RECORDS / best_ours:,.0f} records a second; check / bare library = {best_ours / best_bare:.2f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
