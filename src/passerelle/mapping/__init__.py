"""Map: a record becomes FHIR resources, or a refusal. Never a guess.

A mapping is compiled once into a plan (`compiling`), the plan into Python (`emitting`). What a field says in FHIR is
settled by its column's type (`converting`), the fixed table of complex types (`expanding`), and rules (`rules`).
"""
