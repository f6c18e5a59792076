"""A simulated region carried through every stage, and what link said of it, by the sources' own keys."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from passerelle.fold.view import CutView
from passerelle.ids import KeyedHasher, id_bytes, resource_id
from passerelle.pipeline.demonstrating import Places, carry
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.territory import Territory
from passerelle.simulator import Misbehaviour, serve, simulate
from passerelle.simulator.serving import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH
from passerelle.stores.ledger import cuts, links

ROOT = Path(__file__).parents[1]


@dataclass
class Region:
    """One region: where it lies, the instance that carried it, what came of it."""

    places: Places
    instance: Instance
    told: Territory

    def lines(self, name: str) -> list[dict]:
        """The lines of one truth file."""
        text = (self.places.territory / "truth" / f"{name}.ndjson").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def id_of(self, source: str, label: str, *key: str) -> str:
        """The id of a resource of a source, from the source's own key."""
        folder = self.instance.folder(source)
        id_key = self.instance.stores.keys.id_key(source, folder.source.legal.anonymous)
        return resource_id(KeyedHasher(id_key, (source, label)).of(key))

    def links(self, kind: str, state: str = "active") -> set[frozenset[bytes]]:
        """The pairs that are linked."""
        with self.instance.stores.ledger.read() as tx:
            return {frozenset((one.left, one.right)) for one in links.found(tx, kind, states=[state])}

    def follow_ups(self) -> dict[tuple[str, str], Counter]:
        """By index event and kind of follow-up: outcome, blind reason and follow-up of every window."""
        with self.instance.stores.ledger.read() as tx:
            cut = cuts.by_name(tx, self.told.cut)
        found: dict[tuple[str, str], Counter] = {}
        sources = sorted(self.instance.house.sources)
        with CutView(self.instance.stores, cut, sources, _body, also=[self.told.linked.batch_id]) as view:
            for one in view.bodies(("Task",)):
                if one.source == "link":
                    event = one.tree["reasonReference"]["reference"].split("/")[1]
                    kind = one.tree["code"]["coding"][0]["code"].replace("-", "_")
                    found.setdefault((event, kind), Counter())[_answer(one.tree)] += 1
        return found


def _body(body, _identity):
    return body


def _answer(task: dict) -> tuple[str, str | None, str | None]:
    outcome = task["businessStatus"]["coding"][0]["code"]
    reason = task.get("statusReason", {}).get("coding", [{}])[0].get("code") if outcome == "not-observable" else None
    output = task.get("output", [{}])[0].get("valueReference", {}).get("reference")
    return outcome, reason, output.split("/")[1] if output else None


def written(identifier: str) -> bytes:
    """The sixteen bytes of an id, as links hold them."""
    return id_bytes(identifier)


def carried(root: Path, *, persons: int, seed: int, ledger: str | None = None) -> Region:
    """The region of this seed, carried through every stage against a REST source that misbehaves."""
    places = Places(root)
    places.clear()
    simulate(persons, seed, places.territory)
    manners = Misbehaviour(too_many=0.3, cut=0.3, expired=0.3, failing=0.3, retry_after=0, seed=seed)
    with serve(places.territory, misbehaviour=manners) as server:
        places.write_keys()
        places.write_connections(server.url, (CLIENT_ID, CLIENT_SECRET), TOKEN_PATH)
        instance = Instance.open(places.settings(ROOT, ledger))
        told = carry(instance, places, lambda *_: None)
    return Region(places, instance, told)
