"""`passerelle validate`: is this FHIR R4, and if not, where and what to do."""

from pathlib import Path
from typing import Annotated

import typer

from passerelle.cli.output import print_json, say
from passerelle.sentences import LANGUAGES

Files = Annotated[
    list[Path],
    typer.Argument(
        exists=True, dir_okay=False, readable=True, show_default=False, help="JSON or NDJSON files of FHIR resources."
    ),
]
Language = Annotated[str, typer.Option(help=f"Language of the sentences: {' or '.join(LANGUAGES)}.")]
AsJson = Annotated[bool, typer.Option("--json", help="One OperationOutcome per file, as a JSON list.")]


def add_to(app: typer.Typer) -> None:
    """The application has the command `validate`."""
    app.command("validate")(validate)


def validate(files: Files, language: Language = "en", *, as_json: AsJson = False) -> None:
    """Judge files of FHIR R4 4.0.1 resources: any type, bundles and contained resources included.

    For each problem: file, line, path, and what to do. Codes outside an extensible binding are warnings. Of a type some
    of whose base rules are not judged, that is said once, as an information. Ends with 1 when there is an error.
    """
    from passerelle.structure import structure
    from passerelle.structure.files import Found, outcome, read_file
    from passerelle.structure.telling import tell, tell_valid, texts_of

    valid = tell_valid(language)
    judged = structure()
    resources, counts = 0, {"error": 0, "warning": 0, "information": 0}
    outcomes = []
    told: set[str] = set()
    for path in files:
        said: list[tuple[Found, str]] = []
        for found in read_file(path, judged, None if as_json else told):
            if found.problem is None:
                resources += 1
                continue
            counts[found.problem.severity] += 1
            sentence = tell(found.problem, language)
            if as_json:
                said.append((found, sentence))
            else:
                at = f" {found.problem.path}" if found.problem.path else ""
                typer.echo(f"{path}:{found.line}: {found.problem.severity}{at}: {sentence}")
        if as_json:
            outcomes.append(outcome(str(path), said, valid))
    if as_json:
        print_json(outcomes)
    words = texts_of(language)["totals"]
    numbers = {"file": len(files), "resource": resources, "error": counts["error"], "warning": counts["warning"]}
    totals = {name: f"{number} {words[name][number not in words['single']]}" for name, number in numbers.items()}
    say("{file}, {resource}{colon} {error}, {warning}".format(**totals, colon=words["colon"]))
    if counts["error"]:
        raise typer.Exit(1)
