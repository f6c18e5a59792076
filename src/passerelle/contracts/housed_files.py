"""The files of a house in memory: read once, so that what is checked, hashed and kept is the same bytes."""

import io
import tarfile
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath

from passerelle.contracts.problems import Place, Problems

FOLDERS = ("mappings", "fhir", "validation")

Files = Mapping[str, bytes]


def read_files(root: Path, problems: Problems) -> dict[str, bytes]:
    """The bytes of every file below mappings/, fhir/ and validation/ by path; hidden files are no contracts."""
    found = {}
    for path in _walked(root):
        relative = path.relative_to(root).as_posix()
        try:
            found[relative] = path.read_bytes()
        except OSError:
            problems.add(Place(relative), "cannot be opened")
    return dict(sorted(found.items()))


def _walked(root: Path) -> Iterable[Path]:
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
            if path.is_file() and not hidden and not path.name.endswith(("~", ".swp", ".tmp")):
                yield path


def folders_in(files: Files, folder: str) -> list[str]:
    """The names of the folders right below a folder."""
    start = f"{folder}/"
    inside = (path.removeprefix(start) for path in files if path.startswith(start))
    return sorted({path.split("/", 1)[0] for path in inside if "/" in path})


def files_in(files: Files, folder: str, suffix: str) -> list[str]:
    """The paths of the files right inside a folder that end so."""
    return [path for path in files if PurePosixPath(path).parent.as_posix() == folder and path.endswith(suffix)]


def stem(path: str) -> str:
    """The file's name without folder and ending."""
    return PurePosixPath(path).stem


def below(files: Files, *starts: str) -> dict[str, bytes]:
    """The files whose path begins with one of these."""
    return {path: body for path, body in sorted(files.items()) if path.startswith(starts)}


def digest_of(files: Files, version: str) -> str:
    """SHA-256 over the version and every path with its bytes, each with its length in front."""
    total = sha256()
    for text in (version.encode(), *(part for path in sorted(files) for part in (path.encode(), files[path]))):
        total.update(len(text).to_bytes(8, "big"))
        total.update(text)
    return total.hexdigest()


def packed(files: Files) -> bytes:
    """One tar of the files: the same files give the same bytes."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(files):
            one = tarfile.TarInfo(path)
            one.size = len(files[path])
            archive.addfile(one, io.BytesIO(files[path]))
    return held.getvalue()


def unpacked(body: bytes) -> dict[str, bytes]:
    """The files of a tar that `packed` wrote."""
    with tarfile.open(fileobj=io.BytesIO(body), mode="r") as archive:
        members = [(one.name, archive.extractfile(one)) for one in archive.getmembers()]
        return {name: member.read() for name, member in members if member is not None}
