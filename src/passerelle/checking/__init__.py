"""Does the source's contract hold, record by record and for the whole batch?

Partitions are judged apart (`check_partition`), in any process; the batch is judged once from their verdicts
(`judge_batch`). Nothing here reads a file or writes one.
"""

from passerelle.checking.asking import Asked, compile_expectations
from passerelle.checking.batches import BatchVerdict, Breach, judge_batch
from passerelle.checking.partitions import PartitionVerdict, Sum, check_partition
from passerelle.checking.stage import check_batch

__all__ = [
    "Asked",
    "BatchVerdict",
    "Breach",
    "PartitionVerdict",
    "Sum",
    "check_batch",
    "check_partition",
    "compile_expectations",
    "judge_batch",
]
