"""What of a resource leaves: the elements that the target may have, without what points to something withheld."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from passerelle.fold.view import Tree, id_in

ALWAYS = ("resourceType", "id")
Reachable = Callable[[bytes], bool]


def kept(tree: Tree, elements: Sequence[str]) -> Tree:
    """A copy with these top-level elements, in the order in which the target lists them, and what extends them."""
    written = {name: tree[name] for name in ALWAYS if name in tree}
    for name in elements:
        for spelled in (name, f"_{name}"):
            if spelled in tree and spelled not in written:
                written[spelled] = tree[spelled]
    return written


def without_dangling(tree: Tree, reaches: Reachable) -> tuple[Tree, bool]:
    """A copy in which no reference leads to something that the recipient does not get; and whether any did.

    A single reference goes alone. An item of a list that holds such a reference goes as a whole: what it says of the
    thing it points to says nothing without it. References by identifier only, or to what is not ours, stay.
    """
    found, changed = _walked(tree, reaches)
    return (found, True) if changed else (tree, False)


_GONE: Any = object()


def _walked(node: Any, reaches: Reachable) -> tuple[Any, bool]:
    if isinstance(node, dict):
        return _object(node, reaches)
    if isinstance(node, list):
        return _list(node, reaches)
    return node, False


def _object(node: Tree, reaches: Reachable) -> tuple[Any, bool]:
    if _dangles(node, reaches):
        return _GONE, True
    written: Tree = {}
    changed = False
    for name, value in node.items():
        found, has_changed = _walked(value, reaches) if isinstance(value, (dict, list)) else (value, False)
        changed = changed or has_changed
        if found is not _GONE:
            written[name] = found
    if changed and not written:
        return _GONE, True
    return (written, True) if changed else (node, False)


def _list(node: list[Any], reaches: Reachable) -> tuple[Any, bool]:
    written = []
    changed = False
    for item in node:
        if isinstance(item, dict) and any(
            isinstance(value, dict) and _dangles(value, reaches) for value in item.values()
        ):
            changed = True
            continue
        found, has_changed = _walked(item, reaches) if isinstance(item, (dict, list)) else (item, False)
        changed = changed or has_changed
        if found is not _GONE:
            written.append(found)
    if changed and not written:
        return _GONE, True
    return (written, True) if changed else (node, False)


def _dangles(node: Tree, reaches: Reachable) -> bool:
    if "reference" not in node:
        return False
    named = id_in(node)
    return named is not None and not reaches(named)


def without_numbers(tree: Tree, is_closed: Callable[[str, str], bool]) -> Tree:
    """A copy without the identifiers (system, value) that are closed, nor the references that are made of one."""
    if not _has_number(tree, is_closed):
        return tree
    found = _without_numbers(tree, is_closed)
    return {} if found is _GONE else dict(found)


def _has_number(tree: Tree, is_closed: Callable[[str, str], bool]) -> bool:
    waiting: list[Any] = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            system, value = one.get("system"), one.get("value")
            if isinstance(system, str) and isinstance(value, str) and is_closed(system, value):
                return True
            waiting += [inner for inner in one.values() if isinstance(inner, (dict, list))]
        else:
            waiting += [inner for inner in one if isinstance(inner, (dict, list))]
    return False


def _without_numbers(node: Any, is_closed: Callable[[str, str], bool]) -> Any:
    if isinstance(node, list):
        left = [found for item in node if (found := _without_numbers(item, is_closed)) is not _GONE]
        return left if left or not node else _GONE
    if not isinstance(node, dict):
        return node
    system, value = node.get("system"), node.get("value")
    if isinstance(system, str) and isinstance(value, str) and is_closed(system, value):
        return _GONE
    written = {}
    for name, inner in node.items():
        found = _without_numbers(inner, is_closed) if isinstance(inner, (dict, list)) else inner
        if found is not _GONE:
            written[name] = found
        elif name == "identifier" and isinstance(inner, dict):
            return _GONE  # a reference by this number, and what it says of it
    return written or _GONE


def references(node: Any) -> set[bytes]:
    """The ids of ours that a resource refers to."""
    found: set[bytes] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            named = id_in(one)
            if named is not None:
                found.add(named)
            waiting += [value for value in one.values() if isinstance(value, (dict, list))]
        elif isinstance(one, list):
            waiting += [value for value in one if isinstance(value, (dict, list))]
    return found


def without_answers(tree: Tree, closed: Collection[str]) -> Tree:
    """A QuestionnaireResponse without the answers of these questions."""
    if not closed or tree.get("resourceType") != "QuestionnaireResponse":
        return tree
    left = _answers(tree.get("item", []), closed)
    rest = {name: value for name, value in tree.items() if name != "item"}
    return {**rest, "item": left} if left else rest


def _answers(listed: list[Tree], closed: Collection[str]) -> list[Tree]:
    return [
        {**one, "item": _answers(one["item"], closed)} if "item" in one else one
        for one in listed
        if one.get("linkId") not in closed
    ]
