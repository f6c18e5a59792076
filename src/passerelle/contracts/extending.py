"""What `extends` means: a standard's tables and mappings with those of a source laid over them, on the written trees."""

from passerelle.contracts.problems import Problems, nearest
from passerelle.contracts.yaml_file import Node, merged

INHERITED = ("identifiers", "tables")


def source_over(standards: list[Node], source: Node) -> Node:
    """The source's tree with what its standards give below it; the later standard lies over the earlier."""
    members = dict(source.members)
    for part in INHERITED:
        layers = [node.members[part] for node in (*standards, source) if part in node.members]
        for layer in layers:
            members[part] = layer if layer is layers[0] else merged(members[part], layer)
        if layers and isinstance(members[part].value, dict):
            kept = {name: node for name, node in members[part].members.items() if node.value is not None}
            members[part] = Node(kept, members[part].file, members[part].line)
    return Node(members, source.file, source.line)


def mapping_over(base: Node, over: Node, problems: Problems) -> Node:
    """The standard's mapping with the source's emits and fields laid over it."""
    members = dict(base.members)
    for key, member in over.members.items():
        if key == "emits":
            members[key] = _listed(base.at("emits"), member, "as", problems)
        elif member.value is None:
            members.pop(key, None)
        else:
            members[key] = member
    return Node(members, over.file, over.line)


def _listed(base: Node, over: Node, name: str, problems: Problems) -> Node:
    """The base's items, each replaced, changed or dropped by the one of the same name; new ones come last."""
    found: dict[str, Node] = {item.text(name) or f"#{place}": item for place, item in enumerate(base.items)}
    for place, item in enumerate(over.items):
        label = item.text(name) or f"##{place}"
        if item.members.get("drop") is not None and item.members["drop"].value is True:
            if label not in found:
                problems.add(item.place, f"`{name}: {label}` is not in the standard{nearest(label, found)}")
            found.pop(label, None)
        elif name == "as" and label in found:
            found[label] = _emit_over(found[label], item, problems)
        else:
            found[label] = item
    return Node(list(found.values()), over.file, over.line)


def _emit_over(base: Node, over: Node, problems: Problems) -> Node:
    members = dict(base.members)
    for key, member in over.members.items():
        if key == "fields":
            members[key] = _listed(base.at("fields"), member, "to", problems)
        elif member.value is None:
            members.pop(key, None)
        else:
            members[key] = member
    return Node(members, over.file, over.line)
