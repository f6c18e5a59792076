"""What must hold between the shared contract files: every name leads somewhere."""

from collections.abc import Collection, Mapping

from passerelle.contracts.directory import DirectoryOrganisation
from passerelle.contracts.expectation_types import problems_of
from passerelle.contracts.gate_table import Region
from passerelle.contracts.housed import SourceFolder
from passerelle.contracts.pathway import Pathway
from passerelle.contracts.problems import Place, Problems
from passerelle.contracts.suite import Suite
from passerelle.contracts.target import Target
from passerelle.contracts.yaml_file import Node


def check_suites(suites: Mapping[str, Suite], nodes: Mapping[str, Node], problems: Problems) -> None:
    """Every expectation of a shared suite can be judged."""
    for name, suite in suites.items():
        for position, expectation in enumerate(suite.expectations):
            for sentence in problems_of(expectation):
                problems.add(nodes[name].at("expectations", position).place, sentence)


def check_targets(
    targets: Mapping[str, Target],
    nodes: Mapping[str, Node],
    organisations: Mapping[str, DirectoryOrganisation],
    problems: Problems,
) -> None:
    """Every recipient is an organisation of the directory, of the kind and the law that the directory says."""
    for name, target in targets.items():
        recipient, node = target.recipient, nodes[name].at("recipient")
        known = organisations.get(recipient.organisation)
        if known is None:
            problems.unknown(
                node.at("organisation").place,
                "{} is not an organisation of mappings/directory/organisations.csv",
                recipient.organisation,
                organisations,
            )
            continue
        for word in ("kind", "jurisdiction", "care"):
            said, held = getattr(recipient, word), getattr(known, word)
            if said != held:
                problems.add(
                    node.at(word).place,
                    f"`{word}` is {_written(said)}; the directory says {_written(held)} of '{recipient.organisation}'",
                )


def _written(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else ("yes" if value else "no")


def check_organisations(
    organisations: Mapping[str, DirectoryOrganisation],
    places: Mapping[str, Place],
    *,
    folders: Collection[str],
    regions: Mapping[str, Region],
    problems: Problems,
) -> None:
    """Sources and regions exist, and a source speaks for one organisation."""
    spoken: dict[str, str] = {}
    for code, one in organisations.items():
        place = places[code]
        if regions and one.region and one.jurisdiction == "fr" and one.region not in regions:
            problems.add(place, f"region '{one.region}' is not in mappings/directory/regions.csv")
        if not one.source:
            continue
        if one.source not in folders:
            problems.unknown(place, "{} is not a folder of mappings/sources", one.source, folders)
        if one.source in spoken:
            problems.add(place, f"source '{one.source}' speaks for '{spoken[one.source]}' already")
        spoken[one.source] = code


def check_pathways(pathways: Mapping[str, Pathway], nodes: Mapping[str, Node], problems: Problems) -> None:
    """Follow-ups and windows have names of their own."""
    for name, pathway in pathways.items():
        expects = nodes[name].at("expects")
        _told_once([one.follow_up for one in pathway.expects], expects, "follow_up", problems)
        for place, one in enumerate(pathway.expects):
            _told_once([window.name for window in one.windows], expects.at(place, "windows"), "name", problems)


def _told_once(names: list[str], items: Node, key: str, problems: Problems) -> None:
    for place, name in enumerate(names):
        if name in names[:place]:
            problems.add(items.at(place, key).place, f"`{key}: {name}` is written twice")


def check_local_systems(folders: Mapping[str, SourceFolder], naming: Mapping[str, str], problems: Problems) -> None:
    """A local system of numbers belongs to one source; one that several speak of is in fhir/naming_systems.yaml."""
    shared = {uri: name for name, uri in naming.items()}
    owned: dict[str, str] = {}
    for folder_name, folder in folders.items():
        for name, system in folder.source.identifiers.items():
            place = folder.lines.of_source("identifiers", name, "system")
            if name in naming:
                problems.add(place, f"`{name}` is already a name of fhir/naming_systems.yaml")
            elif system.system in shared:
                problems.add(place, f"this system is already `{shared[system.system]}` of fhir/naming_systems.yaml")
            elif owned.setdefault(system.system, folder_name) != folder_name:
                problems.add(
                    place,
                    f"source '{owned[system.system]}' declares this system too; what several sources speak of belongs "
                    "in fhir/naming_systems.yaml",
                )


def check_establishments(folders: Mapping[str, SourceFolder], problems: Problems) -> None:
    """Two sources are two establishments: a FINESS number names one."""
    owned: dict[str, str] = {}
    for name, folder in folders.items():
        number = folder.source.organisation.finess
        if not number:
            continue
        place = folder.lines.of_source("organisation", "finess")
        if owned.setdefault(number, str(place)) != str(place):
            problems.add(
                place,
                f"`finess: {number}` is already that of {owned[number]}; source '{name}' wants the number of its own "
                "establishment",
            )
