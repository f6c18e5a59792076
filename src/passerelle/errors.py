"""What passerelle raises on purpose, sorted by who must act.

PasserelleError
├── DataJudgedBad     the data's owner: too much was stopped       exit 1
├── UsageError        whoever typed the command                    exit 2
├── ContractError     whoever edited a file: all problems at once  exit 3
├── Unavailable       nobody: try again later                      exit 4
├── BrokenPromise     us: our own sums do not add up               exit 5
└── RefusedForGood    an operator: trying again will not help      exit 6

A record that cannot go on is not an error. It is a `records.Stop`, a value.
No text of these errors ever holds a value of a person.
"""

from collections.abc import Sequence


class PasserelleError(Exception):
    """Something passerelle says on purpose; `exit_code` is what the command line answers."""

    exit_code = 5


class DataJudgedBad(PasserelleError):
    """The data was read and judged not good enough to go on."""

    exit_code = 1


class UsageError(PasserelleError):
    """The command was not understood."""

    exit_code = 2


class ContractError(PasserelleError):
    """One or more contract files are wrong. `problems` has one sentence each, with file and line."""

    exit_code = 3

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the contracts"
        super().__init__("\n  ".join([head, *self.problems]))


class Unavailable(PasserelleError):
    """The outside is away or busy. The same call may go through later."""

    exit_code = 4


class BrokenPromise(PasserelleError):
    """A promise of ours is broken: sums, hashes or files do not agree."""

    exit_code = 5


class RefusedForGood(PasserelleError):
    """The outside said no, and will say it again."""

    exit_code = 6
