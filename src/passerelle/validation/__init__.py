"""What must hold beyond one record: references point at what stands, rules across resources, publication at once."""

from passerelle.validation.publishing import Projection, publish

__all__ = ["Projection", "publish"]
