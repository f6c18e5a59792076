"""What is stored: keys, the sealed vault, the lake, the ledger, and the sums over all of them."""
