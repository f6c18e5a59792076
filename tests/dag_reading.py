"""Reads the DAG files in a fresh interpreter, as Airflow would, and calls tasks there. Airflow stays out of pytest's.

As a script: `python dag_reading.py`, with a JSON list of [what, ...] on stdin and a JSON list of answers on stdout.
"""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
DAGS = ROOT / "dags"
NO_AIRFLOW = "apache-airflow is not installed: pip install 'passerelle[airflow]'"


def has_airflow():
    """True if Airflow is installed. It is not imported to find out; a folder that is called so is no package."""
    found = find_spec("airflow")
    return found is not None and found.origin is not None


def wants_airflow(marks):
    """True if the tests of Airflow were asked for by `-m`, or run in CI: then they fail without it."""
    return os.environ.get("CI") == "true" or re.search(r"(?<!not )\bairflow\b", marks) is not None


def ask(airflow_home, *questions, **environment):
    """The answers to the questions: ("bag", house), ("imports",) or ("call", dag, task, environment)."""
    asked = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PASSERELLE_"))},
            "AIRFLOW_HOME": str(airflow_home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PASSERELLE_HOME": str(ROOT),
            **environment,
        },
    )
    assert asked.returncode == 0, asked.stderr
    return json.loads(asked.stdout.splitlines()[-1])


def bag(house):
    """What Airflow reads out of the DAG files, for a house: errors, and each DAG in plain values."""
    from airflow.dag_processing.dagbag import DagBag

    os.environ["PASSERELLE_HOME"] = house
    read = DagBag(dag_folder=str(DAGS))
    return {"errors": read.import_errors, "dags": {name: plain(dag) for name, dag in sorted(read.dags.items())}}


def plain(dag):
    waits_for = dag.timetable.asset_condition
    return {
        "description": dag.description,
        "tasks": {task.task_id: sorted(task.downstream_task_ids) for task in dag.topological_sort()},
        "order": [task.task_id for task in dag.topological_sort()],
        "gives": sorted(one.uri for task in dag.tasks for one in task.outlets),
        "takes": sorted(one.uri for one in waits_for.objects) if waits_for else [],
        "cron": getattr(dag.timetable, "expression", None),
        "zone": str(getattr(dag.timetable, "timezone", "")),
        "catchup": dag.catchup,
        "at once": dag.max_active_runs,
        "retries": sorted({task.retries for task in dag.tasks}),
        "first wait": sorted({task.retry_delay.total_seconds() for task in dag.tasks}),
        "params": sorted(dag.params),
    }


def imports():
    """The modules there are after sources.py was imported."""
    sys.path.insert(0, str(DAGS))
    import sources

    assert sources.HOME == Path(os.environ["PASSERELLE_HOME"])
    return sorted(sys.modules)


def call(dag, task, environment):
    """What the task's function raises: class, text, and whether a cause or context would be shown with it.

    The scheduler that it asks for connections knows none.
    """
    from airflow.dag_processing.dagbag import DagBag

    for name in [name for name in os.environ if name.startswith("PASSERELLE_")]:
        del os.environ[name]
    os.environ.update(environment)
    found = DagBag(dag_folder=str(DAGS)).dags[dag].get_task(task)
    try:
        found.python_callable(*found.op_args, params={}, run_id="by-hand")
    except Exception as told:
        shown = told.__cause__ is not None or not told.__suppress_context__
        return [type(told).__name__ + (" with a cause" if shown else ""), str(told)]
    return ["", ""]


if __name__ == "__main__":
    does = {"bag": bag, "imports": imports, "call": call}
    print(json.dumps([does[what](*rest) for what, *rest in json.load(sys.stdin)]))
