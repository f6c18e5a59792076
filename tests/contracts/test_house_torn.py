"""Whatever is torn out of a contract file, what comes is the house or sentences, never a crash."""

import re

from house_builder import FILES, problems_of, write_house
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SAID = re.compile(r"(mappings|fhir|validation)/[^:]+(:[0-9]+)?: \S.*", re.DOTALL)
TOKEN = re.compile(r"[A-Za-z0-9_.-]+|[^\sA-Za-z0-9_.-]")
PLACES = [(path, found.span()) for path, text in FILES.items() for found in TOKEN.finditer(text)]
INSTEAD = ["", "0", "-", "[]", "{}", "null", "'", "é", "[", "\t", "x.y", "true"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), instead=st.sampled_from(INSTEAD))
def test_one_word_written_otherwise_is_a_house_or_sentences(tmp_path, place, instead):
    path, (start, end) = place
    root = write_house(tmp_path, **{path: FILES[path][:start] + instead + FILES[path][end:]})

    assert [] == [one for one in problems_of(root) if not SAID.fullmatch(one)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(sorted(FILES)), data=st.data())
def test_lines_torn_out_leave_a_house_or_sentences(tmp_path, path, data):
    lines = FILES[path].splitlines(keepends=True)
    first = data.draw(st.integers(0, len(lines)))
    last = data.draw(st.integers(first, len(lines)))
    root = write_house(tmp_path, **{path: "".join(lines[:first] + lines[last:])})

    assert [] == [one for one in problems_of(root) if not SAID.fullmatch(one)]
