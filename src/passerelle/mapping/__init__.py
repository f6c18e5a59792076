"""Map: a record becomes FHIR resources, or a refusal. Never a guess.

A mapping is compiled once into a plan (`compiling`), the plan into Python: one function that builds trees (`emitting`)
and one that writes what was right before as text (`rendering`, `texts`), between which `learning` stands (decision
0008). What a field says in FHIR is settled by its column's type (`converting`), the fixed table of complex types
(`expanding`), and rules (`rules`).
"""
