"""Land: what a source has is durable here before it counts as received. Nothing is lost, nothing is there twice."""

from passerelle.landing.running import land

__all__ = ["land"]
