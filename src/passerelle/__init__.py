"""Passerelle: the data gateway between the doors of the care system."""

__version__ = "0.1.0"
