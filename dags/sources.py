"""One DAG per source folder: land, check, map, validate. Only names travel between tasks."""

import os
from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, Asset, Connection, Param, task
from airflow.sdk.exceptions import AirflowFailException

from passerelle.contracts.schedule import list_source_names, read_schedule
from passerelle.errors import ContractError, PasserelleError, Unavailable

HOME = Path(os.environ.get("PASSERELLE_HOME", "."))
JURISDICTION = os.environ.get("PASSERELLE_JURISDICTION", "fr")
STAGES = ("land", "check", "map", "validate")
PARAMS = {
    "since": Param(None, type=["null", "string"], description="Window from (ISO), with mode `window`."),
    "until": Param(None, type=["null", "string"], description="Window up to (ISO), with mode `window`."),
    "as_of": Param(None, type=["null", "string"], description="The only clock that reaches data."),
    "mode": Param("incremental", enum=["incremental", "window", "replay"]),
}


def source_dag(name: str) -> DAG | None:
    """The DAG of one folder; a folder that cannot be read gets one whose first task says why."""
    try:
        told = read_schedule(HOME, name)
    except ContractError:
        told = None
    if told is not None and told.jurisdiction != JURISDICTION:
        return None
    with DAG(
        dag_id=f"source_{name}",
        description=told.says if told else "The contract of this source cannot be read.",
        schedule=told.schedule if told else None,
        start_date=datetime(2025, 1, 1),  # noqa: DTZ001 - a day before anything; never a date of data
        catchup=False,
        max_active_runs=1,
        params=PARAMS,
        default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
        tags=["passerelle", "source"],
    ) as dag:
        before = None
        for stage in STAGES:
            outlets = [Asset(f"passerelle://published/{name}")] if stage == "validate" else []

            @task(task_id=stage, outlets=outlets)
            def run_stage(stage: str, **context: object) -> None:
                from passerelle.pipeline.scheduled import run_source_stage  # heavy: not while the scheduler reads this

                try:
                    run_source_stage(name, stage, context, Connection.get)
                except Unavailable:
                    raise  # may go through later: retried
                except PasserelleError as told:
                    raise AirflowFailException(f"exit code {told.exit_code}: {told}") from None

            step = run_stage(stage)
            if before is not None:
                before >> step
            before = step
    return dag


for _name in list_source_names(HOME):
    _dag = source_dag(_name)
    if _dag is not None:
        globals()[_dag.dag_id] = _dag
