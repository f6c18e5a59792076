"""What no mapping reads, and what a code list holds for nothing."""

from mapping_builders import built, emitting, table

from passerelle.mapping.plan import Refusal
from passerelle.mapping.uses import Uses, columns_never_read

GENDER = emitting("Patient", "{to: Patient.gender, column: sexe, codes: sex, missing: omit}")
CODES = {"sex": "F,female,,,\nH,male,,,\nN,-,,,\n"}


def test_codes_that_were_never_met_are_named_and_unknown_ones_only_counted():
    plans = built({"sexe": {}}, GENDER, codes=CODES)
    (plan,) = plans.plans
    for text in ("F", "F", "CANARY", "CANARY", None):
        try:
            plans.evaluate({"sexe": text})
        except Refusal:
            continue

    assert {"sex": ("H", "N")} == plan.uses.never_met()
    assert {"sexe": 2} == plan.uses.unknown
    assert "CANARY" not in repr(plan.uses)


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
