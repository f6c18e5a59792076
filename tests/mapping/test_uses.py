"""What no mapping reads, and what a code list holds for nothing."""

import pytest
from mapping_builders import built, emitting, table

from passerelle.mapping.plan import Refusal
from passerelle.mapping.uses import OTHER_FORM, Uses, columns_never_read

GENDER = emitting("Patient", "{to: Patient.gender, column: sexe, codes: sex, missing: omit}")
CODES = {"sex": "F,female,,,\nH,male,,,\nN,-,,,\n"}


def test_codes_that_were_never_met_are_named():
    plans = built({"sexe": {}}, GENDER, codes=CODES)
    (plan,) = plans.plans
    for text in ("F", "F", None):
        plans.evaluate({"sexe": text})

    assert {"sex": ("H", "N")} == plan.uses.never_met()


@pytest.mark.parametrize(
    ("codes", "text", "told"),
    [
        (CODES, "Z", "Z"),
        (CODES, "CANARY", OTHER_FORM),
        (CODES, "7", OTHER_FORM),
        ({"sex": "F10,female,,,\n"}, "H22", "H22"),
        ({"sex": "FEMALE,female,,,\n"}, "CANARY", OTHER_FORM),
    ],
)
def test_a_code_that_is_not_listed_is_told_only_if_it_is_written_like_one_and_is_no_word(codes, text, told):
    plans = built({"sexe": {}}, GENDER, codes=codes)
    with pytest.raises(Refusal) as refused:
        plans.evaluate({"sexe": text})

    assert ("sex", told) == refused.value.unlisted


def test_columns_that_nobody_reads_are_named():
    columns = {"sexe": {}, "phone": {}, "note": {"unread": True}, "mother": {}}
    plans = built(
        columns,
        GENDER,
        codes=CODES,
        parents={"mother": {"table": "u", "on": {"mother": "id"}}},
        tables={"u": table({"name": {}})},
    )

    assert {"t": ("phone",), "u": ("name",)} == columns_never_read(plans.folder, [plan.uses for plan in plans.plans])


def test_what_two_processes_met_is_added():
    one, other = (built({"sexe": {}}, GENDER, codes=CODES) for _ in range(2))
    one.evaluate({"sexe": "F"})
    other.evaluate({"sexe": "H"})
    both = Uses()
    for plans in (one, other):
        both.add(next(iter(plans.plans)).uses)

    assert {"sex": ("N",)} == both.never_met()
