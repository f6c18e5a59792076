"""FHIR packages that tests read, outside the repository: in $PASSERELLE_SHARED, else beside the checkout."""

import os
import tarfile
from pathlib import Path
from typing import Any

import orjson
import pytest

FR_CORE = "hl7.fhir.fr.core-2.2.0.tgz"


def examples(package: str = FR_CORE) -> dict[str, dict[str, Any]]:
    """The examples of the package by file name; the test is skipped when the package is not there."""
    roots = [Path(os.environ[name]) for name in ("PASSERELLE_SHARED",) if name in os.environ]
    roots.append(Path(__file__).resolve().parents[2] / "shared")
    found = next(
        (root / "fhir-packages" / package for root in roots if (root / "fhir-packages" / package).exists()), None
    )
    if found is None:
        pytest.skip(f"wanted: fhir-packages/{package} under PASSERELLE_SHARED, or under ../shared")
    with tarfile.open(found) as archive:
        return {
            Path(member.name).name: orjson.loads(archive.extractfile(member).read())
            for member in archive
            if "/example/" in member.name and member.name.endswith(".json")
        }
