"""`new-source`: what can be seen in a sample is written, and read back by `lint` as it was meant."""

import pytest

from passerelle.contracts.problems import Problems
from passerelle.contracts.yaml_file import read_document
from passerelle.errors import UsageError
from passerelle.pipeline.beginning import begin_source


def begun(tmp_path, text, *, file="stays_2025-06.csv", charset="utf-8", name="ward"):
    """What source.yaml says of the only table, by key, and its name."""
    (tmp_path / "mappings/sources").mkdir(parents=True)
    sample = tmp_path / file
    sample.write_bytes(text.encode(charset))
    written = begin_source(tmp_path, name, sample)
    problems = Problems()
    source = read_document(written[0].read_bytes(), "source.yaml", problems)
    problems.raise_if_any()
    ((table, node),) = source.plain()["tables"].items()
    return table, node


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (("31/12/2025", "01/02/2025"), {"type": "date", "format": "%d/%m/%Y"}),
        (("20251231", "20250201"), {"type": "date", "format": "%Y%m%d"}),
        (("2025-12-31 10:00", "2025-02-01 09:30"), {"type": "datetime", "format": "%Y-%m-%d %H:%M"}),
        (("12", "7"), {"type": "integer"}),
        (("1,5", "0,25"), {"type": "decimal"}),
        (("O", "N"), {"type": "boolean", "true": ["O"], "false": ["N"]}),
        (("01", "02"), {"type": "string"}),
        (("12345678901", "12345678902"), {"type": "string"}),
        (("31/12/2025", "hier"), {"type": "string"}),
        (("1/2/2025", "3/4/2025"), {"type": "string"}),
        (("", ""), {"type": "string"}),
    ],
)
def test_a_column_has_the_narrowest_type_that_all_its_values_have(tmp_path, values, wanted):
    _, told = begun(tmp_path, "no;x\n" + "".join(f"{row};{value}\n" for row, value in enumerate(values)))

    column = told["columns"]["x"]
    assert wanted == {key: column[key] for key in column if key in {"type", "format", "true", "false"}}


def test_a_dated_file_is_one_delivery_of_its_table(tmp_path):
    table, told = begun(tmp_path, "a;b\n1;2\n", file="Stays 2025-06-30.csv")

    assert ("stays", "Stays *.csv") == (table, told["files"])


def test_a_file_without_a_date_is_named_as_it_is(tmp_path):
    table, told = begun(tmp_path, "a;b\n1;2\n", file="stays.csv")

    assert ("stays", "stays.csv") == (table, told["files"])


def test_the_way_the_file_is_written_is_seen(tmp_path):
    _, told = begun(tmp_path, '\ufeffnom\tprix\n"été\tlong"\t1,5\n', charset="utf-8")

    assert {"charset": "utf-8", "delimiter": "\t", "byte_order_mark": "strip", "decimal": ","} == told["dialect"]


def test_a_file_that_is_not_utf_8_is_read_in_its_charset(tmp_path):
    _, told = begun(tmp_path, "nom;no\nété;1\n", charset="cp1252")

    assert "cp1252" == told["dialect"]["charset"]


def test_the_key_is_the_first_column_whose_values_differ_and_the_order_the_last_moment(tmp_path):
    text = "sort;no;opened;changed\nA;1;2025-01-01 10:00;2025-02-01 10:00\nA;2;2025-01-01 10:00;2025-02-02 10:00\n"

    _, told = begun(tmp_path, text)

    assert (["no"], {"column": "changed"}) == (told["key"], told["order"])


def test_names_that_yaml_reads_otherwise_stay_names(tmp_path):
    _, told = begun(tmp_path, "no;yes;N° de séjour;a: b\n1;2;3;4\n")

    assert ["no", "yes", "N° de séjour", "a: b"] == list(told["columns"])


def test_a_text_that_differs_in_every_row_is_taken_for_a_person_s(tmp_path):
    _, told = begun(tmp_path, "no;nom;motif\n1;FERRAND;A\n2;MARTY;A\n")

    assert ["nom"] == [name for name, column in told["columns"].items() if column.get("identity")]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a;b\n", "wants a header and at least one line"),
        ("a;a\n1;2\n", "no header"),
        ("a\n1\n", "no header"),
        ('a;b\n1;"x\n', "a quote that is opened and not closed"),
        ("a;b\n1\n", "no line of the sample has the 2 columns"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, text, wanted):
    with pytest.raises(UsageError, match=wanted):
        begun(tmp_path, text)
    assert [] == list((tmp_path / "mappings/sources").iterdir())


@pytest.mark.parametrize("name", ["Ward", "1ward", "my-ward", "../ward"])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="lower-case letters"):
        begun(tmp_path, "a;b\n1;2\n", name=name)
