"""What came and was left aside, as tables: columns nobody reads, codes nobody listed, codes that never came."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from passerelle.cli.output import print_table

if TYPE_CHECKING:
    from passerelle.reporting.summary import Unused


def print_left_aside(unused: Mapping[str, "Unused"]) -> None:
    """Per source: columns and codes with how often they came, then the codes of each list that never did."""
    came = [(source, *row) for source, one in unused.items() for row in _came(one)]
    print_table("Left aside", ("source", "what", "table or list", "column or code", "records"), came)
    never = [
        (source, name, len(codes), " ".join(codes))
        for source, one in unused.items()
        for name, codes in one.never_met.items()
    ]
    print_table("Codes that never came", ("source", "list", "how many", "codes"), never)


def _came(one: "Unused") -> list[tuple[str, str, str, int]]:
    return [
        *(("column no mapping reads", *row) for row in one.unread),
        *(("column not in the contract", *row) for row in one.undeclared),
        *(("column declared unread", *row) for row in one.set_aside),
        *(("code not listed", name, code or "(written otherwise)", count) for name, code, count in one.unlisted),
    ]
