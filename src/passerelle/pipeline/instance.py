"""An instance, opened: its settings, its contracts, its stores, and the tools that map works with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa

from passerelle.contracts.across_rules import AcrossRule, read_across_rules
from passerelle.contracts.house import House, SourceFolder, load_house
from passerelle.contracts.problems import nearest
from passerelle.errors import RefusedForGood, UsageError
from passerelle.mapping.compiling import compile_source
from passerelle.mapping.directory import directory_resources
from passerelle.mapping.plan import Emitted
from passerelle.mapping.stage import MapTools
from passerelle.settings import Settings
from passerelle.stores.lake import IDS_SCHEMA
from passerelle.stores.ledger import Lease, leases
from passerelle.stores.ledger.holders import this_holder
from passerelle.stores.opened import Stores, open_stores
from passerelle.structure import Splitter, load_identity_rules, structure

LEASE_SECONDS = 3600.0


@dataclass
class Instance:
    """One instance of passerelle: one jurisdiction, one set of keys and stores."""

    settings: Settings
    house: House
    stores: Stores
    _tools: dict[str, MapTools] = field(default_factory=dict)

    @classmethod
    def open(cls, settings: Settings) -> "Instance":
        """The instance that the settings name; its ledger is migrated if it was empty.

        Raises:
            ContractError: a contract is wrong.
            UsageError: keys or settings cannot be used.
            RefusedForGood: a production source would run with the published key.
        """
        house = load_house(settings.home, jurisdiction=settings.jurisdiction)
        stores = open_stores(settings)
        if stores.keys.is_demo:
            real = [name for name, one in house.sources.items() if one.source.environment == "production"]
            if real:
                raise RefusedForGood(
                    f"{real[0]} is a production source, and the key file holds the published keys of the demo: PASSERELLE_KEYS wants a key file of its own"
                )
        return cls(settings, house, stores)

    def close(self) -> None:
        """The ledger is closed."""
        self.stores.ledger.close()

    def folder(self, source: str) -> SourceFolder:
        """The source's folder.

        Raises:
            UsageError: this instance has no such source.
        """
        found = self.house.sources.get(source)
        if source in self.house.linted:
            raise UsageError(self.house.of_other_law(source))
        if found is None:
            known = ", ".join(sorted(self.house.sources)) or "none"
            raise UsageError(
                f"this instance has no source '{source}'; sources are {known}{nearest(source, self.house.sources)}"
            )
        return found

    @cached_property
    def splitter(self) -> Splitter:
        """What separates the identity of a resource from its body."""
        return Splitter(load_identity_rules(self.settings.home / "fhir" / "identity_elements.yaml"))

    @cached_property
    def across_rules(self) -> tuple[AcrossRule, ...]:
        """What must hold between two resources of one source."""
        return read_across_rules(self.settings.home)

    @cached_property
    def directory(self) -> list[Emitted]:
        """Organizations and Locations, as resources."""
        return directory_resources(self.house, self.stores.keys)

    @cached_property
    def known_ids(self) -> pa.Table:
        """Ids that stand without any batch: those of the directory."""
        return pa.table({"id": pa.array([one.id for one in self.directory], IDS_SCHEMA.field("id").type)})

    def tools(self, source: str) -> MapTools:
        """What map needs for the source; compiled once."""
        if source not in self._tools:
            folder = self.folder(source)
            plans = compile_source(folder, self.house, self.stores.keys)
            self._tools[source] = MapTools.of(self.stores, folder, plans, structure().check, self.splitter)
        return self._tools[source]

    @contextmanager
    def lease(self, name: str) -> Iterator[Lease]:
        """The lease of this name, for as long as the block lasts.

        Raises:
            Unavailable: another process works under it.
        """
        ledger = self.stores.ledger
        holder = this_holder()
        held = ledger.in_transaction(lambda tx: leases.take(tx, name, holder, LEASE_SECONDS))
        try:
            yield held
        finally:
            ledger.in_transaction(lambda tx: leases.release(tx, held))
