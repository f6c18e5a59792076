"""Where an element comes from, told without a value unless it is asked for."""

from hypothesis import given
from hypothesis import strategies as st
from mapping_builders import built, emitting

from passerelle.mapping.tracing import told_of, traced

FIELDS = (
    "{to: 'Patient.name[birth].use', constant: official}",
    "{to: 'Patient.name[birth].family', column: nom, missing: omit, because: The birth name comes first.}",
    "{to: Patient.gender, column: sexe, codes: sex}",
    "{to: Patient.birthDate, column: ddn, missing: absent-reason}",
    "{to: Patient.managingOrganization, refers: organisation}",
)
COLUMNS = {"nom": {}, "sexe": {}, "ddn": {"type": "date"}}


def plans():
    return built(COLUMNS, emitting("Patient", *FIELDS), codes={"sex": "F,female,,,\nN,-,,,\n"})


def trace(path, held, **how):
    made = plans()
    (plan,) = made.plans.by_table["t"]
    return traced(plan, made.folder, path, made.row("t", {"id": "1", **held}), **how)


def test_an_element_is_told_with_its_file_and_line():
    made = plans()
    (plan,) = made.plans.by_table["t"]

    (told,) = told_of(plan, made.folder, "Patient.gender")

    assert ("mapping.yaml:12", "column", ("sexe",), "sex", "stop") == (
        told.where,
        told.origin,
        told.columns,
        told.codes,
        told.missing,
    )


def test_what_is_below_an_element_is_told_with_it():
    one, two = trace("Patient.name", {"nom": "CANARY"})

    assert ["constant", "value"] == [one.outcome, two.outcome]
    assert "The birth name comes first." == two.told.because


def test_no_value_is_told_unless_it_is_asked_for():
    hidden = trace("Patient", {"nom": "CANARY", "sexe": "F"})
    (shown,) = trace("Patient.name[birth].family", {"nom": "CANARY", "sexe": "F"}, values=True)

    assert "CANARY" not in repr(hidden)
    assert (("CANARY",), "CANARY") == (shown.shown, shown.value)


def test_what_happened_on_the_way():
    outcomes = {
        "F": ("value", None),
        "N": ("left-out", "code-means-nothing"),
        "X": ("stopped", "unknown-code"),
        None: ("stopped", "missing-value"),
    }

    for text, expected in outcomes.items():
        (one,) = trace("Patient.gender", {"sexe": text})
        assert expected == (one.outcome, one.reason and one.reason.value)
        assert ((text is not None,), "sexe") == (one.present, one.place)


def test_an_absent_value_and_a_constant_reference():
    assert ["absent-reason"] == [one.outcome for one in trace("Patient.birthDate", {})]
    assert ["constant"] == [one.outcome for one in trace("Patient.managingOrganization", {})]


def test_every_occurrence_is_traced():
    fields = ("{to: 'Patient.name[n].text', column: p.x, each: p, only: {use: A}, missing: omit}",)
    made = built(
        {"x1": {}, "u1": {}, "x2": {}, "u2": {}},
        emitting("Patient", *fields),
        repeats={"p": {"columns": [{"x": "x1", "use": "u1"}, {"x": "x2", "use": "u2"}]}},
    )
    (plan,) = made.plans.by_table["t"]

    found = traced(plan, made.folder, "Patient.name", made.row("t", {"x1": "a", "u1": "A", "u2": "B"}))

    assert [((1,), "value"), ((2,), "left-out")] == [(one.occurrence, one.outcome) for one in found]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=4)
ROWS = st.fixed_dictionaries(
    {
        "nom": TEXT | st.none(),
        "sexe": st.sampled_from(["F", "N", "X", None]),
        "ddn": st.dates().map(str) | TEXT | st.none(),
    }
)
MADE = plans()


@given(ROWS)
def test_what_is_traced_is_what_is_emitted(values):
    (plan,) = MADE.plans.by_table["t"]
    row = MADE.row("t", {"id": "1", **values})
    lines = [
        one
        for path in ("Patient.name[birth].family", "Patient.gender", "Patient.birthDate")
        for one in traced(plan, MADE.folder, path, row, values=True)
    ]
    stopped = {(one.reason.value, one.place) for one in lines if one.outcome == "stopped"}

    if stopped:
        assert MADE.refused(values) in stopped
        return
    tree = MADE.tree(values)
    family, gender, birth = (one.value for one in lines)
    assert (family, gender) == (tree.get("name", [{}])[0].get("family"), tree.get("gender"))
    assert birth == tree.get("birthDate")
