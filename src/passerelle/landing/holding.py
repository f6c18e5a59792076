"""The lease of a land: taken, renewed while it works, released."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from passerelle.errors import PasserelleError
from passerelle.stores.ledger import Lease, Ledger, leases

LEASE_SECONDS = 600.0
_RENEW_AFTER = LEASE_SECONDS / 4


class Held:
    """A lease that is ours."""

    def __init__(self, ledger: Ledger, lease: Lease) -> None:
        self.lease = lease
        self._ledger = ledger
        self._renewed = time.monotonic()

    def keep(self) -> None:
        """The lease does not expire while this is called now and then.

        Raises:
            StaleLease: someone took over.
        """
        if time.monotonic() - self._renewed < _RENEW_AFTER:
            return
        self._ledger.in_transaction(lambda tx: leases.renew(tx, self.lease, LEASE_SECONDS))
        self._renewed = time.monotonic()


@contextmanager
def held(ledger: Ledger, name: str, holder: str) -> Iterator[Held]:
    """The lease for the length of the block.

    Raises:
        Unavailable: another holder has it.
    """
    lease = ledger.in_transaction(lambda tx: leases.take(tx, name, holder, LEASE_SECONDS))
    try:
        yield Held(ledger, lease)
    finally:
        with suppress(PasserelleError):  # a lease that cannot be released expires; what was raised counts more
            ledger.in_transaction(lambda tx: leases.release(tx, lease))
