"""An identity is what its newest message says, and what must not be there is noticed."""

from pam_messages import ADT, AUTHORITY, ZONE, message, row_of, said

from passerelle.fold.pam import fold_messages

PATIENT = ADT.folds["patient"]
OLD, NEW = "20250301100000", "20250401100000"


def fold(*texts: str, **keywords):
    return fold_messages(PATIENT, ADT, [row_of(text) for text in texts], zone=ZONE, **keywords)


def test_the_newest_message_stands_for_all_whatever_came_last():
    result = fold(message("A31", NEW, pid={5: "NEUF"}), message("A31", OLD, pid={5: "VIEUX"}))

    assert [0, "NEUF"] == [result.latest, said(result.row, "nom")]


def test_a_message_that_stops_does_not_stand_for_anything():
    result = fold(message("A31", OLD, pid={5: "VIEUX"}), message("A01", NEW, pid={5: "NEUF"}, zbe={1: ""}))

    assert [(1, "quarantined", "movement-disorder", "ZBE")] == [
        (number, state.value, reason.value, place) for number, state, reason, place in result.stops
    ]
    assert "VIEUX" == said(result.row, "nom")


def test_a_national_number_without_validation_is_noticed():
    ins = "291040000011150^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS"
    result = fold(message("A31", pid={3: f"7001^^^{AUTHORITY}^PI~{ins}", 32: "PROV"}))

    assert [(0, "ins-without-validation", "PID-3")] == [
        (number, reason.value, place) for number, reason, place in result.findings
    ]


def test_forbidden_fields_of_the_person_are_noticed():
    result = fold(message("A31", pid={10: "X", 22: "Y"}))

    assert [(0, "forbidden-field", "PID-10"), (0, "forbidden-field", "PID-22")] == [
        (number, reason.value, place) for number, reason, place in result.findings
    ]


def test_in_production_a_message_that_says_nothing_of_itself_is_noticed():
    result = fold(message("A31", msh={11: ""}), production=True)

    assert [(0, "not-production", "MSH-11")] == [
        (number, reason.value, place) for number, reason, place in result.findings
    ]


def test_in_production_a_test_number_stops_the_message():
    ins = "291040000011150^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS"
    text = message("A31", pid={3: f"7001^^^{AUTHORITY}^PI~{ins}"})

    assert [] == fold(text).stops
    assert "PID-3" == fold(text, production=True).stops[0][3]
