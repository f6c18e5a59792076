"""Rule 10. What nobody verified is configuration: it lies in `mappings/`, `fhir/` or `validation/`, never in the engine."""

import ast
import re
from functools import cache

import pytest
from carried_region import ROOT

ENGINE = ROOT / "src" / "passerelle"
APART = {"simulator", "fhir_r4"}
"""The simulator writes what sources would write; `fhir_r4` is generated from the standard."""

FACTS = {
    "a number of the French or another register of identifiers (OID)": r"(?:urn:oid:)?[0-2](?:\.\d+){4,}",
    "a diagnosis": r"(?:F1[0-9]|T40|X42|X62|Y12|Z59|Z65|Z50)(?:\.?\d{1,2})?",
    "a medicine": r"(?:N07BC|V03AB)\d\d|.*(?i:methadon|buprenorphin|naloxon|nalscue|prenoxad).*",
    "a region of France": r"(?:24|27|28|32|44|52|53|75|76|84|93|94)",
    "a category of establishment": r"(?:101|178|197|355)",
    "an article of the law": r".*\b(?:CSP|CASF|CPP|RGPD|GDPR|Code p[ée]n\w+)\b.*",
    "a way out of prison": r"(?:SOR|TRF|REF|DCD|SL|PX|BR|PS|EX|TR)|.*(?i:écrou|ecrou|levée|parole).*",
    "a modality of RECAP or TDI": r".*(?i:recap|\btdi\b|btdir).*",
    "a code of the housing desk": r"(?:NUIT|HOTEL|CHRS|CHU|ALT|LHSS|LAM|ACT|CADU|PRES|SORT)",
    "a kind of source of this region": r"(?:chu|ch|csapa_files|siao|usmp|USMP|SIAO|CHU|CSAPA)",
}
ALLOWED = {
    ("reading/pam_fr.py", "1.2.250.1.213.1.4.10"): "verified (FR Core 2.2.0): numbers of the test population",
    ("reading/pam_fr.py", "1.2.250.1.213.1.4.11"): "verified (FR Core 2.2.0): numbers of the demonstration population",
    ("contracts/across_tables.py", "a caarud is anonymous by law"): "verified (CSP L3411-9), rule 1 itself",
    ("doors/sql.py", "28"): "a class of SQLSTATE",
    ("mapping/emitting.py", "REF"): "a name in generated code",
    ("pipeline/demonstrating.py", "usmp"): "folder of a simulated source, in the demo",
    ("pipeline/demonstrating.py", "chu"): "folder of a simulated source, in the demo",
    ("pipeline/demonstrating.py", "ch"): "folder of a simulated source, in the demo",
    ("pipeline/demonstrating.py", "csapa_files"): "connection of a simulated source, in the demo",
}
DESCRIBED = {"description", "help"}
"""Arguments whose text is documentation."""


def constants(path):
    """(line, text) of every text that the module works with; documentation and cases of rules left out."""
    tree = ast.parse(path.read_text("utf-8"))
    told = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            told.add(id(node.value))
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            documented = [one.value for one in node.keywords if one.arg in DESCRIBED]
            for one in [node] if name in {"case", "refused"} else documented:
                told |= {id(inner) for inner in ast.walk(one)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


@cache
def engine():
    """(module, line, text) of every text of the engine."""
    modules = [path for path in sorted(ENGINE.rglob("*.py")) if not APART & set(path.relative_to(ENGINE).parts)]
    return [(path.relative_to(ENGINE).as_posix(), *found) for path in modules for found in constants(path)]


@pytest.mark.parametrize("fact", FACTS)
def test_the_engine_holds_no_such_fact(fact):
    wanted = re.compile(FACTS[fact])
    found = [
        f"{name}:{line}: {text[:60]}"
        for name, line, text in engine()
        if wanted.fullmatch(text) and not any(name == at and text.startswith(start) for at, start in ALLOWED)
    ]

    assert [] == found


def test_what_is_allowed_is_still_there():
    """An exception that nothing needs any more is taken off the list."""
    texts = {(name, text) for name, _, text in engine()}
    unused = [key for key in ALLOWED if not any(name == key[0] and text.startswith(key[1]) for name, text in texts)]

    assert [] == unused


def test_the_search_finds_a_fact_that_is_hidden_in_the_engine(tmp_path):
    path = tmp_path / "hidden.py"
    path.write_text('"""CSP L1110-4."""\nKIND = "Z65.1"\nLAW = "CSP L1110-4"\n', encoding="utf-8")
    found = [text for _, text in constants(path)]

    assert ["Z65.1", "CSP L1110-4"] == found
    assert re.fullmatch(FACTS["a diagnosis"], found[0])
    assert re.fullmatch(FACTS["an article of the law"], found[1])


def test_windows_thresholds_and_delays_are_data():
    windows = (ROOT / "mappings" / "pathways").glob("*.yaml")
    assert all("windows:" in path.read_text("utf-8") for path in windows)
    judging = (ENGINE / "linkage" / "waiting.py").read_text("utf-8")
    following = (ENGINE / "linkage" / "following.py").read_text("utf-8")
    numbers = {
        node.value
        for body in (judging, following)
        for node in ast.walk(ast.parse(body))
        if isinstance(node, ast.Constant) and type(node.value) in {int, float}
    }

    assert numbers <= {0, 1}


def test_the_law_the_regions_and_the_classes_of_data_are_files_that_a_lawyer_can_read():
    for name in (
        "validation/gate.yaml",
        "validation/data_classes.yaml",
        "mappings/directory/regions.csv",
        "mappings/directory/organisations.csv",
        "fhir/naming_systems.yaml",
        "fhir/identity_elements.yaml",
    ):
        assert (ROOT / name).read_text("utf-8").strip()
    assert not [path for folder in ("mappings", "fhir", "validation") for path in (ROOT / folder).rglob("*.py")]
