"""A narrative is a well-formed div of XHTML that formats a text and runs nothing."""

import pytest

from passerelle.structure import structure

XMLNS = 'xmlns="http://www.w3.org/1999/xhtml"'
SAID = f"<div {XMLNS}><p>Said.</p></div>"


def judged(div):
    """The keys of the errors that people see; the hot path must have come to the same answer."""
    tree = {"resourceType": "Basic", "code": {"text": "one"}, "text": {"status": "generated", "div": div}}
    found = [(one.path, one.details.get("rule", one.key)) for one in structure().problems(tree)]
    assert structure().check(tree) == next((path for path, _ in found), None)
    assert {path for path, _ in found} <= {"Basic.text.div"}
    return [key for _, key in found]


@pytest.mark.parametrize(
    "div",
    [
        SAID,
        f"<div\n{XMLNS}>said</div>",
        f"<div {XMLNS}><!-- a < b --><p>said</p></div>",
        f"<div {XMLNS}><![CDATA[a < b & c]]></div>",
        f'<div {XMLNS}><p title="onward = good">said</p></div>',
        SAID + "\n",
        f'<div {XMLNS} lang="fr" xml:lang="fr">5&nbsp;&lt; 6 &amp; caf&eacute;&#160;</div>',
        '<h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:b>said</h:b></h:div>',
        f'<div {XMLNS}><img src="a.png" alt=""/></div>',
        f'<div {XMLNS}><table border="1"><tr><td colspan="2" style="color: red">said</td></tr></table></div>',
        f'<div {XMLNS}><a href="https://passerelle.example/#a" name="b">said</a></div>',
    ],
)
def test_what_formats_a_text_is_accepted(div):
    assert judged(div) == []


@pytest.mark.parametrize(
    "div",
    [
        "said",
        "<div><p>no namespace</p></div>",
        f"<p {XMLNS}>no div</p>",
        f"<div {XMLNS}><p>unclosed</div>",
        f"{SAID}after",
        f"{SAID}{SAID}",
        f"<div {XMLNS}>&foo;</div>",
        f"<div {XMLNS}>a & b</div>",
        f"<div {XMLNS}><p class=a>said</p></div>",
        f'<div {XMLNS}><?php echo "said"; ?></div>',
        f"<!DOCTYPE div>{SAID}",
        f'<!DOCTYPE div [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><div {XMLNS}>&b;</div>',
    ],
)
def test_what_is_no_well_formed_div_of_xhtml_is_refused(div):
    assert judged(div) == ["bad-format"]


@pytest.mark.parametrize(
    "inner",
    [
        "<script>alert(1)</script>",
        "<form><input/></form>",
        '<iframe src="a"/>',
        '<p onclick="a()">said</p>',
        '<p data-a="b">said</p>',
        '<p href="a">said</p>',
        '<a href="javascript:a()">said</a>',
        '<a href=" java&#10;script:a()">said</a>',
        '<a href="data:text/html,a">said</a>',
        '<svg xmlns="http://www.w3.org/2000/svg"/>said',
        '<p xmlns="">said</p>',
    ],
)
def test_what_runs_or_is_not_listed_is_refused(inner):
    assert judged(f"<div {XMLNS}>said {inner}</div>") == ["txt-1"]


@pytest.mark.parametrize("inner", ["", " \n\t", "<p/>", "<!-- said -->", '<img alt="said"/>'])
def test_what_says_nothing_is_refused(inner):
    assert judged(f"<div {XMLNS}>{inner}</div>") == ["txt-2"]
