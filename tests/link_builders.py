"""A small region in real stores: sources, their resources in the shapes that link reads, and a house of contracts."""

import csv
import itertools
from collections import defaultdict
from datetime import date
from pathlib import Path

import orjson

from passerelle.contracts.directory import DirectoryOrganisation
from passerelle.contracts.gate_table import read_gate_table, read_regions
from passerelle.contracts.house import House, SourceFolder
from passerelle.contracts.pathway import Pathway
from passerelle.contracts.source import Source
from passerelle.contracts.target import Target
from passerelle.fold.view import CutView, id_in
from passerelle.ids import KeyedHasher, resource_id
from passerelle.linkage.linking import link, members_for_cut
from passerelle.linkage.projection import project_consents
from passerelle.records import Stage, State
from passerelle.stores.keys import KeyRing
from passerelle.stores.lake import Lake
from passerelle.stores.ledger import Ledger, batches, consents, cuts, items, leases, stored
from passerelle.stores.ledger.batches import BatchState
from passerelle.stores.ledger.stored import FileKind, NewFile
from passerelle.stores.opened import Stores
from passerelle.stores.vault import Vault
from passerelle.structure import Splitter, load_identity_rules

ROOT = Path(__file__).parents[1]
LOCAL = "https://passerelle.example/fhir"
NAMING = {
    "ins-nir": "urn:oid:1.2.250.1.213.1.4.8",
    "ins-nia": "urn:oid:1.2.250.1.213.1.4.9",
    "ins-nir-test": "urn:oid:1.2.250.1.213.1.4.10",
    "orientation-number": f"{LOCAL}/NamingSystem/orientation-number",
    "orientation-slip": f"{LOCAL}/NamingSystem/orientation-slip",
}
TODAY = date(2025, 12, 31)
KINDS = {
    "chu": "hospital",
    "ch": "hospital",
    "csapa": "csapa",
    "usmp": "prison-health",
    "siao": "housing",
    "caarud": "caarud",
}
COVERED_SINCE = {"csapa": "2025-02-01", "siao": "2025-03-01"}
SPLITTER = Splitter(load_identity_rules(ROOT / "fhir" / "identity_elements.yaml"))


def organisations() -> dict[str, DirectoryOrganisation]:
    with (ROOT / "mappings" / "directory" / "organisations.csv").open(encoding="utf-8", newline="") as lines:
        read = [DirectoryOrganisation.model_validate(row) for row in csv.DictReader(lines)]
    return {one.code: one for one in read}


def source_contract(name: str) -> Source:
    return Source.model_validate(
        {
            "source": name,
            "says": name,
            "owner": "somebody",
            "jurisdiction": "fr",
            "environment": "test",
            "legal": {
                "kind": KINDS[name],
                "ground": "CSP",
                "anonymous": name == "caarud",
                "care": name != "siao",
            },
            "organisation": {"name": name, "finess": "000100016", "region": "11"},
            "connection": name,
            "schedule": "@daily",
            "identifiers": {one: {"system": f"{LOCAL}/NamingSystem/{name}-{one}"} for one in ("patient", "stay")},
            "coverage": [
                {
                    "whom": "all",
                    "where": ["00"],
                    "since": COVERED_SINCE.get(name, "2020-01-01"),
                    "fresh_within_days": 35,
                }
            ],
            "tables": {},
        }
    )


def pathways() -> dict[str, Pathway]:
    from ruamel.yaml import YAML

    read = {}
    for path in sorted((ROOT / "mappings" / "pathways").glob("*.yaml")):
        one = Pathway.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
        if one.pathway == "prison_release":
            one = one.model_copy(update={"after": one.after.model_copy(update={"types": ("release",)})})
        read[one.pathway] = one
    return read


def house(**changed) -> House:
    sources = {
        name: SourceFolder(name, ROOT, source_contract(name), (), {}, {}, (), f"digest-{name}", None, {})
        for name in KINDS
    }
    told = {
        "root": ROOT,
        "jurisdiction": "fr",
        "sources": sources,
        "linted": {},
        "suites": {},
        "pathways": pathways(),
        "targets": {},
        "gate": read_gate_table(ROOT / "validation" / "gate.yaml"),
        "regions": read_regions(ROOT / "mappings" / "directory" / "regions.csv"),
        "organisations": organisations(),
        "naming": NAMING,
    }
    return House(**(told | changed))


def target(organisation: str = "COORD", **elements) -> Target:
    listed = {
        "Patient": ("identifier", "name", "gender", "birthDate", "managingOrganization"),
        "Person": ("link",),
        "Encounter": ("status", "class", "subject", "period", "serviceProvider", "episodeOfCare"),
        "EpisodeOfCare": ("status", "type", "patient", "period", "managingOrganization"),
        "ServiceRequest": ("status", "intent", "category", "code", "subject", "encounter"),
        "Task": (
            "status",
            "statusReason",
            "businessStatus",
            "intent",
            "code",
            "focus",
            "for",
            "basedOn",
            "reasonReference",
            "restriction",
            "output",
        ),
        "Organization": ("name",),
        "Consent": ("status", "scope", "category", "patient", "dateTime", "policy", "provision"),
    }
    return Target.model_validate(
        {
            "target": "export",
            "says": {"fr": "export", "en": "export"},
            "recipient": {"organisation": organisation, "kind": "care-coordination", "jurisdiction": "fr"},
            "purpose": "deliver",
            "elements": listed | elements,
        }
    )


class World:
    """Stores with a few sources. Things are given names; their ids are made from (source, label, name)."""

    def __init__(self, ledger: Ledger, data: Path, keys: KeyRing, told: House | None = None) -> None:
        self.stores = Stores(ledger, Vault(data, keys), Lake(data), keys)
        self.house = told or house()
        self.keys = keys
        self.waiting: dict[str, list[tuple[bytes, dict]]] = defaultdict(list)
        self._orders = itertools.count(1)
        self._cuts = itertools.count(1)
        self.lease = ledger.in_transaction(lambda tx: leases.take(tx, "territory", "me", 3600))

    def id(self, source: str, label: str, name: str) -> bytes:
        return KeyedHasher(self.keys.id_key(source, source == "caarud"), (source, label)).of((name,))

    def ref(self, source: str, label: str, name: str, resource: str) -> dict:
        return {"reference": f"{resource}/{resource_id(self.id(source, label, name))}"}

    def organisation(self, code: str) -> dict:
        raw = KeyedHasher(self.keys.id_key("directory"), ("directory", "organisation")).of((code,))
        return {"reference": f"Organization/{resource_id(raw)}"}

    def put(self, source: str, label: str, name: str, resource: str, /, **elements) -> bytes:
        raw = self.id(source, label, name)
        tree = {"resourceType": resource, "id": resource_id(raw), **elements}
        self.waiting[source].append((raw, tree))
        return raw

    # People -------------------------------------------------------------------------------------------------------

    def patient(
        self, source: str, name: str, *, ins: str = "", anonymous: bool = False, died: str = "", **traits
    ) -> bytes:
        believed = {"family": "Durand", "given": "Alix", "born": "1985-04-03", "gender": "female"} | traits
        identifier = [{"system": f"{LOCAL}/NamingSystem/{source}-patient", "value": f"number of {name}"}]
        if anonymous:
            security = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "NORELINK"}]
            return self.put(
                source,
                "patient",
                name,
                "Patient",
                meta={"security": security},
                identifier=identifier,
                gender=believed["gender"],
                birthDate=believed["born"][:4],
            )
        if ins:
            identifier.append({"use": "official", "system": NAMING["ins-nir-test"], "value": ins})
        elements = {
            "identifier": identifier,
            "name": [{"use": "official", "family": believed["family"], "given": [believed["given"]]}],
            "gender": believed["gender"],
            "birthDate": believed["born"],
            "managingOrganization": self.organisation(source.upper()),
        }
        if died:
            elements["deceasedDateTime"] = died
        return self.put(source, "patient", name, "Patient", **elements)

    # Doors --------------------------------------------------------------------------------------------------------

    def stay(self, source: str, name: str, patient: str, start: str, end: str | None, **changed) -> bytes:
        period = {"start": f"{start}T10:00:00+01:00"} | ({"end": f"{end}T11:00:00+01:00"} if end else {})
        elements = {
            "identifier": [{"system": f"{LOCAL}/NamingSystem/{source}-stay", "value": f"number of {name}"}],
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
            "subject": self.ref(source, "patient", patient, "Patient"),
            "period": period,
            "serviceProvider": self.organisation(source.upper()),
        }
        return self.put(source, "stay", name, "Encounter", **(elements | changed))

    def followed(self, name: str, patient: str, start: str, end: str | None, closure: str = "release", **changed):
        period = {"start": f"{start}T10:00:00+01:00"} | ({"end": f"{end}T11:00:00+01:00"} if end else {})
        elements = {
            "status": "finished",
            "type": [
                {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/episodeofcare-type", "code": "da"}]},
                {"coding": [{"system": f"{LOCAL}/CodeSystem/closure-kind", "code": closure}]},
            ],
            "patient": self.ref("usmp", "patient", patient, "Patient"),
            "period": period,
            "managingOrganization": self.organisation("USMP"),
        }
        return self.put("usmp", "followed", name, "EpisodeOfCare", **(elements | changed))

    def contact(self, name: str, patient: str, day: str, at: str = "14:00:00", source: str = "csapa") -> bytes:
        return self.put(
            source,
            "contact",
            name,
            "Encounter",
            status="finished",
            **{"class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}},
            subject=self.ref(source, "patient", patient, "Patient"),
            period={"start": f"{day}T{at}+01:00"},
            serviceProvider=self.organisation(source.upper()),
        )

    # What people want ---------------------------------------------------------------------------------------------

    def consent(
        self,
        source: str,
        name: str,
        patient: str,
        *,
        to: str | None = "CSAPA",
        permits: bool = True,
        purposes: tuple[str, ...] = ("COC",),
        classes: tuple[str, ...] = ("*",),
        on: str = "2025-01-05",
        end: str | None = None,
        withdrawn: str | None = None,
        about: dict | None = None,
        label: str = "consent",
        category: str | None = None,
    ) -> bytes:
        provision: dict = {"type": "permit" if permits else "deny", "period": {"start": on}}
        if end:
            provision["period"]["end"] = end
        if to is not None:
            role = {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP"}]
            }
            provision["actor"] = [{"role": role, "reference": self.organisation(to)}]
        if purposes:
            provision["purpose"] = [{"system": f"{LOCAL}/CodeSystem/sharing-purpose", "code": one} for one in purposes]
        if classes:
            provision["class"] = [{"system": f"{LOCAL}/CodeSystem/data-class", "code": one} for one in classes]
        if about:
            provision["data"] = [{"meaning": "related", "reference": about}]
        elements = {
            "status": "inactive" if withdrawn else "active",
            "scope": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
            },
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "patient": self.ref(source, "patient", patient, "Patient"),
            "dateTime": on,
            "policy": [{"uri": "https://passerelle.example/policy"}],
            "provision": provision,
        }
        if category:
            elements["category"].append({"coding": [{"system": f"{LOCAL}/CodeSystem/consent-kind", "code": category}]})
        if withdrawn:
            elements["extension"] = [{"url": f"{LOCAL}/StructureDefinition/withdrawn-on", "valueDate": withdrawn}]
        return self.put(source, label, name, "Consent", **elements)

    def opposition(self, source: str, name: str, patient: str, *, against: str | None = None, **changed) -> bytes:
        told = {"permits": False, "to": against, "purposes": (), "classes": (), "category": "opposition"} | changed
        return self.consent(source, name, patient, label="opposition", **told)

    def team(self, name: str, patient: str, members: tuple[str, ...], *, start: str | None = "2025-01-05", basis=2):
        return self.put(
            "csapa",
            "care_team",
            name,
            "CareTeam",
            extension=[{"url": f"{LOCAL}/StructureDefinition/care-team-basis", "valueInteger": basis}],
            status="active",
            subject=self.ref("csapa", "patient", patient, "Patient"),
            participant=[{"member": self.organisation(one)} for one in members],
            **({"period": {"start": start}} if start else {}),
        )

    def orientation(
        self, source: str, number: str, patient: str, event: tuple[str, str], *, agreed: bool = True, **changed
    ) -> bytes:
        label, name = event
        resource = "Encounter" if label == "stay" else "EpisodeOfCare"
        about = self.ref(source, label, name, resource)
        elements = {
            "identifier": [{"system": NAMING["orientation-number"], "value": number}],
            "status": "active",
            "intent": "order",
            "subject": self.ref(source, "patient", patient, "Patient"),
            "authoredOn": "2025-06-01",
            **({"encounter": about} if label == "stay" else {"supportingInfo": [about]}),
        }
        status = {"status": changed["status"]} if "status" in changed else {}
        raw = self.put(source, "orientation", number, "ServiceRequest", **(elements | status))
        self.consent(
            source,
            number,
            patient,
            to="SIAO",
            permits=agreed,
            classes=("identity", "follow-up", "housing"),
            withdrawn=changed.get("withdrawn"),
            about=self.ref(source, "orientation", number, "ServiceRequest"),
            label="orientation_consent",
        )
        return raw

    def placement(self, name: str, number: str | None, entry: str, status: str = "in-progress") -> bytes:
        self.put("siao", "patient", f"of {name}", "Patient", gender="female")
        quoted = {"groupIdentifier": {"system": NAMING["orientation-number"], "value": number}} if number else {}
        return self.put(
            "siao",
            "placement",
            name,
            "Task",
            status=status,
            intent="order",
            **{"for": self.ref("siao", "patient", f"of {name}", "Patient")},
            executionPeriod={"start": entry},
            **quoted,
        )

    # Slips --------------------------------------------------------------------------------------------------------

    def slip(self, token: str, issued: str, expires: str) -> bytes:
        self.put(
            "caarud",
            "contact",
            f"met for {token}",
            "Encounter",
            status="finished",
            **{"class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "FLD"}},
            period={"start": f"{issued}T18:00:00+01:00"},
        )
        return self.put(
            "caarud",
            "slip",
            token,
            "Task",
            identifier=[{"system": NAMING["orientation-slip"], "value": token}],
            status="requested",
            intent="proposal",
            authoredOn=issued,
            restriction={"period": {"end": expires}},
            encounter=self.ref("caarud", "contact", f"met for {token}", "Encounter"),
        )

    def shown(self, token: str, patient: str, day: str, *, agreed: bool = True) -> bytes:
        return self.put(
            "csapa",
            "slip_shown",
            f"{patient} {token}",
            "Task",
            identifier=[{"system": NAMING["orientation-slip"], "value": token}],
            status="completed" if agreed else "rejected",
            intent="order",
            code={"coding": [{"system": f"{LOCAL}/CodeSystem/follow-up-kind", "code": "slip-shown"}]},
            **{"for": self.ref("csapa", "patient", patient, "Patient")},
            executionPeriod={"start": day},
        )

    # Stores -------------------------------------------------------------------------------------------------------

    def publish(self, *only: str) -> None:
        """Everything that waits is in published batches, one per source, and the consents are projected."""
        for source in sorted(only or self.waiting):
            self._publish(source, self.waiting.pop(source, []))

    def _publish(self, source: str, resources: list[tuple[bytes, dict]]) -> None:
        stores = self.stores
        data_key, wrapped = stores.vault.new_data_key()
        order = f"2025-12-{next(self._orders):02d}T00:00:00"
        with (
            stores.lake.writer("b/resources") as lake,
            stores.vault.identity_writer("b/identity", data_key) as sealed,
        ):
            for row, (raw, tree) in enumerate(resources):
                body, identity = SPLITTER.split(tree)
                if identity is not None:
                    sealed.add(raw, row, orjson.dumps(identity))
                plain = orjson.dumps(body)
                lake.add(raw, tree["resourceType"], raw, order, row, _refs(tree), orjson.dumps(row).rjust(16), plain)
            files = [NewFile(lake.close(), FileKind.RESOURCES), NewFile(sealed.close(), FileKind.IDENTITY)]

        def commit(tx):
            batch = batches.start(
                tx,
                self.lease,
                source=source,
                table_name="all",
                window_id=None,
                wrapped_key=wrapped,
                contract_digest="c",
            )
            for state in (BatchState.LANDED, BatchState.CHECKED, BatchState.MAPPED, BatchState.PUBLISHED):
                batches.advance(tx, self.lease, batch.id, state, records=len(resources), partitions=1)
            stored.add(tx, batch.id, Stage.MAP, 1, "c", files)

        stores.ledger.in_transaction(commit)
        self.project(source)

    def project(self, source: str) -> None:
        with self.stores.ledger.read() as tx:
            files, excluded = stored.view_files(tx, [source]), items.excluded(tx, [source])
        with self.stores.lake.view(files, excluded) as view:
            told = project_consents(view, self.house.sources[source], self.house, self.keys)
        self.stores.ledger.in_transaction(lambda tx: consents.replace(tx, self.lease, source, *told))

    def cut(self) -> cuts.Cut:
        def make(tx):
            return cuts.make(tx, self.lease, f"cut-{next(self._cuts)}", members_for_cut(tx))

        return self.stores.ledger.in_transaction(make)

    def link(self, cut: cuts.Cut | None = None, as_of: date = TODAY):
        self.publish()
        return link(self.stores, self.house, cut or self.cut(), self.lease, as_of)

    def statements(self, batch_id: int) -> list[dict]:
        with self.stores.ledger.read() as tx:
            file = stored.of_batch(tx, batch_id, FileKind.RESOURCES)[0]
        return [orjson.loads(body) for body in self.stores.lake.read(file, ["body"]).column("body").to_pylist()]

    def tasks(self, outcome, kind: str = "csapa-contact") -> dict[str, str]:
        """Window -> what is said of it, of the only event; with the reason why nothing could be seen."""
        told = {}
        for tree in self.statements(outcome.batch_id):
            codes = [one["code"] for one in tree.get("code", {}).get("coding", ())]
            if tree["resourceType"] == "Task" and kind in codes:
                said = tree["businessStatus"]["coding"][0]["code"]
                if said == "not-observable":
                    said = tree["statusReason"]["coding"][0]["code"]
                told[codes[1]] = said
        return told


def _refs(tree: dict) -> list[bytes]:
    found = set()

    def walk(node):
        if isinstance(node, dict):
            one = id_in(node)
            if one is not None:
                found.add(one)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(tree)
    return sorted(found)


def passed(states) -> int:
    return states.get(State.PASSED.value, 0)


def opened(world: World, cut, *types: str) -> list[dict]:
    with CutView(world.stores, cut, sorted(world.house.sources), SPLITTER.join) as view:
        return [one.tree for one in view.wholes(types, ordered=True)]
