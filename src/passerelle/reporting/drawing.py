"""The flow as a picture: a ribbon per source, from its door through the stages into one view, and on to who receives.

Plain SVG inside the page: no script, nothing fetched. Widths are square roots, so that a small door is still seen.
"""

from collections.abc import Mapping, Sequence
from html import escape

from passerelle.reporting.summary import StageSums, Summary
from passerelle.reporting.words import STAGES, number

Says = Mapping[str, tuple[str, str]]

BATCH_STAGES = ("land", "check", "map", "validate")
_HELD = ("quarantined", "pending", "rejected", "suppressed")
_LEFT, _COLUMN, _ROW, _TOP, _NODE = 8, 172, 70, 46, 9
_THICKEST, _THINNEST = 34.0, 2.0


def flow_picture(summary: Summary, says: Says) -> str:
    """The whole picture, or nothing when nothing came in."""
    by_key = {(row.source, row.stage): row for row in summary.sums}
    sources = [row.source for row in summary.sums if row.stage == "land" and row.received]
    if not sources:
        return ""
    height = _TOP + _ROW * len(sources) + 18
    width = _LEFT + _COLUMN * 6 + 110
    label = "Flux de chaque source / flow of each source"
    drawn = [f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{label}">', _headings()]
    for line, source in enumerate(sources):
        rows = [by_key.get((source, stage)) for stage in BATCH_STAGES]
        drawn.append(_source(source, rows, _TOP + _ROW * line + 30, summary, says))
    drawn.append(_gathered(sources, by_key, summary, says, height))
    drawn.append("</svg>")
    return "".join(drawn)


def _headings() -> str:
    named = [*BATCH_STAGES, "view"]
    return "".join(
        _text(_x(place), 16, STAGES.get(name, (name, name)), "head") for place, name in enumerate(named)
    ) + _text(_x(5) + 26, 16, ("destinataires", "recipients"), "head")


def _x(place: int) -> float:
    return _LEFT + _COLUMN * place


def _text(x: float, y: float, told: tuple[str, str], style: str = "", anchor: str = "start") -> str:
    fr, en = told
    kind = f' class="{style}"' if style else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}'
    if fr == en:
        return f"<text {place}>{escape(fr)}</text>"
    return f'<text lang="fr" {place}>{escape(fr)}</text><text lang="en" {place}>{escape(en)}</text>'


def _source(source: str, rows: Sequence[StageSums | None], middle: float, summary: Summary, says: Says) -> str:
    fr, en = says.get(source, (source, source))
    first = _thickness(rows[0].received, rows[0].unit, summary) if rows and rows[0] else 0.0
    drawn = [_text(_LEFT, middle - first / 2 - 7, (fr, en), "name")]
    before = 0.0
    for place, row in enumerate(rows):
        if row is None:
            continue
        passed = row.states.get("passed", 0)
        came = _thickness(row.received, row.unit, summary)
        left = _thickness(passed, row.unit, summary)
        if place:
            drawn.append(_ribbon(_x(place - 1) + _NODE, middle, before, _x(place), middle, came))
        drawn.append(_node(_x(place), middle, max(came, left), f"{number(row.received)}"))
        shown = passed if place else row.received  # what came in at the first, what went on at the others
        drawn.append(_text(_x(place) + _NODE + 5, middle + 4 + max(came, left) / 2 + 8, _same(number(shown)), "count"))
        drawn.append(_stopped(_x(place), middle + max(came, left) / 2, row, summary))
        before = left
    return "".join(drawn)


def _same(text: str) -> tuple[str, str]:
    return text, text


def _stopped(x: float, y: float, row: StageSums, summary: Summary) -> str:
    """What went no further falls out of the ribbon: held back in red, doubles and what is out of scope in grey."""
    held = sum(row.states.get(state, 0) for state in _HELD)
    aside = row.received - row.states.get("passed", 0) - held
    drawn = []
    for count, style, shift in ((held, "held", 62.0), (aside, "aside", 108.0)):
        if count:
            thick = max(_thickness(count, row.unit, summary) * 0.6, 2.0)
            told = ", ".join(f"{name} {number(states)}" for name, states in sorted(row.states.items()) if states)
            drawn.append(
                f'<g class="{style}"><title>{escape(told)}</title><path d="M{x + shift:.1f} {y:.1f}c6 0 8 4 8 10'
                f'v4" fill="none" stroke-width="{thick:.1f}"/>'
                + _text(x + shift + 12, y + 13, _same(number(count)), "count")
                + "</g>"
            )
    return "".join(drawn)


def _thickness(count: int, unit: str, summary: Summary) -> float:
    """How thick so many items are drawn, beside the most of their unit."""
    largest = max((row.received for row in summary.sums if row.unit == unit and row.stage in BATCH_STAGES), default=1)
    return max(_THICKEST * (count / (largest or 1)) ** 0.5, _THINNEST) if count else 0.5


def _node(x: float, middle: float, thick: float, title: str) -> str:
    return (
        f'<rect class="node" x="{x:.1f}" y="{middle - thick / 2:.1f}" width="{_NODE}" height="{thick:.1f}" rx="2">'
        f"<title>{escape(title)}</title></rect>"
    )


def _ribbon(x0: float, y0: float, thick0: float, x1: float, y1: float, thick1: float, style: str = "ribbon") -> str:
    bend = (x0 + x1) / 2
    a, b, c, d = y0 - thick0 / 2, y0 + thick0 / 2, y1 - thick1 / 2, y1 + thick1 / 2
    return (
        f'<path class="{style}" d="M{x0:.1f} {a:.1f}C{bend:.1f} {a:.1f} {bend:.1f} {c:.1f} {x1:.1f} {c:.1f}'
        f'V{d:.1f}C{bend:.1f} {d:.1f} {bend:.1f} {b:.1f} {x0:.1f} {b:.1f}Z"/>'
    )


def _gathered(
    sources: Sequence[str],
    by_key: Mapping[tuple[str, str], StageSums],
    summary: Summary,
    says: Says,
    height: float,
) -> str:
    """All ribbons meet in the view; from it, what is delivered and what is withheld."""
    rows = [by_key.get((source, "validate")) for source in sources]
    thick = [_thickness(row.states.get("passed", 0), "resource", summary) if row else 0.5 for row in rows]
    total = sum(thick)
    top = _TOP + (height - _TOP - 18 - total) / 2
    drawn = []
    at = top
    for line, one in enumerate(thick):
        middle = _TOP + _ROW * line + 30
        drawn.append(_ribbon(_x(3) + _NODE, middle, one, _x(4), at + one / 2, one))
        at += one
    drawn.append(_node(_x(4), top + total / 2, total, "view"))
    delivered, withheld = sum(summary.delivered.values()), sum(summary.withheld.values())
    both = delivered + withheld
    if both:
        out = max(total * (delivered / both) ** 0.5, 4.0)
        kept = max(total - out, 4.0)
        drawn.append(_ribbon(_x(4) + _NODE, top + out / 2, out, _x(5), top - 14 + out / 2, out, "sent"))
        drawn.append(
            _ribbon(_x(4) + _NODE, top + total - kept / 2, kept, _x(5), top + 40 + total - kept / 2, kept, "kept")
        )
        for y, count, told in (
            (top - 14 + out / 2, delivered, says.get(summary.recipient, _same(summary.recipient))),
            (top + 40 + total - kept / 2, withheld, ("retenu par la règle", "withheld by rule")),
        ):
            drawn.append(_text(_x(5) + 8, y - 1, _same(number(count)), "total"))
            drawn.append(_text(_x(5) + 8, y + 13, told, "count"))
    return "".join(drawn)
