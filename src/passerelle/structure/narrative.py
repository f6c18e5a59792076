"""What a narrative may hold: well-formed XHTML, of which R4 allows what formats a text and nothing that runs."""

import re
from html.entities import name2codepoint
from typing import Final
from xml.parsers import expat

XHTML: Final = "http://www.w3.org/1999/xhtml"
_XML: Final = "http://www.w3.org/XML/1998/namespace"
_SPACE: Final = " \t\r\n"
_PARTED: Final = "\n"  # stands in no name and, white space being folded, in no namespace
_ENTITY: Final = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_OF_XML: Final = frozenset({"amp", "apos", "gt", "lt", "quot"})
_RUNS: Final = re.compile(r"(?:javascript|vbscript|data):", re.IGNORECASE)
_IGNORED: Final = re.compile(r"[\x00-\x20]")
_TAGS: Final = (
    "a abbr acronym address area b big blockquote br caption center cite code col colgroup dd del dfn div dl dt em font "
    "h1 h2 h3 h4 h5 h6 hr i img ins kbd li map ol p pre q s samp small span strike strong sub sup table tbody td tfoot "
    "th thead tr tt u ul var"
)
_ELEMENTS: Final = frozenset(_TAGS.split())
_EVERYWHERE: Final = frozenset({"accesskey", "class", "dir", "id", "lang", "style", "tabindex", "title"})
_ALIGNED: Final = "align char charoff valign"
_CELL: Final = f"abbr axis headers scope rowspan colspan nowrap width height bgcolor {_ALIGNED}"
_OWN: Final = {
    name: frozenset(attributes.split())
    for name, attributes in {
        "a": "charset coords href hreflang name rel rev shape target type",
        "area": "alt coords href nohref shape target",
        "blockquote": "cite",
        "br": "clear",
        "caption": "align",
        "col": f"span width {_ALIGNED}",
        "colgroup": f"span width {_ALIGNED}",
        "del": "cite datetime",
        "div": "align",
        "dl": "compact",
        "font": "color face size",
        "h1": "align",
        "h2": "align",
        "h3": "align",
        "h4": "align",
        "h5": "align",
        "h6": "align",
        "hr": "align noshade size width",
        "img": "align alt border height hspace ismap longdesc name src usemap vspace width",
        "ins": "cite datetime",
        "li": "type value",
        "map": "name",
        "ol": "compact start type",
        "p": "align",
        "pre": "space width",
        "q": "cite",
        "table": "align bgcolor border cellpadding cellspacing frame rules summary width",
        "tbody": _ALIGNED,
        "td": _CELL,
        "tfoot": _ALIGNED,
        "th": _CELL,
        "thead": _ALIGNED,
        "tr": f"bgcolor {_ALIGNED}",
        "ul": "compact type",
    }.items()
}
_POINTING: Final = frozenset({"cite", "href", "longdesc", "src", "usemap"})


class Narrative:
    """One narrative, read once: is it a div of XHTML, is there only formatting in it, does it say something?"""

    def __init__(self, div: str) -> None:
        self.is_formatting = True
        self.says_something = False
        self.is_well_formed = self._read(div)

    def _read(self, div: str) -> bool:
        self._depth = 0
        reader = expat.ParserCreate(namespace_separator=_PARTED)
        reader.StartElementHandler = self._start
        reader.EndElementHandler = self._end
        reader.CharacterDataHandler = self._text
        reader.ProcessingInstructionHandler = _refused
        reader.StartDoctypeDeclHandler = _refused
        try:
            reader.Parse(_ENTITY.sub(_written_out, div.strip(_SPACE)), True)  # noqa: FBT003 expat takes no keywords
        except (expat.ExpatError, ValueError):
            return False
        return True

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(_PARTED)
        if self._depth == 0 and (namespace, tag) != (XHTML, "div"):
            raise ValueError("no div of XHTML")
        self._depth += 1
        own = _OWN.get(tag, frozenset())
        allowed = namespace == XHTML and tag in _ELEMENTS
        self.is_formatting = (
            self.is_formatting and allowed and all(_is_allowed(*one, own) for one in attributes.items())
        )
        self.says_something = self.says_something or (tag == "img" and "src" in attributes)

    def _end(self, _: str) -> None:
        self._depth -= 1

    def _text(self, text: str) -> None:
        self.says_something = self.says_something or bool(text.strip(_SPACE))


def _is_allowed(name: str, value: str, own: frozenset[str]) -> bool:
    namespace, _, plain = name.rpartition(_PARTED)
    if namespace:
        return (namespace, plain) in {(_XML, "lang"), (_XML, "space")}
    if plain in _POINTING and _RUNS.match(_IGNORED.sub("", value)):
        return plain == "src" and value.startswith("data:image/")
    return plain in own or plain in _EVERYWHERE


def _refused(*_: object) -> None:
    raise ValueError("neither a document type nor an instruction to a program")


def _written_out(entity: re.Match[str]) -> str:
    """The letter that HTML has a name for: expat knows only the five names of XML."""
    name = entity[1]
    return entity[0] if name in _OF_XML or name not in name2codepoint else f"&#{name2codepoint[name]};"
