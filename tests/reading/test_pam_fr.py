"""What the French profile lets a table read: no forbidden field, no unqualified national number, stays by their key."""

import pytest
from pam_messages import ADMISSION, AUTHORITY, DISCHARGE, FINESS, adt_table, message, row_of, said
from reading_tables import ZONE, refused

from passerelle.reading import reader_for

INS = "291040000011150^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS"
IPP = f"7001^^^{AUTHORITY}^PI"


def identifiers(text: str):
    return row_of(text)[-1]


def test_a_qualified_identity_keeps_its_national_number():
    text = message("A31", pid={3: f"{IPP}~{INS}", 32: "VALI~HOMA"})

    assert [["7001", FINESS, "PI"], ["291040000011150", "1.2.250.1.213.1.4.10", "INS"]] == identifiers(text)


def test_an_identity_that_is_not_validated_has_no_national_number():
    text = message("A31", pid={3: f"{INS}~{IPP}", 32: "PROV"})

    assert [["7001", FINESS, "PI"]] == identifiers(text)


def test_the_billing_number_of_the_same_system_is_another_thing():
    billing = "291040000011150^^^ASIP-SANTE-NIR&1.2.250.1.213.1.4.8&ISO^NH"
    text = message("A31", pid={3: f"{IPP}~{billing}", 32: "PROV"})

    assert ["7001", "291040000011150"] == [one[0] for one in identifiers(text)]


def test_the_patient_is_named_by_the_number_of_type_pi():
    assert "7001" == said(row_of(message("A31", pid={3: f"{INS}~{IPP}"})), "ipp")


def test_a_forbidden_field_is_never_read():
    assert said(row_of(message("A31", pid={10: "X"})), "race") is None


def test_a_stay_is_named_by_its_visit_number():
    assert "900001" == said(row_of(message("A01")), "venue")


def test_a_stay_is_named_by_the_file_number_when_the_visit_number_is_the_establishments():
    text = message("A01", pv1={19: f"{FINESS}^^^{AUTHORITY}^VN"})

    assert "F900001" == said(row_of(text), "venue")


def test_a_stay_is_named_by_the_file_number_when_there_is_no_visit_number():
    assert "F900001" == said(row_of(message("A03", pv1={19: ""})), "venue")


def test_an_admission_and_a_discharge_under_one_file_number_are_of_one_stay():
    assert ["24000099", "24000099"] == [said(row_of(text), "venue") for text in (ADMISSION, DISCHARGE)]


def test_a_message_about_the_patient_alone_names_no_stay():
    assert said(row_of(message("A31")), "venue") is None


def test_a_movement_without_any_number_of_its_stay_cannot_be_attributed():
    text = message("A01", pv1={19: ""}, pid={18: ""})

    assert ("missing-key", "PV1-19") == refused(row_of, text)


def test_a_movement_written_one_place_too_far_is_read_where_it_belongs():
    assert ["INSERT", "8799"] == said(row_of(DISCHARGE), "nature", "uf")


def test_any_other_order_of_a_movement_is_left_as_it_is():
    text = message("A01", zbe={4: "N", 5: "INSERT"})

    assert ["N", "4110"] == said(row_of(text), "nature", "uf")


@pytest.mark.parametrize("status", ["ANOM", "ANOM ", " anom", "Anom^x", "VALI~ANOM", r"\X41\NOM"])
def test_who_asked_for_anonymity_has_no_name_however_it_is_written(status):
    row = row_of(message("A31", pid={3: f"{IPP}~{INS}~1^^^A^NH", 32: status}))

    assert said(row, "nom") is None
    assert [["7001", FINESS, "PI"]] == row[-1]


@pytest.mark.parametrize(
    "pid", [{11: "3 rue du Four|bis", 32: "ANOM"}, {31: "ANOM", 32: "20250301"}, {32: "VALI", 40: "x"}]
)
def test_a_person_whose_fields_were_shifted_stops(pid):
    assert ("not-a-record", "PID") == refused(row_of, message("A31", pid=pid))


def test_a_name_may_look_like_a_status_where_the_status_says_so_too():
    assert said(row_of(message("A31", pid={5: "ANOM^ANOM^^^^^U", 32: "ANOM"})), "nom") is None


def test_nobody_beside_an_anonymous_person_is_read():
    table = adt_table(
        columns={"ipp": {"path": "@ipp"}, "avant": {"path": "MRG-7"}},
        repeats={name.lower(): {"path": name, "fields": {"nom": "2", "autre": "3"}} for name in ("NK1", "GT1", "IN1")},
        folds={"patient": {"key": ["ipp"]}},
    )
    more = "NK1|1|MARTEAU^PAUL\rGT1|1|5|MARTEAU^PAUL\rIN1|1|5|6\rMRG|1||||||MARTEAU"

    row = reader_for(table, zone=ZONE).parse(message("A31", pid={32: "ANOM"}, more=more).encode())

    assert ["7001", None, [[None, None]], [[None, None]], [[None, None]]] == row
