"""One self-contained page for the operator: flow, continuity by door, quality by source. No network, no script.

Both languages are in the page; a switch shows one. Persons appear as pseudonyms, no release reason appears, and
the page says of itself that it is not for publication.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from passerelle.reporting.drawing import flow_picture
from passerelle.reporting.summary import Overdue, Quality, Shares, StageSums, Summary
from passerelle.reporting.words import LINKS, OUTCOMES, STAGES, STATES, both, number, rule_sentence, share
from passerelle.sentences import sentence

Name = Callable[[str], str]

SHOWN_AT_ONCE, SHOWN_IN_ALL = 12, 200
_BLIND = ("not-permitted", "no-common-key", "no-coverage", "no-event-time")

STYLE = """
:root{--ink:#16202b;--soft:#5a6775;--line:#e1e6eb;--paper:#fff;--wash:#f4f6f8;--found:#1f7a55;--missed:#c0452b;
--b1:#6d7886;--b2:#97a1ad;--b3:#b9c1ca;--b4:#d6dbe1;--open:#d8a93a;--stop:#b8501f;--flow:#2f6aa3;--node:#1d4a77}
*{box-sizing:border-box}body{margin:0;background:var(--wash);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:76rem;margin:0 auto;padding:0 1.5rem 4rem}h1{font-size:1.9rem;letter-spacing:-.02em;margin:.2rem 0 0}
h2{font-size:1.25rem;letter-spacing:-.01em;margin:2.6rem 0 .2rem}h3{font-size:1rem;margin:1.1rem 0 .3rem}
p.lead{color:var(--soft);margin:.1rem 0 .9rem;max-width:50rem}section{background:var(--paper);border:1px solid var(--line);
border-radius:.7rem;padding:1rem 1.3rem;margin:.6rem 0;overflow-x:auto;box-shadow:0 1px 2px #16202b0a}
.notice{background:#fdf4ee;border:1px solid #f0d6c4;border-left:.3rem solid var(--stop);border-radius:.5rem;padding:.5rem .9rem;
margin:.8rem 0;font-size:.92rem}.chip{display:inline-block;border-radius:1rem;padding:.05rem .7rem;font-size:.82rem;margin-left:.4rem;
background:#e8eef5;color:#1d4a77}.chip.good{background:#e2f1ea;color:#17603f}.chip.bad{background:var(--missed);color:#fff;font-weight:700}
table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;padding:.28rem .6rem;border-bottom:1px solid var(--line);
vertical-align:top}tr:last-child td{border-bottom:0}th{font-weight:600;color:var(--soft);font-size:.82rem}td.n,th.n{text-align:right;
font-variant-numeric:tabular-nums;white-space:nowrap}td.zero{color:#b6bec8}td.door{font-weight:600}td.why{color:var(--soft)}td.share{width:34%}
.bar{display:flex;height:1.15rem;min-width:7rem;border-radius:.25rem;overflow:hidden;background:var(--line)}.bar span{display:block;height:100%}
.found{background:var(--found)}.missed{background:var(--missed)}.not-permitted{background:var(--b1)}.no-common-key{background:var(--b2)}
.no-coverage{background:var(--b3)}.no-event-time{background:var(--b4)}.key{display:inline-flex;gap:.4rem;align-items:center;
margin:0 1.1rem .2rem 0;font-size:.85rem;color:var(--soft)}.key i{width:.85rem;height:.85rem;border-radius:.2rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.6rem;margin:1rem 0}.card{background:var(--paper);
border:1px solid var(--line);border-radius:.7rem;padding:.7rem 1rem;box-shadow:0 1px 2px #16202b0a}.card b{display:block;font-size:1.7rem;
letter-spacing:-.02em;font-variant-numeric:tabular-nums}.card span{color:var(--soft);font-size:.86rem}.two{display:grid;
grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:.6rem}.two section{margin:0}code{font-size:.85em;background:#eef1f4;
border-radius:.25rem;padding:.05rem .3rem;white-space:nowrap}svg{max-width:100%;min-width:56rem;height:auto}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}
svg .head{font-weight:600;fill:var(--soft)}svg .name{font-size:12.5px;font-weight:600}svg .count{font-size:11px;fill:var(--soft)}
svg .total{font-size:15px;font-weight:700}svg .ribbon{fill:var(--flow);opacity:.34}svg .node{fill:var(--node)}svg .sent{fill:var(--found);
opacity:.55}svg .kept{fill:var(--b2);opacity:.5}svg .held path{stroke:var(--stop)}svg .held text{fill:var(--stop);font-weight:600}
svg .aside path{stroke:var(--b3)}input[name=l]{position:absolute;opacity:0}label{cursor:pointer;padding:.15rem .8rem;border:1px solid
var(--line);border-radius:1rem;font-size:.85rem;background:var(--paper)}#fr:checked~header label[for=fr],#en:checked~header label[for=en]{
background:var(--ink);color:#fff}#fr:focus-visible~header label[for=fr],#en:focus-visible~header label[for=en]{outline:3px solid var(--flow)}
#fr:checked~main [lang=en],#en:checked~main [lang=fr]{display:none}header{max-width:76rem;margin:0 auto;padding:1rem 1.5rem 0;display:flex;
gap:.5rem;justify-content:flex-end}details{margin:.5rem 0}details summary{cursor:pointer;color:var(--flow);font-size:.9rem}
@media print{body{background:#fff}header,details:not([open]){display:none}section,.card{box-shadow:none;break-inside:avoid}}
"""


def render_page(summary: Summary, says: Mapping[str, tuple[str, str]]) -> str:
    """The whole page as one HTML text. `says` has the French and English name of each door, pathway and follow-up."""

    def name(key: str) -> str:
        return both(*says.get(key, (key, key)))

    parts = [
        _head(summary),
        _cards(summary),
        "<h2>",
        both("Le chemin des données", "The way of the data"),
        "</h2>",
        _lead(
            "De chaque porte à la vue courante : ce qui passe, ce qui s'arrête (rouge), les doublons et le hors-champ (gris). "
            "Enregistrements jusqu'à « traduit », ressources FHIR ensuite. Largeurs en racine carrée.",
            "From each door to the current view: what passes, what stops (red), doubles and out of scope (grey). "
            "Records until mapped, FHIR resources from validated on. Widths are square roots.",
        ),
        "<section>",
        flow_picture(summary, says),
        _sums_table(summary.sums, name),
        "</section>",
        _continuity(summary.shares, name),
        _overdue(summary.overdue, name),
        _sharing(summary, says),
        _quality(summary, name),
        "</main></body></html>\n",
    ]
    return "".join(parts)


def _lead(fr: str, en: str) -> str:
    return f"<p class=lead>{both(fr, en)}</p>"


def _cell(value: int) -> str:
    return f'<td class="n{" zero" if not value else ""}">{number(value)}</td>'


def _head(summary: Summary) -> str:
    simulated = (
        f"<span class=chip>{both('données simulées', 'simulated data')}</span>" if summary.environment == "test" else ""
    )
    verdict = (
        f'<span class="chip good">{both("les sommes tombent juste à chaque étape", "the sums balance at every stage")}</span>'
        if summary.balanced
        else f'<span class="chip bad">{both("LES SOMMES NE TOMBENT PAS JUSTE", "THE SUMS DO NOT BALANCE")}</span>'
    )
    return (
        '<!doctype html><html lang="fr"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Passerelle – continuité au {escape(summary.as_of)}</title><style>{STYLE}</style></head><body>"
        '<input type="radio" name="l" id="fr" checked><input type="radio" name="l" id="en">'
        '<header><label for="fr">Français</label><label for="en">English</label></header><main>'
        f"<h1>Passerelle</h1><p class=lead>{both('Continuité des soins au', 'Continuity of care as of')} "
        f"<b>{_day(escape(summary.as_of))}</b>{simulated}{verdict}</p><div class=notice>"
        + both(
            "Pour l'exploitant seulement : pas une publication. Petits effectifs non masqués, pseudonymes internes.",
            "For the operator only: not a publication. Small counts are not masked, pseudonyms are internal.",
        )
        + "</div>"
    )


def _cards(summary: Summary) -> str:
    landed = sum(sums.received for sums in summary.sums if sums.stage == "land")
    stopped = sum(
        sums.states.get(state, 0)
        for sums in summary.sums
        for state in ("quarantined", "pending")
        if sums.stage in {"land", "check", "map"}
    )
    facts = [
        (landed, ("enregistrements reçus", "records received")),
        (stopped, ("arrêtés ou en attente", "stopped or waiting")),
        (sum(summary.links.values()), ("liens certains entre sources", "certain links between sources")),
        (len(summary.overdue), ("suites en retard", "overdue follow-ups")),
        (sum(summary.delivered.values()), ("ressources remises", "resources delivered")),
        (sum(summary.withheld.values()), ("ressources retenues par la règle", "resources withheld by rule")),
    ]
    cards = "".join(f"<div class=card><b>{number(count)}</b><span>{both(*what)}</span></div>" for count, what in facts)
    return f"<div class=cards>{cards}</div>"


def _sums_table(sums: Sequence[StageSums], name: Name) -> str:
    head = "".join(f'<th class="n">{both(*STATES[state])}</th>' for state in STATES)
    body = "".join(
        f"<tr><td>{_subject(row.source, name)}</td><td>{both(*STAGES.get(row.stage, (row.stage, row.stage)))}</td>"
        f'<td class="n">{number(row.received)}</td>'
        + "".join(_cell(row.states.get(state, 0)) for state in STATES)
        + "</tr>"
        for row in _by_window(sums)
        if row.received
    )
    opened = both("Toutes les sommes", "All the sums")
    return (
        f"<details><summary>{opened}</summary><table><tr><th>{both('source ou objet', 'source or subject')}</th><th>"
        f'{both("étape", "stage")}</th><th class="n">{both("reçus", "received")}</th>{head}</tr>{body}</table></details>'
    )


def _subject(scope: str, name: Name) -> str:
    """What is counted: a source, a kind of link, a follow-up in its window, a target."""
    first, *rest = scope.split(".")
    words = both(*LINKS[first]) if first in LINKS else name(first)
    if len(rest) > 1:
        return f"{words} → {name(rest[0])}, {_window(rest[1])}"
    return " ".join([words, *map(name, rest)])


def _window(name: str) -> str:
    """A window named by its days (`d21`) is `j21` in French."""
    return both(f"j{name[1:]}", name) if re.fullmatch(r"d\d+", name) else escape(name)


def _by_window(sums: Sequence[StageSums]) -> list[StageSums]:
    """The rows as they came, but windows of one follow-up by their days: `d7` before `d21`."""
    place: dict[tuple[str, str], int] = {}
    for number_of, row in enumerate(sums):
        place.setdefault((row.stage, row.source.rpartition(".")[0] or row.source), number_of)
    return sorted(
        sums,
        key=lambda row: (
            place[row.stage, row.source.rpartition(".")[0] or row.source],
            int(re.sub(r"\D", "", row.source.rpartition(".")[2]) or 0),
        ),
    )


def _continuity(shares: Sequence[Shares], name: Name) -> str:
    keys = "".join(
        f'<span class=key><i class="{style}"></i>{both(*OUTCOMES[style])}</span>'
        for style in ("found", "missed", *_BLIND)
    )
    blocks = [
        f"<h2>{both('Continuité par porte', 'Continuity by door')}</h2>",
        _lead(
            "Chaque sortie dont le délai est écoulé, en trois parts : trouvée, manquée, non observable. "
            "Une absence de lien n'est jamais lue comme une absence de suite.",
            "Every exit whose window is over, in three shares: found, missed, not observable. "
            "No link is never read as no follow-up.",
        ),
        f"<section><p>{keys}</p>",
    ]
    grouped: dict[tuple[str, str], list[Shares]] = defaultdict(list)
    for one in shares:
        grouped[one.pathway, one.follow_up].append(one)
    for (pathway, follow_up), rows in grouped.items():
        lines = "".join(_share_row(row, name) for row in sorted(rows, key=lambda row: (row.door, row.last_day)))
        blocks.append(
            f"<h3>{name(pathway)} → {name(follow_up)}</h3><table><tr><th>{both('porte', 'door')}</th>"
            f"<th>{both('dans les', 'within')}</th><th></th><th class=n>{both('trouvées', 'found')}</th>"
            f"<th class=n>{both('manquées', 'missed')}</th><th class=n>{both('non observables', 'not observable')}</th>"
            f"<th class=n>{both('en cours', 'still open')}</th></tr>{lines}</table>"
        )
    return "".join(blocks) + "</section>"


def _share_row(row: Shares, name: Name) -> str:
    parts = [("found", row.found), ("missed", row.missed), *((reason, row.blind.get(reason, 0)) for reason in _BLIND)]
    bar = "".join(
        f'<span class="{style}" style="width:{100 * part / row.events:.2f}%" '
        f'title="{escape(" / ".join(OUTCOMES[style]))} {part}"></span>'
        for style, part in parts
        if row.events and part
    )
    return (
        f"<tr><td class=door>{name(row.door)}</td><td>{row.last_day}\u202f{both('j', 'd')}</td><td class=share><div class=bar>{bar}</div></td>"
        f'<td class="n">{number(row.found)} ({share(row.found, row.events)})</td>'
        f'<td class="n">{number(row.missed)} ({share(row.missed, row.events)})</td>'
        f'<td class="n">{number(row.not_observable)} ({share(row.not_observable, row.events)})</td>'
        f'<td class="n">{number(row.open)}</td></tr>'
    )


def _overdue(overdue: Sequence[Overdue], name: Name) -> str:
    head = (
        f"<tr><th>{both('personne', 'person')}</th>"
        f"<th>{both('suite attendue', 'expected follow-up')}</th><th>{both('sortie le', 'left on')}</th>"
        f"<th class=n>{both('jours', 'days')}</th></tr>"
    )
    first, rest = overdue[:SHOWN_AT_ONCE], overdue[SHOWN_AT_ONCE:SHOWN_IN_ALL]
    more = ""
    if rest:
        hidden = len(overdue) - SHOWN_IN_ALL
        unseen = f"<p class=lead>+ {number(hidden)}</p>" if hidden > 0 else ""
        title = both(f"Les {number(len(rest))} suivantes", f"The next {number(len(rest))}")
        more = f"<details><summary>{title}</summary><table>{head}{_overdue_rows(rest, name)}</table>{unseen}</details>"
    return (
        f"<h2>{both('Suites en retard', 'Overdue follow-ups')} <span class=chip>{number(len(overdue))}</span></h2>"
        + _lead(
            "Personnes sorties, avec un délai écoulé sans suite et aucune suite trouvée dans un autre, sans les décès ; "
            "une ligne par sortie et par suite attendue. Pseudonymes propres à ce rapport, les plus récentes d'abord. "
            "La porte quittée n'est dite de personne.",
            "People who left, with a window that ended without follow-up and none found in another, without the dead; "
            "one line per exit and expected follow-up. Pseudonyms of this report only, latest first. "
            "Which door they left is told of nobody.",
        )
        + f"<section><table>{head}{_overdue_rows(first, name)}</table>{more}</section>"
    )


def _overdue_rows(rows: Iterable[Overdue], name: Name) -> str:
    return "".join(
        f"<tr><td><code>{escape(row.pseudonym)}</code></td><td>{name(row.follow_up)}</td>"
        f'<td>{_day(row.since)}</td><td class="n">{row.days}</td></tr>'
        for row in rows
    )


def _day(iso: str) -> str:
    return both("/".join(reversed(iso.split("-"))), iso)


def _sharing(summary: Summary, says: Mapping[str, tuple[str, str]]) -> str:
    """What left and what did not, side by side."""
    fr, en = says.get(summary.recipient, (summary.recipient, summary.recipient))
    delivered = "".join(
        f'<tr><td>{escape(kind)}</td><td class="n">{number(count)}</td></tr>'
        for kind, count in sorted(summary.delivered.items(), key=lambda row: (-row[1], row[0]))
    )
    withheld = "".join(
        f'<tr><td class="n">{number(count)}</td><td><code>{escape(rule)}</code></td>'
        f"<td class=why>{both(*rule_sentence(rule))}</td></tr>"
        for rule, count in sorted(summary.withheld.items(), key=lambda row: (-row[1], row[0]))
    )
    return (
        f"<h2>{both('Ce qui part, ce qui est retenu', 'What leaves, what is withheld')}</h2>"
        + _lead(
            f"Vers {fr}, personne par personne : rien ne part sans fondement enregistré.",
            f"To {en}, person by person: nothing leaves without a recorded ground.",
        )
        + f"<div class=two><section><h3>{both('Remis', 'Delivered')}</h3><table>{delivered}</table></section>"
        f"<section><h3>{both('Retenu', 'Withheld')}</h3><table>{withheld}</table></section></div>"
    )


def _quality(summary: Summary, name: Name) -> str:
    received = {row.source for row in summary.sums if row.stage == "land" and row.received}
    blocks = [f"<h2>{both('Qualité par source', 'Quality by source')}</h2>"]
    blocks += [_source_quality(row, name) for row in summary.quality if row.source in received]
    silent = [name(row.source) for row in summary.quality if row.source not in received]
    if silent:
        blocks.append(f"<p class=lead>{both('Sans enregistrement :', 'Without any record:')} {', '.join(silent)}</p>")
    return "".join(blocks)


def _source_quality(row: Quality, name: Name) -> str:
    stopped, noticed = _reason_rows(row.reasons), _reason_rows(row.findings)
    unused = row.unused
    return (
        f"<section><h3>{name(row.source)}</h3><p class=lead lang=en>{escape(row.says)}</p>"
        + (f"<table>{stopped}</table>" if stopped else f"<p>{both('Rien arrêté.', 'Nothing stopped.')}</p>")
        + _folded(("Constats sans arrêt", "Noticed, not stopped"), f"<table>{noticed}</table>" if noticed else "")
        + _folded(("Colonnes qu'aucun mapping ne lit", "Columns that no mapping reads"), _counted(unused.unread))
        + _folded(("Colonnes hors du contrat", "Columns not in the contract"), _counted(unused.undeclared))
        + _folded(("Colonnes déclarées non lues", "Columns declared unread"), _counted(unused.set_aside))
        + _folded(("Codes absents des listes", "Codes not listed"), _counted(unused.unlisted))
        + _folded(("Codes jamais rencontrés", "Codes never met"), _never_met(unused.never_met))
        + "</section>"
    )


def _counted(rows: Iterable[tuple[str, str, int]]) -> str:
    """What came and was left aside: every line, with how many records had it."""
    otherwise = both("(écrits autrement)", "(written otherwise)")
    lines = "".join(
        f'<tr><td class="n">{number(count)}</td><td>{escape(where)}</td>'
        f"<td>{f'<code>{escape(what)}</code>' if what else otherwise}</td></tr>"
        for where, what, count in rows
    )
    return f"<table>{lines}</table>" if lines else ""


def _never_met(by_list: Mapping[str, Sequence[str]]) -> str:
    lines = "".join(
        f'<tr><td class="n">{number(len(codes))}</td><td>{escape(name)}</td><td>{escape(", ".join(codes))}</td></tr>'
        for name, codes in by_list.items()
    )
    return f"<table>{lines}</table>" if lines else ""


def _folded(title: tuple[str, str], content: str) -> str:
    return f"<details><summary>{both(*title)}</summary>{content}</details>" if content else ""


def _reason_rows(rows: Iterable[tuple[str, str, int]]) -> str:
    return "".join(
        f'<tr><td class="n">{number(count)}</td><td><code>{escape(reason)}</code></td><td>{escape(place)}</td>'
        f"<td class=why>{_marked(both(sentence(reason, 'fr', place), sentence(reason, 'en', place)))}</td></tr>"
        for reason, place, count in rows
    )


def _marked(told: str) -> str:
    """What stands between backticks, as code."""
    return re.sub(r"`([^`<]+)`", r"<code>\1</code>", told)
