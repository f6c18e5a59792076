"""The territory: one cut of everything published, linked, delivered and reported."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from passerelle.delivery import DeliveryOutcome, deliver
from passerelle.errors import UsageError
from passerelle.linkage.linking import LinkOutcome, link, members_for_cut
from passerelle.pipeline.doubts import doubts_of
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.leaving import unused_of
from passerelle.reporting.assembling import summarise
from passerelle.reporting.page import render_page
from passerelle.reporting.summary import Summary
from passerelle.stores import sums
from passerelle.stores.cut_sums import recount_cut
from passerelle.stores.discrepancy import Discrepancy
from passerelle.stores.ledger import Lease, Transaction, cuts
from passerelle.stores.ledger.cuts import Cut

Progress = Callable[[str, int, int], None]
STEPS = ("count again", "link", "deliver", "count the cut again", "report")


@dataclass(frozen=True, slots=True)
class Territory:
    """What came of one cut."""

    cut: str
    linked: LinkOutcome
    delivery: DeliveryOutcome
    summary: Summary

    @property
    def delivered(self) -> Mapping[str, int]:
        """Resources that left, by type."""
        return self.delivery.delivered

    @property
    def withheld(self) -> Mapping[str, int]:
        """Resources kept back, by rule."""
        return self.delivery.withheld


def _silent(_what: str, _done: int, _total: int) -> None:
    """Nobody wants to know."""


def run_territory(
    instance: Instance,
    out: Path,
    *,
    target: str = "export",
    page: Path | None = None,
    progress: Progress = _silent,
) -> Territory:
    """Everything published is linked and delivered to the target's folder below `out`; the page, if asked for, shows it.

    Raises:
        UsageError: there is no such target.
        BrokenPromise: the sums do not add up. The export and the page are written all the same, and say so, unless a
            file is gone without which nothing can be linked or delivered.
        Unavailable: another process works on the territory.
    """
    if target not in instance.house.targets:
        known = ", ".join(sorted(instance.house.targets)) or "none"
        raise UsageError(f"there is no target '{target}'; targets are {known}")
    stores, house, as_of = instance.stores, instance.house, instance.settings.as_of
    progress("count again", 0, 1)
    before = sums.recount_batches(stores.ledger, stores.vault, stores.lake).found
    with instance.lease("territory") as lease, _told_first(before):
        cut = stores.ledger.in_transaction(lambda tx: _cut(tx, lease))
        progress("link", 0, 1)
        linked = link(stores, house, cut, lease, as_of, doubts=doubts_of(instance))
        progress("deliver", 0, 1)
        delivery = deliver(
            stores,
            house,
            cut,
            linked,
            lease=lease,
            as_of=as_of,
            out_folder=out,
            target=house.targets[target],
            directory=instance.directory,
            doubts=doubts_of(instance),
        )
        progress("count the cut again", 0, 1)
        wrong = [*before, *recount_cut(stores.ledger, stores.lake, sorted(house.sources))]
    progress("report", 0, 1)
    summary = summarise(
        stores,
        house,
        cut,
        linked,
        delivery,
        as_of=as_of,
        balanced=not wrong,
        unused={name: unused_of(instance, name) for name in house.sources},
    )
    for step in STEPS:
        progress(step, 1, 1)
    if page is not None:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(render_page(summary, names_of(instance)), encoding="utf-8")
    sums.refuse(wrong)
    return Territory(cut.name, linked, delivery, summary)


@contextmanager
def _told_first(wrong: Sequence[Discrepancy]) -> Iterator[None]:
    """What was found not to add up is said instead of what link or deliver stumbles over because of it."""
    try:
        yield
    except Exception:
        if not wrong:
            raise
    else:
        return
    sums.refuse(wrong)


def _cut(tx: Transaction, lease: Lease) -> Cut:
    """The last cut if nothing was published since; else a new one."""
    members = members_for_cut(tx)
    last = cuts.last(tx)
    if last is not None and list(last.members) == sorted(members):
        return last
    return cuts.make(tx, lease, f"cut-{(last.id if last else 0) + 1:06d}", members)


def names_of(instance: Instance) -> dict[str, tuple[str, str]]:
    """What a person reads, French and English, for organisations, targets, sources, pathways and follow-ups."""
    told = {code: (one.name, one.name) for code, one in instance.house.organisations.items()}
    told |= {name: (target.says.fr, target.says.en) for name, target in instance.house.targets.items()}
    told |= {
        name: (folder.source.organisation.name, folder.source.organisation.name)
        for name, folder in instance.house.sources.items()
    }
    for name, pathway in instance.house.pathways.items():
        told[name] = (pathway.says.fr, pathway.says.en)
        for follow_up in pathway.expects:
            told[follow_up.follow_up] = (follow_up.says.fr, follow_up.says.en)
    return told
