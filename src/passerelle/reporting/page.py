"""One self-contained page for the operator: flow, continuity by door, quality by source. No network, no script.

Both languages are in the page; a switch shows one. Persons appear as pseudonyms, no release reason appears, and
the page says of itself that it is not for publication.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from passerelle.reporting.summary import Quality, Shares, StageSums, Summary
from passerelle.sentences import sentence

STAGES = ("land", "check", "map", "validate", "link", "deliver")

STYLE = """
:root{--ink:#1d2733;--soft:#5b6776;--line:#dfe4ea;--paper:#fff;--wash:#f6f8fa;--found:#2e7d5b;--missed:#c2492f;
--blind:#8a94a3;--open:#d9b44a;--stop:#b3541e;--flow:#3a6ea5}
*{box-sizing:border-box}body{margin:0;background:var(--wash);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:72rem;margin:0 auto;padding:1.5rem}h1{font-size:1.7rem;margin:.2rem 0}h2{font-size:1.2rem;margin:2.2rem 0 .4rem}
p.lead{color:var(--soft);margin:.2rem 0 1rem;max-width:46rem}section,.notice{background:var(--paper);border:1px solid var(--line);
border-radius:.6rem;padding:1rem 1.2rem;margin:.6rem 0;overflow-x:auto}.notice{border-left:.35rem solid var(--missed);font-weight:600}
table{border-collapse:collapse;width:100%;font-size:.92rem}caption{text-align:left;color:var(--soft);padding:.2rem 0 .5rem}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}th{font-weight:600}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.zero{color:#b6bec8}.bar{display:flex;height:1.1rem;min-width:14rem;
border-radius:.25rem;overflow:hidden;background:var(--line)}.bar span{display:block;height:100%}.found{background:var(--found)}
.missed{background:var(--missed)}.not-observable{background:var(--blind)}.open{background:var(--open)}
.key{display:inline-flex;gap:.4rem;align-items:center;margin-right:1.2rem;font-size:.9rem}.key i{width:.9rem;height:.9rem;border-radius:.2rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.6rem}.card{background:var(--paper);border:1px solid
var(--line);border-radius:.6rem;padding:.7rem 1rem}.card b{display:block;font-size:1.6rem;font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:.9rem}svg{max-width:100%;height:auto}svg text{font:13px system-ui,sans-serif;fill:var(--ink)}
svg .soft{fill:var(--soft);font-size:11px}input[name=l]{position:absolute;opacity:0}label{cursor:pointer;padding:.15rem .7rem;border:1px
solid var(--line);border-radius:1rem;font-size:.85rem;background:var(--paper)}#fr:checked~header label[for=fr],#en:checked~header
label[for=en]{background:var(--ink);color:#fff}#fr:focus-visible~header label[for=fr],#en:focus-visible~header label[for=en]{outline:3px
solid var(--flow)}#fr:checked~main [lang=en],#en:checked~main [lang=fr]{display:none}header{max-width:72rem;margin:0 auto;padding:1rem
1.5rem 0;display:flex;gap:.5rem;justify-content:flex-end}details summary{cursor:pointer;color:var(--flow)}
"""


def _both(fr: str, en: str) -> str:
    return f'<span lang="fr">{escape(fr)}</span><span lang="en">{escape(en)}</span>'


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")


def _cell(value: int) -> str:
    return f'<td class="n{" zero" if not value else ""}">{_number(value)}</td>'


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}\u202f%" if whole else "–"


def render_page(summary: Summary, says: Mapping[str, tuple[str, str]]) -> str:
    """The whole page as one HTML text. `says` has the French and English name of each door, pathway and follow-up."""
    name: Callable[[str], str] = lambda key: _both(*says.get(key, (key, key)))  # noqa: E731 read as a word below
    parts = [
        _head(summary),
        _cards(summary),
        "<h2>",
        _both("Le chemin des données", "The way of the data"),
        "</h2><section>",
        _flow_picture(summary.sums, says),
        _sums_table(summary.sums, name),
        "</section>",
        _continuity(summary.shares, name),
        _overdue(summary, name),
        _quality(summary.quality, name),
        "</main></body></html>\n",
    ]
    return "".join(parts)


def _head(summary: Summary) -> str:
    kind = _both("données simulées", "simulated data") if summary.environment == "test" else ""
    return (
        '<!doctype html><html lang="fr"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Passerelle – continuité au {escape(summary.as_of)}</title><style>{STYLE}</style></head><body>"
        '<input type="radio" name="l" id="fr" checked><input type="radio" name="l" id="en">'
        '<header><label for="fr">Français</label><label for="en">English</label></header><main>'
        f"<h1>Passerelle</h1><p class=lead>{_both('Continuité des soins au', 'Continuity of care as of')} "
        f"<b>{escape(summary.as_of)}</b> {kind}</p><div class=notice>"
        + _both(
            "Pour l'exploitant seulement : pas une publication. Petits effectifs non masqués, pseudonymes internes.",
            "For the operator only: not a publication. Small counts are not masked, pseudonyms are internal.",
        )
        + "</div>"
    )


def _cards(summary: Summary) -> str:
    landed = sum(sums.received for sums in summary.sums if sums.stage == "land")
    missed = len({(row.pseudonym, row.follow_up) for row in summary.overdue})
    facts = [
        (landed, _both("enregistrements reçus", "records received")),
        (sum(summary.links.values()), _both("liens certains entre sources", "certain links between sources")),
        (missed, _both("suites manquées", "missed follow-ups")),
        (sum(summary.delivered.values()), _both("ressources remises", "resources delivered")),
        (sum(summary.withheld.values()), _both("ressources retenues par la règle", "resources withheld by rule")),
    ]
    cards = "".join(f"<div class=card><b>{_number(count)}</b><span>{what}</span></div>" for count, what in facts)
    verdict = (
        _both("Les sommes tombent juste à chaque étape.", "The sums balance at every stage.")
        if summary.balanced
        else _both("LES SOMMES NE TOMBENT PAS JUSTE.", "THE SUMS DO NOT BALANCE.")
    )
    return f"<div class=cards>{cards}</div><p class=lead>{verdict}</p>"


def _flow_picture(sums: Sequence[StageSums], says: Mapping[str, tuple[str, str]]) -> str:
    """Sources on the left, stages in columns: the height of a ribbon is what passed, a drop below is what did not."""
    sources = sorted({row.source for row in sums if row.stage == "land"})
    by_key = {(row.source, row.stage): row for row in sums}
    column, left, row_height, top = 150, 170, 54, 34
    width, height = left + column * 4 + 60, top + row_height * len(sources) + 16
    largest = max((row.received for row in sums if row.stage in STAGES[:4]), default=1) or 1
    drawn = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="Flux / flow">',
        *(
            f'<text x="{left + column * place + 8}" y="18" class="soft">{stage}</text>'
            for place, stage in enumerate(STAGES[:4])
        ),
    ]
    for line, source in enumerate(sources):
        middle = top + row_height * line + row_height / 2
        label = says.get(source, (source, source))[0]
        drawn.append(f'<text x="0" y="{middle + 4:.0f}">{escape(label[:24])}</text>')
        for place, stage in enumerate(STAGES[:4]):
            row = by_key.get((source, stage))
            if row is None:
                continue
            passed = row.states.get("passed", 0)
            held = sum(row.states.get(state, 0) for state in ("quarantined", "pending", "rejected", "suppressed"))
            thick = 3 + 30 * (passed / largest) ** 0.5
            stopped = 2 + 30 * (held / largest) ** 0.5 if held else 0
            x = left + column * place
            drawn.append(
                f'<rect x="{x}" y="{middle - thick / 2:.1f}" width="{column - 6}" height="{thick:.1f}" rx="3" '
                f'fill="var(--flow)" opacity="{0.9 - 0.15 * place:.2f}"><title>{passed}</title></rect>'
            )
            if stopped:
                drawn.append(
                    f'<rect x="{x + column - 30}" y="{middle + thick / 2:.1f}" width="10" height="{stopped:.1f}" '
                    f'fill="var(--stop)"><title>{held}</title></rect>'
                )
            drawn.append(
                f'<text class="soft" x="{x + 6}" y="{middle + thick / 2 + 13:.0f}">{_number(passed)}'
                + (f" · ↓{_number(held)}" if held else "")
                + "</text>"
            )
    drawn.append("</svg>")
    return "".join(drawn)


def _sums_table(sums: Sequence[StageSums], name: Callable[[str], str]) -> str:
    states = ("passed", "quarantined", "pending", "suppressed", "duplicate", "out-of-scope", "rejected")
    titles = {
        "passed": ("passés", "passed"),
        "quarantined": ("en quarantaine", "quarantined"),
        "pending": ("en attente", "pending"),
        "suppressed": ("retenus", "suppressed"),
        "duplicate": ("doublons", "duplicates"),
        "out-of-scope": ("hors champ", "out of scope"),
        "rejected": ("écartés", "rejected"),
    }
    head = "".join(f'<th class="n">{_both(*titles[state])}</th>' for state in states)
    body = "".join(
        f'<tr><td>{name(row.source)}</td><td>{escape(row.stage)}</td><td class="n">{_number(row.received)}</td>'
        + "".join(_cell(row.states.get(state, 0)) for state in states)
        + "</tr>"
        for row in sums
    )
    opened = _both("Toutes les sommes", "All the sums")
    return (
        f"<details><summary>{opened}</summary><table><tr><th>{_both('source', 'source')}</th><th>"
        f'{_both("étape", "stage")}</th><th class="n">{_both("reçus", "received")}</th>{head}</tr>{body}</table></details>'
    )


def _continuity(shares: Sequence[Shares], name: Callable[[str], str]) -> str:
    keys = "".join(
        f'<span class=key><i class="{style}"></i>{_both(fr, en)}</span>'
        for style, fr, en in (
            ("found", "trouvée", "found"),
            ("missed", "manquée", "missed"),
            ("not-observable", "non observable", "not observable"),
        )
    )
    blocks = [f"<h2>{_both('Continuité par porte', 'Continuity by door')}</h2><section><p>{keys}</p>"]
    by_follow_up: dict[tuple[str, str], list[Shares]] = defaultdict(list)
    for share in shares:
        by_follow_up[share.pathway, share.follow_up].append(share)
    for (pathway, follow_up), rows in by_follow_up.items():
        lines = "".join(_share_row(row, name) for row in sorted(rows, key=lambda row: (row.door, row.last_day)))
        blocks.append(
            f"<table><caption><b>{name(pathway)}</b> → {name(follow_up)}</caption><tr><th>{_both('porte', 'door')}</th>"
            f"<th>{_both('dans les', 'within')}</th><th></th><th class=n>{_both('trouvées', 'found')}</th>"
            f"<th class=n>{_both('manquées', 'missed')}</th><th class=n>{_both('non observables', 'not observable')}</th>"
            f"<th class=n>{_both('en cours', 'still open')}</th></tr>{lines}</table>"
        )
    return "".join(blocks) + "</section>"


def _share_row(row: Shares, name: Callable[[str], str]) -> str:
    bar = "".join(
        f'<span class="{style}" style="width:{100 * part / row.events:.2f}%"></span>'
        for style, part in (("found", row.found), ("missed", row.missed), ("not-observable", row.not_observable))
        if row.events and part
    )
    blind = "; ".join(f"{reason} {count}" for reason, count in sorted(row.blind.items()))
    return (
        f"<tr><td>{name(row.door)}</td><td>{row.last_day} {_both('j', 'd')}</td><td><div class=bar>{bar}</div></td>"
        f'<td class="n">{_number(row.found)} ({_share(row.found, row.events)})</td>'
        f'<td class="n">{_number(row.missed)} ({_share(row.missed, row.events)})</td>'
        f'<td class="n" title="{escape(blind)}">{_number(row.not_observable)} ({_share(row.not_observable, row.events)})</td>'
        f'<td class="n">{_number(row.open)}</td></tr>'
    )


def _overdue(summary: Summary, name: Callable[[str], str]) -> str:
    shown = list(summary.overdue)[:40]
    lines = "".join(
        f"<tr><td>{escape(row.pseudonym)}</td><td>{name(row.door)}</td><td>{name(row.follow_up)}</td>"
        f'<td>{escape(row.since)}</td><td class="n">{row.days}</td></tr>'
        for row in shown
    )
    rest = len(summary.overdue) - len(shown)
    more = f"<p class=lead>+ {_number(rest)}</p>" if rest > 0 else ""
    return (
        f"<h2>{_both('Suites en retard', 'Overdue follow-ups')}</h2><p class=lead>"
        + _both(
            "Personnes sorties sans suite trouvée, pseudonymes propres à ce rapport, les plus récentes d'abord.",
            "People who left and for whom no follow-up was found; pseudonyms of this report only, latest first.",
        )
        + f"</p><section><table><tr><th>{_both('personne', 'person')}</th><th>{_both('porte', 'door')}</th>"
        f"<th>{_both('suite attendue', 'expected follow-up')}</th><th>{_both('sortie le', 'left on')}</th>"
        f"<th class=n>{_both('jours', 'days')}</th></tr>{lines}</table>{more}</section>"
    )


def _quality(quality: Sequence[Quality], name: Callable[[str], str]) -> str:
    blocks = [f"<h2>{_both('Qualité par source', 'Quality by source')}</h2>"]
    for row in quality:
        stopped = _reason_rows(row.reasons)
        noticed = _reason_rows(row.findings)
        unread = ", ".join(f"{table}.{column}" for table, column, _ in row.unread_columns)
        codes = ", ".join(f"{code_list} « {code} » ×{count}" for code_list, code, count in row.unmapped_codes[:12])
        blocks.append(
            f"<section><b>{name(row.source)}</b>"
            + (f"<table>{stopped}</table>" if stopped else f"<p>{_both('Rien arrêté.', 'Nothing stopped.')}</p>")
            + (
                f"<details><summary>{_both('Constats', 'Findings')}</summary><table>{noticed}</table></details>"
                if noticed
                else ""
            )
            + (
                f"<p class=lead>{_both('Codes sans traduction :', 'Codes without a target:')} {escape(codes)}</p>"
                if codes
                else ""
            )
            + (
                f"<p class=lead>{_both('Colonnes non lues :', 'Columns not read:')} {escape(unread)}</p>"
                if unread
                else ""
            )
            + "</section>"
        )
    return "".join(blocks)


def _reason_rows(rows: Iterable[tuple[str, str, int]]) -> str:
    return "".join(
        f'<tr><td class="n">{_number(count)}</td><td><code>{escape(reason)}</code></td><td>{escape(place)}</td><td>'
        f"{_both(sentence(reason, 'fr', place), sentence(reason, 'en', place))}</td></tr>"
        for reason, place, count in rows
    )
