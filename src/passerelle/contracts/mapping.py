"""`<table>.yaml` of a source or standard: which resources a table becomes, field by field."""

import re
from typing import Any, Literal

from pydantic import Field, model_validator

from passerelle.contracts.model import Contract
from passerelle.contracts.source import Name

_PATH = re.compile(r"[A-Z][A-Za-z]+(\.[a-z][A-Za-z0-9]*(\[[A-Za-z][A-Za-z0-9_-]*\])?)+")
_INDEX = re.compile(r"\[[0-9]+\]")


class FieldLine(Contract):
    """One element of the resource, and its one origin."""

    to: str = Field(description="FHIR path: Patient.identifier[ins].value. The bracket is a label, never an index.")
    column: str | None = Field(None, description="Column, `parent.column`, or `repeat.field` inside `each`.")
    columns: tuple[str, ...] | None = Field(None, description="Several columns; a rule makes one value of them.")
    constant: Any = Field(None, description="The same value for all: a scalar, or a complex type as FHIR JSON.")
    refers: str | None = Field(None, description="Label of the resource referred to, `organisation` or `unit`.")
    key: tuple[str, ...] = Field((), description="With `refers`: the columns that name what is referred to.")
    each: str | None = Field(None, description="One array element per occurrence of this repetition.")
    only: dict[str, str] = Field(default_factory=dict, description="Only occurrences whose field equals the constant.")
    rule: str | None = Field(None, description="Name of a rule, when the value wants thinking.")
    codes: str | None = Field(None, description="Code list: codes/<name>.csv of the source, else mappings/codes.")
    system: str | None = Field(None, description="System of an identifier or of the source's own code: name or URI.")
    keep: Literal["source"] | None = Field(None, description="Keep the source's coding beside the mapped one.")
    missing: Literal["stop", "omit", "absent-reason"] = Field("stop", description="What a missing value does.")
    because: str | None = Field(None, description="Why the line is as it is, when a reader would wonder.")
    drop: bool = Field(False, description="With `extends`: the standard's line of this `to` is left out.")

    @model_validator(mode="after")
    def _has_one_origin(self) -> "FieldLine":
        if _INDEX.search(self.to):
            raise ValueError(f"'{self.to}' has an index; the bracket is a label, for example [official]")
        if not _PATH.fullmatch(self.to):
            raise ValueError(f"'{self.to}' is not a path such as Patient.identifier[ins].value")
        if self.drop:
            return self
        origins = (self.column, self.columns, self.constant, self.refers)
        if sum(origin is not None for origin in origins) != 1:
            raise ValueError(f"'{self.to}' wants exactly one of column, columns, constant, refers")
        if self.key and self.refers is None:
            raise ValueError(f"'{self.to}' has a `key` without `refers`")
        if self.columns is not None and self.rule is None:
            raise ValueError(f"'{self.to}' reads several columns and wants a `rule` that makes one value of them")
        if self.keep and not (self.codes and self.system):
            raise ValueError(f"'{self.to}' keeps the source's code, which wants `codes` and the `system` of the source")
        if self.constant is not None and (self.rule or self.codes):
            raise ValueError(f"'{self.to}' is constant and takes neither `rule` nor `codes`")
        return self


class Present(Contract):
    """The resource is emitted only when this origin gives a value after its code list."""

    column: str = Field(description="The column that decides.")
    codes: str | None = Field(None, description="Code list; a code whose target is `-` means: do not emit.")


class Emit(Contract):
    """One resource that a record becomes, or one per occurrence of a repetition."""

    resource: str = Field(description="FHIR type.")
    as_: Name = Field(alias="as", description="Label, written by one mapping of the source only.")
    key: tuple[str, ...] = Field(min_length=1, description="Columns whose values make its id.")
    present: str | Present | None = Field(None, description="Emitted only when this column gives a value.")
    each: str | None = Field(None, description="One resource per occurrence of this repetition.")
    only: dict[str, str] = Field(default_factory=dict, description="Only occurrences whose field equals the constant.")
    fields: tuple[FieldLine, ...] = Field(min_length=1, description="Its elements, in the order they are written.")
    because: str | None = Field(None, description="Why the resource is as it is, when a reader would wonder.")
    drop: bool = Field(False, description="With `extends`: the standard's resource of this label is left out.")


class MappingFile(Contract):
    """What one table, or one fold of a message stream, means in FHIR."""

    mapping: Name = Field(description="The mapping's name, once in a source.")
    version: int = Field(ge=1, description="Raised when the meaning changes.")
    says: str = Field(description="What the mapping makes of the table, in one sentence.")
    reads: Name = Field(description="The table.")
    fold: Name | None = Field(None, description="The fold of the table's messages that is read.")
    extends: str | None = Field(None, description="standard/mapping whose emits and fields this file changes.")
    emits: tuple[Emit, ...] = Field(min_length=1, description="The resources a record becomes.")
