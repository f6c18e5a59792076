"""Stages in their order: a source from its door to the view, the territory from the view to its recipients."""
