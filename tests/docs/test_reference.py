"""Nothing in docs/reference is stale, every command is written about, and no link of a page leads nowhere."""

import importlib.machinery
import importlib.util
import re

import pytest
from house_builder import ROOT

from passerelle.errors import PasserelleError
from passerelle.settings import KNOWN

SCRIPT = str(ROOT / "scripts/write-reference")
_loader = importlib.machinery.SourceFileLoader("write_reference", SCRIPT)
_spec = importlib.util.spec_from_loader("write_reference", _loader)
reference = importlib.util.module_from_spec(_spec)
_loader.exec_module(reference)

REFERENCE = ROOT / "docs/reference"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BY_HAND = [page for page in PAGES if REFERENCE not in page.parents and page.name != "CHANGELOG.md"]
GENERATED = reference.pages()


@pytest.mark.parametrize("name", GENERATED)
def test_a_page_is_what_the_code_says_today(name):
    """When this fails: `.venv/bin/python scripts/write-reference`, and read what changed."""
    assert GENERATED[name] == (REFERENCE / name).read_text("utf-8")


def test_nothing_lies_there_that_nothing_generates():
    assert set(GENERATED) == {path.relative_to(REFERENCE).as_posix() for path in REFERENCE.rglob("*") if path.is_file()}


def test_every_page_is_in_the_index():
    pages = {name for name in GENERATED if name.endswith(".md") and name != "README.md"}

    assert pages == set(reference.ABOUT)


@pytest.mark.parametrize("command", reference.commands())
def test_every_command_is_in_the_reference_and_in_a_page_by_hand(command):
    assert f"## {command}\n" in GENERATED["commands.md"]
    assert any(re.search(rf"\b{command}\b", page.read_text("utf-8")) for page in BY_HAND), command


@pytest.mark.parametrize("variable", KNOWN)
def test_every_setting_is_in_a_page_by_hand(variable):
    assert any(variable in page.read_text("utf-8") for page in BY_HAND)


def test_every_exit_code_is_in_the_reference():
    codes = {one.exit_code for one in PasserelleError.__subclasses__()} | {0}

    assert codes == {code for code, _, _ in reference.EXITS}


def links(page):
    """Where the links of a page lead, inside this repository."""
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    return [one for one in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", one)]


def anchors(page):
    """The names of the headings of a page, as links write them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_leads_nowhere(page):
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            broken.append(link)
    assert [] == broken


@pytest.mark.parametrize("page", BY_HAND, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_names_no_place_of_a_machine(page):
    assert not re.search(r"/(?:home|root|tmp|work)/|localhost:\d|127\.0\.0\.1:\d", page.read_text("utf-8"))
