"""What a recipient may have, and nothing else: a full snapshot behind the gate, the same bytes for the same facts."""

from passerelle.delivery.delivering import DeliveryOutcome, deliver

__all__ = ["DeliveryOutcome", "deliver"]
