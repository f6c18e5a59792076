"""Stays out of messages: what a stay is after these messages, whatever their order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pam_messages import ADMISSION, ADT, AUTHORITY, DISCHARGE, FINESS, ZONE, adt_table, message, row_of, said

from passerelle.fold.pam import fold_messages, keys_of_message, refusal, unread

STAY = ADT.folds["stay"]
MORNING, NOON, EVENING, NEXT_DAY = "20250301100000", "20250301120000", "20250301180000", "20250302090000"


def fold(*texts: str, **keywords):
    return fold_messages(STAY, ADT, [row_of(text) for text in texts], zone=ZONE, **keywords)


def told(*texts: str) -> list:
    """Status, start and end."""
    return said(fold(*texts).row, "statut", "debut", "fin")


def stops(*texts: str) -> list:
    return [(number, state.value, reason.value, place) for number, state, reason, place in fold(*texts).stops]


def findings(*texts: str) -> list:
    return [(number, reason.value, place) for number, reason, place in fold(*texts).findings]


ENTRY = message("A01", MORNING, movement="1")
EXIT = message("A03", EVENING, movement="2")
CANCELLED_EXIT = message("A13", EVENING, emitted="20250301190000", movement="2", action="CANCEL", origin="A03")
SECOND_EXIT = message("A03", NEXT_DAY, movement="3")


def test_an_admission_begins_a_stay():
    assert ["in-progress", MORNING, None] == told(ENTRY)


def test_a_discharge_ends_it():
    assert ["finished", MORNING, EVENING] == told(ENTRY, EXIT)


def test_a_cancelled_discharge_makes_it_go_on():
    assert ["in-progress", MORNING, None] == told(ENTRY, EXIT, CANCELLED_EXIT)


def test_a_second_discharge_ends_it_after_all():
    assert ["finished", MORNING, NEXT_DAY] == told(ENTRY, EXIT, CANCELLED_EXIT, SECOND_EXIT)


def test_a_cancelled_admission_cancels_the_stay():
    cancel = message("A11", MORNING, emitted=NOON, action="CANCEL", origin="A01")

    assert ["cancelled", MORNING, None] == told(ENTRY, cancel)


def test_a_cancel_tells_what_was_before_and_is_not_believed_about_the_movement():
    cancel = message("A13", EVENING, emitted=NEXT_DAY, movement="2", action="CANCEL", unit="OLD", patient_class="E")
    row = fold(ENTRY, EXIT, cancel).row

    assert ["4110", "I"] == said(row, "unite", "classe")


def test_an_update_corrects_the_time_of_a_movement():
    update = message("Z99", NOON, emitted=NEXT_DAY, movement="1", action="UPDATE", origin="A01")

    assert ["in-progress", NOON, None] == told(ENTRY, update)


def test_unit_and_class_are_those_of_the_newest_movement():
    transfer = message("A02", NOON, movement="5", unit="4112", patient_class="R")

    assert ["4112", "R"] == said(fold(ENTRY, transfer).row, "unite", "classe")


def test_the_action_counts_before_the_event():
    update = message("A03", NEXT_DAY, emitted=NEXT_DAY, movement="2", action="UPDATE", origin="A03")
    cancel = message("A03", EVENING, emitted=NEXT_DAY, movement="2", action="CANCEL", origin="A03")

    assert ["finished", MORNING, NEXT_DAY] == told(ENTRY, EXIT, update)
    assert ["in-progress", MORNING, None] == told(ENTRY, EXIT, cancel)


def test_the_exit_tells_how_and_where_the_person_left():
    leaving = message("A03", EVENING, movement="2", pv1={36: "4", 37: "000100032"}, more="ZFM||4")

    assert ["4", "000100032", None] == said(fold(ENTRY, leaving).row, "mode", "destination", "deces")


def test_the_coded_mode_of_the_activity_record_stands_in_and_says_so():
    leaving = message("A03", EVENING, movement="2", more="ZFM||8||7")

    assert "ZFM-8" == said(fold(ENTRY, leaving).row, "mode")


@pytest.mark.parametrize("how", [{"more": "ZFM||9"}, {"pid": {30: "Y"}}, {"pid": {29: EVENING}}])
def test_a_death_is_said_by_the_exit(how):
    assert "true" == said(fold(ENTRY, message("A03", EVENING, movement="2", **how)).row, "deces")


def test_the_other_columns_are_those_of_the_newest_message():
    result = fold(ENTRY, message("A03", EVENING, movement="2", pid={5: "DUPONT"}))

    assert [1, "DUPONT"] == [result.latest, said(result.row, "nom")]


# What stops, and what is noticed --------------------------------------------------------------------------------------


def test_an_exit_without_an_entry_waits():
    assert [(0, "pending", "waits-for-movement", "")] == stops(EXIT)
    assert fold(EXIT).row is None


def test_a_cancel_or_update_of_an_unknown_movement_waits():
    update = message("Z99", NOON, movement="8", action="UPDATE", origin="A02")

    assert [(1, "pending", "waits-for-movement", "")] == stops(ENTRY, CANCELLED_EXIT)
    assert [(1, "pending", "waits-for-movement", "")] == stops(ENTRY, update)


def test_what_waits_goes_on_when_the_movement_arrives():
    assert [] == stops(CANCELLED_EXIT, ENTRY, EXIT)


def test_a_discharge_before_the_admission_ends_the_stay_at_no_time():
    backwards = message("A03", "20250228100000", emitted=EVENING, movement="2")

    assert ["finished", MORNING, None] == told(ENTRY, backwards)
    assert [(1, "doubtful-times", "ZBE-2")] == findings(ENTRY, backwards)


def test_a_discharge_at_the_time_of_the_admission_is_doubted_for_inpatients_alone():
    def pair(patient_class: str):
        return (
            message("A01", MORNING, patient_class=patient_class),
            message("A03", MORNING, emitted=EVENING, movement="2", patient_class=patient_class),
        )

    assert ["finished", MORNING, None] == told(*pair("I"))
    assert ["finished", MORNING, MORNING] == told(*pair("E"))


def test_a_discharge_known_to_the_day_is_compared_by_the_day():
    assert ["finished", MORNING, "20250301"] == told(ENTRY, message("A03", "20250301", emitted=EVENING, movement="2"))


def test_a_discharge_known_to_the_month_has_no_time():
    vague = message("A03", "202503", emitted=EVENING, movement="2")

    assert ["finished", MORNING, None] == told(ENTRY, vague)
    assert [(1, "no-discharge-time", "ZBE-2")] == findings(ENTRY, vague)


@pytest.mark.parametrize("zbe", [{1: ""}, {2: ""}, {2: "hier"}, {4: "N", 5: "INSERT"}, {4: "DELETE"}])
def test_a_movement_in_disorder_is_quarantined(zbe):
    assert [(0, "quarantined", "movement-disorder", "ZBE")] == stops(message("A01", zbe=zbe))


def test_a_movement_event_without_a_movement_is_in_disorder():
    text = "\r".join(segment for segment in ENTRY.split("\r") if not segment.startswith("ZBE"))

    assert [(0, "quarantined", "movement-disorder", "ZBE")] == stops(text)


def test_an_event_of_cancelling_that_says_insert_is_in_disorder():
    assert [(0, "quarantined", "movement-disorder", "ZBE")] == stops(message("A13", action="INSERT"))


def test_an_empty_action_is_what_the_event_implies():
    silent = message("A03", EVENING, movement="2", action="")

    assert ["finished", MORNING, EVENING] == told(ENTRY, silent)
    assert [(1, "movement-action-implied", "ZBE-4")] == findings(ENTRY, silent)


def test_nothing_is_implied_where_one_event_cancels_the_other():
    table = adt_table(messages={"events": ["A01", "A06"]})
    row = row_of(message("A06", action=""))

    assert "movement-disorder" == refusal(table, row)[1]


def test_a_statement_after_the_cancel_of_its_movement_counts_and_is_noticed():
    again = message("A03", NEXT_DAY, movement="2")

    assert ["finished", MORNING, NEXT_DAY] == told(ENTRY, EXIT, CANCELLED_EXIT, again)
    assert (3, "movement-disorder", "ZBE-1") in findings(ENTRY, EXIT, CANCELLED_EXIT, again)


def test_forbidden_fields_of_the_stay_are_noticed():
    text = message("A01", pv1={40: "X"}, zbe={3: NOON})

    assert [(0, "forbidden-field", "PV1-40"), (0, "forbidden-field", "ZBE-3")] == findings(text)


def test_a_stay_named_by_its_file_number_is_noticed_once():
    files = {"pv1": {19: f"{FINESS}^^^{AUTHORITY}^VN"}}

    both = findings(message("A01", MORNING, **files), message("A03", EVENING, movement="2", **files))

    assert [(1, "stay-key-from-file-number", "PV1-19")] == both


def test_a_discharge_at_the_time_of_its_admission_finishes_the_stay_and_ends_it_at_no_time():
    result = fold(ADMISSION, DISCHARGE)

    assert [] == result.stops
    assert ["finished", "20240205090000", None, "I"] == said(result.row, "statut", "debut", "fin", "classe")
    assert [
        (1, "doubtful-times", "ZBE-2"),
        (1, "forbidden-field", "ZBE-3"),
        (1, "movement-shifted", "ZBE"),
        (1, "stay-key-from-file-number", "PV1-19"),
    ] == findings(ADMISSION, DISCHARGE)


def test_test_messages_stop_in_production():
    result = fold(ADMISSION, DISCHARGE, production=True)

    assert ["not-production", "not-production"] == [reason.value for _, _, reason, _ in result.stops]
    assert result.row is None


# Before and beside the fold -------------------------------------------------------------------------------------------


def test_an_event_that_is_not_read_is_told_apart():
    table = adt_table(messages={"events": ["A01"]})

    assert [False, True] == [unread(table, row_of(message(event))) for event in ("A01", "A02")]


def test_a_message_takes_part_where_its_event_and_key_say_so():
    slots = tuple(ADT.columns)
    of_stay = keys_of_message("stay", STAY, ADT, slots)
    of_patient = keys_of_message("patient", ADT.folds["patient"], ADT, slots)

    assert [("900001",), ("7001",)] == [key(row_of(ENTRY)) for key in (of_stay, of_patient)]
    assert [None, ("7001",)] == [key(row_of(message("A31"))) for key in (of_stay, of_patient)]
    assert [None, None] == [key(row_of(message("A05"))) for key in (of_stay, of_patient)]


# Any order of arrival -------------------------------------------------------------------------------------------------


@st.composite
def histories(draw):
    """Messages of one stay: entries, transfers, exits, corrections and cancels, some of movements nobody inserted."""
    texts = []
    for number in range(draw(st.integers(1, 7))):
        event, action = draw(
            st.sampled_from(
                [
                    ("A01", "INSERT"),
                    ("A02", "INSERT"),
                    ("A03", "INSERT"),
                    ("A03", ""),
                    ("A11", "CANCEL"),
                    ("A13", "CANCEL"),
                    ("Z99", "UPDATE"),
                    ("A03", "N"),
                ]
            )
        )
        moment = f"202503{draw(st.integers(1, 4)):02d}100000"
        emitted = f"2025031{draw(st.integers(0, 4))}120000"
        movement = str(draw(st.integers(1, 3)))
        unit = draw(st.sampled_from(["4110", "4112"]))
        texts.append(
            message(event, moment, emitted=emitted, movement=movement, action=action, unit=unit, msh={10: f"C{number}"})
        )
    return texts


@settings(max_examples=150)
@given(histories(), st.randoms(use_true_random=False))
def test_the_stay_does_not_depend_on_the_order_in_which_messages_arrive(texts, random):
    shuffled = list(texts)
    random.shuffle(shuffled)
    one, other = fold(*texts), fold(*shuffled)

    assert one.row == other.row
    assert (one.latest is None) == (other.latest is None)
    if one.latest is not None:
        assert texts[one.latest] == shuffled[other.latest]
    assert sorted((texts[number], *rest) for number, *rest in one.stops) == sorted(
        (shuffled[number], *rest) for number, *rest in other.stops
    )
    assert sorted((texts[number], *rest) for number, *rest in one.findings) == sorted(
        (shuffled[number], *rest) for number, *rest in other.findings
    )


@given(histories())
def test_the_sum_of_what_goes_on_and_what_stops_is_what_came(texts):
    result = fold(*texts)

    assert len(result.stops) == len(result.stopped())
    assert (result.latest is None) == (len(texts) == len(result.stopped()))
