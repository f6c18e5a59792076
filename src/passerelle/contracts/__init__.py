"""What people write by hand, as models: sources, mappings, code lists, stories, suites, pathways, targets, the gate.

Reading them is here; compiling them against FHIR is `passerelle.mapping`. This package is imported without its
modules, so that a scheduler can ask for names and schedules without paying for the rest.
"""
