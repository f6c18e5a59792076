"""The ledger: what happened to every batch and to every item that did not simply pass.

One module per subject, each with plain functions that take a `Transaction`. Nothing here holds a value of a
person in the clear: keys are keyed hashes, checkpoint keys are sealed.
"""

from passerelle.stores.ledger.connection import Ledger, Transaction
from passerelle.stores.ledger.leases import Lease

__all__ = ["Lease", "Ledger", "Transaction"]
