"""What the text of a column is in FHIR, or why it is refused."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.contracts.source import Column
from passerelle.mapping import converting
from passerelle.mapping.converting import Noted, Written, converter, remembered
from passerelle.mapping.plan import Refusal
from passerelle.records import Reason

PARIS = Written("Europe/Paris", ",")
FRENCH = "%d/%m/%Y %H:%M"

READ = [
    ("date", None, "date", "2025-02-28", "2025-02-28"),
    ("date", None, "date", "2025-02", "2025-02"),
    ("date", "%d/%m/%Y", "date", "28/02/2025", "2025-02-28"),
    ("date", "hl7", "date", "2025", "2025"),
    ("date", "hl7", "dateTime", "202502", "2025-02"),
    ("date", "hl7", "date", "20250228", "2025-02-28"),
    ("datetime", None, "dateTime", "2025-07-01T09:30:00", "2025-07-01T09:30:00+02:00"),
    ("datetime", None, "dateTime", "2025-01-01 09:30", "2025-01-01T09:30:00+01:00"),
    ("datetime", None, "dateTime", "2025-07-01", "2025-07-01"),
    ("datetime", None, "dateTime", "2025-07-01T09:30:00Z", "2025-07-01T11:30:00+02:00"),
    ("datetime", None, "dateTime", "2025-07-01T09:30:00.250+02:00", "2025-07-01T09:30:00.25+02:00"),
    ("datetime", FRENCH, "dateTime", "01/07/2025 09:30", "2025-07-01T09:30:00+02:00"),
    ("datetime", FRENCH, "dateTime", "1/7/2025 9:30", "2025-07-01T09:30:00+02:00"),
    ("datetime", FRENCH, "date", "01/07/2025 09:30", "2025-07-01"),
    ("datetime", "hl7", "dateTime", "202507010930", "2025-07-01T09:30:00+02:00"),
    ("datetime", "hl7", "dateTime", "20250701093015+0000", "2025-07-01T11:30:15+02:00"),
    ("datetime", "hl7", "dateTime", "202507", "2025-07"),
    ("datetime", "hl7", "instant", "20250701093015", "2025-07-01T09:30:15+02:00"),
    ("datetime", None, "date", "2025-07-01T23:30:00Z", "2025-07-02"),
    ("integer", None, "positiveInt", "007", 7),
    ("integer", None, "decimal", "12", 12),
    ("integer", None, "string", "007", "7"),
    ("decimal", None, "decimal", "12,50", 12.5),
    ("decimal", None, "decimal", "12", 12),
    ("decimal", None, "decimal", "-0,5", -0.5),
    ("boolean", None, "boolean", "true", True),
    ("time", None, "time", "09:30", "09:30:00"),
    ("time", "hl7", "time", "0930", "09:30:00"),
    ("time", "%Hh%M", "time", "9h30", "09:30:00"),
    ("string", None, "string", " a b ", " a b "),
    ("string", None, "string", "  ", None),
    ("string", None, "code", "AMB", "AMB"),
    ("string", None, "uri", "urn:x", "urn:x"),
]


@pytest.mark.parametrize(("kind", "form", "wanted", "text", "expected"), READ)
def test_a_text_becomes(kind, form, wanted, text, expected):
    assert expected == converter(Column(type=kind, format=form), wanted, PARIS, "c")(text)


REFUSED = [
    ("date", None, "date", "2025-02-29", "not-a-date"),
    ("date", "%d/%m/%Y", "date", "2025-02-28", "not-a-date"),
    ("datetime", FRENCH, "dateTime", "31/06/2025 09:30", "not-a-datetime"),
    ("datetime", FRENCH, "dateTime", "30/06/2025 24:30", "not-a-datetime"),
    ("datetime", "hl7", "dateTime", "2025063", "not-a-datetime"),
    ("datetime", None, "instant", "2025-07-01", "not-a-datetime"),
    ("datetime", None, "instant", "2025-10-26T02:30:00", "ambiguous-time"),
    ("datetime", None, "instant", "2025-03-30T02:30:00", "no-such-time"),
    ("integer", None, "integer", "1.0", "not-a-number"),
    ("integer", None, "integer", "2147483648", "not-a-number"),
    ("integer", None, "positiveInt", "0", "not-a-number"),
    ("integer", None, "unsignedInt", "-1", "not-a-number"),
    ("decimal", None, "decimal", "1.5", "not-a-number"),
    ("decimal", None, "decimal", "0,12345678901234567890", "not-a-number"),
    ("boolean", None, "boolean", "yes", "not-a-boolean"),
    ("time", None, "time", "25:00", "not-a-datetime"),
    ("string", None, "id", "a b", "not-an-identifier"),
    ("string", None, "uri", "a b", "not-an-identifier"),
    ("string", None, "code", " AMB", "unknown-code"),
]


@pytest.mark.parametrize(("kind", "form", "wanted", "text", "reason"), REFUSED)
def test_a_text_is_refused_with_its_column(kind, form, wanted, text, reason):
    with pytest.raises(Refusal) as refused:
        converter(Column(type=kind, format=form), wanted, PARIS, "c")(text)

    assert (reason, "c") == (refused.value.reason.value, refused.value.place)


NIGHTS = [
    ("2025-10-26T02:00:00", Noted("2025-10-26", Reason.AMBIGUOUS_TIME)),
    ("2025-10-26T02:59:59", Noted("2025-10-26", Reason.AMBIGUOUS_TIME)),
    ("2025-10-26T01:59:59", "2025-10-26T01:59:59+02:00"),
    ("2025-10-26T03:00:00", "2025-10-26T03:00:00+01:00"),
    ("2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+02:00"),
    ("2025-03-30T02:00:00", Noted("2025-03-30", Reason.NO_SUCH_TIME)),
    ("2025-03-30T02:59:59", Noted("2025-03-30", Reason.NO_SUCH_TIME)),
    ("2025-03-30T01:59:59", "2025-03-30T01:59:59+01:00"),
    ("2025-03-30T03:00:00", "2025-03-30T03:00:00+02:00"),
    ("1895-01-01T12:00:00", Noted("1895-01-01", Reason.AMBIGUOUS_TIME)),
]


@pytest.mark.parametrize(("text", "expected"), NIGHTS)
def test_the_nights_on_which_clocks_are_turned(text, expected):
    assert expected == converter(Column(type="datetime"), "dateTime", PARIS, "c")(text)


ZONES = [
    "Europe/Paris",
    "America/Martinique",
    "Indian/Reunion",
    "Pacific/Noumea",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
]


@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(microsecond=0)),
    st.sampled_from(ZONES),
)
def test_a_moment_is_the_same_instant_on_the_wall_of_every_zone(at, zone):
    convert = converter(Column(type="datetime"), "dateTime", Written(zone), "c")

    utc = convert(at.replace(tzinfo=UTC).isoformat())
    said = convert(at.isoformat())

    assert at.replace(tzinfo=UTC) == datetime.fromisoformat(utc)
    if not isinstance(said, Noted):
        assert at.replace(tzinfo=ZoneInfo(zone)) == datetime.fromisoformat(said)
    else:
        folds = {at.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset() for fold in (0, 1)}
        assert (2, at.date().isoformat()) == (len(folds), said.value)


@given(st.datetimes(datetime(1980, 1, 1), datetime(2030, 1, 1)))
def test_the_fast_way_and_the_slow_way_agree(at):
    padded = converter(Column(type="datetime", format=FRENCH), "dateTime", PARIS, "c")
    loose = converter(Column(type="datetime", format=FRENCH + ":%S"), "dateTime", PARIS, "c")

    assert padded(at.strftime(FRENCH)) == loose(f"{at.day}/{at.month}/{at.year} {at.hour}:{at.minute}:0")


def test_what_was_converted_is_remembered_within_bounds(monkeypatch):
    monkeypatch.setattr(converting, "MOST_REMEMBERED", 3)
    asked = []
    memo, slow = remembered(lambda text: asked.append(text) or text.upper(), "c", "stop")

    for text in "abcd":
        slow(text, [])

    assert {"d": "D"} == memo


def test_what_comes_with_a_note_is_noted_every_time():
    notes = []
    memo, slow = remembered(lambda _: Noted("2025-10-26", Reason.AMBIGUOUS_TIME), "c", "stop")

    assert ["2025-10-26"] * 2 == [slow("x", notes) for _ in range(2)]
    assert ([(Reason.AMBIGUOUS_TIME, "c")] * 2, {}) == (notes, memo)
