"""The YAML of contracts: what is text, what is a number, and where everything stands."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.contracts.problems import Place, Problems, nearest
from passerelle.contracts.yaml_file import Node, merged, read_document, read_yaml


def read(text: str) -> Node:
    problems = Problems()
    node = read_document(text.encode(), "a.yaml", problems)
    assert () == problems.sentences()
    assert node is not None
    return node


def told(text: str | bytes) -> tuple[str, ...]:
    problems = Problems()
    read_document(text if isinstance(text, bytes) else text.encode(), "a.yaml", problems)
    return problems.sentences()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("007", "007"),
        ("000100016", "000100016"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("59284-0", "59284-0"),
        ("0x1F", "0x1F"),
        ("2024-01-31", "2024-01-31"),
        ("12:30", "12:30"),
        ("true", True),
        ("false", False),
        ("yes", "yes"),
        ("off", "off"),
        ("NO", "NO"),
        ("null", None),
        ("~", None),
        ('"12"', "12"),
        ("'true'", "true"),
        ("!!str 12", "12"),
        (".inf", ".inf"),
    ],
)
def test_a_value_is_what_it_looks_like_and_no_digit_is_lost(written, expected):
    found = read(f"a: {written}").plain()["a"]

    assert (type(expected), expected) == (type(found), found)


def test_keys_are_text_whatever_they_look_like():
    assert {"null": [""], "true": ["O"], "on": 1, "12": 2} == read('null: [""]\ntrue: [O]\non: 1\n12: 2\n').plain()


def test_every_value_knows_the_line_of_its_key():
    node = read("a: 1\nb:\n  - x\n  - {y: 2,\n     z: 3}\nc: >-\n  long\n")

    assert 2 == node.at("b").line
    assert 4 == node.at("b", 1).line
    assert 5 == node.at("b", 1, "z").line
    assert 6 == node.at("c").line


def test_a_place_that_does_not_exist_is_the_innermost_that_does():
    node = read("a:\n  b: 1\n")

    assert 2 == node.at("a", "b", "c", 4).line
    assert 1 == node.at("a", "x").line


def test_anchors_and_merge_keys_are_read_and_what_is_written_wins():
    node = read("base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\nall: {<<: [*base, *more], a: 0}\n")

    assert {"a": 0, "b": 2, "c": 4} == node.plain()["all"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\na: 2\n", "a.yaml:2: `a` is written twice; it is already on line 1"),
        ("a: *b\n", "a.yaml:1: is not YAML: found undefined alias 'b'"),
        ("? [a, b]\n: 1\n", "a.yaml:1: a key wants to be one word"),
        ("a: 1\n<<: 3\n", "a.yaml:2: `<<` takes over a mapping, or a list of mappings"),
        ("a: !!python/object:x {}\n", "a.yaml:1: tag tag:yaml.org,2002:python/object:x is not read here"),
        ("&a [*a]\n", "a.yaml:1: is nested too deeply"),
        ("", "a.yaml: is empty"),
        ("# nothing\n", "a.yaml: is empty"),
        ("a: 1\n---\nb: 2\n", "a.yaml:3: holds a second document; this file wants one"),
        ("a: \x00\n", "a.yaml: is not YAML: "),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text, sentence):
    assert any(one.startswith(sentence) for one in told(text)), told(text)


def test_several_documents_keep_their_order_and_lines():
    problems = Problems()

    found = read_yaml(b"says: one\n---\nsays: two\n", "a.yaml", problems)

    assert [("one", 1), ("two", 3)] == [(node.text("says"), node.line) for node in found]


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], max_codepoint=0xFFFF), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT.filter(lambda key: key != "<<"), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON)
def test_json_is_read_as_what_it_says(value):
    assert value == read(json.dumps({"a": value}, ensure_ascii=True)).plain()["a"]


TREES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3), max_leaves=8
)


def node(value) -> Node:
    return read(json.dumps({"a": value})).at("a")


@given(TREES)
def test_a_tree_over_itself_is_itself(tree):
    assert tree == merged(node(tree), node(tree)).plain()


@given(st.dictionaries(st.sampled_from("abcd"), TREES), st.dictionaries(st.sampled_from("abcd"), TREES))
def test_what_lies_over_wins_and_what_it_does_not_name_stays(base, over):
    found = merged(node(base), node(over)).plain()

    assert set(base) | set(over) == set(found)
    assert all(found[key] == base[key] for key in base if key not in over)
    assert all(found[key] == over[key] for key in over if not isinstance(over[key], dict))


@given(st.dictionaries(st.sampled_from("abcd"), TREES), st.sampled_from("abcd"))
def test_an_empty_value_drops_the_key(base, key):
    found = merged(node(base), node({key: None})).plain()

    assert {name: value for name, value in base.items() if name != key} == found


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("colum", ["column", "columns"], "; did you mean 'column'?"),
        ("file_number", ["file-number"], "; did you mean 'file-number'?"),
        ("xyz", ["column"], ""),
        ("column", [], ""),
    ],
)
def test_the_nearest_name_ends_the_sentence(name, known, expected):
    assert expected == nearest(name, known)


def test_problems_are_told_once_sorted_by_file_and_line():
    problems = Problems()
    for place in (Place("b", 10), Place("b", 9), Place("a"), Place("b", 10)):
        problems.add(place, "is wrong")

    assert ("a: is wrong", "b:9: is wrong", "b:10: is wrong") == problems.sentences()
