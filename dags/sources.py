"""One DAG per source folder: land, check, map, validate. Only names travel between tasks."""

import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow.sdk import DAG, Asset, Connection, Param, task
from airflow.sdk.exceptions import AirflowFailException
from croniter import croniter

from passerelle.contracts.schedule import TIME_ZONE, list_source_names, read_schedule
from passerelle.errors import ContractError
from passerelle.settings import JURISDICTIONS

HOME = Path(os.environ.get("PASSERELLE_HOME", "."))
JURISDICTION = os.environ.get("PASSERELLE_JURISDICTION", "fr")
STAGES = ("land", "check", "map", "validate")
PARAMS = {
    "since": Param(None, type=["null", "string"], description="Window from (ISO), with mode `window`."),
    "until": Param(None, type=["null", "string"], description="Window up to (ISO), with mode `window`."),
    "as_of": Param(None, type=["null", "string"], description="The only clock that reaches data."),
    "mode": Param("incremental", enum=["incremental", "window", "replay"]),
}
RETRIES = {  # of what is unavailable, for about twenty minutes; everything else fails at once
    "retries": 8,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=5),
}


def _zone(name: str) -> ZoneInfo:
    """The zone that the schedule is written in; an unknown one is the contract's problem, said by its first task."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(TIME_ZONE)


def source_dag(name: str) -> DAG | None:
    """The DAG of one folder; a folder that cannot be read gets one whose first task says why."""
    told, doubt = None, None
    try:
        told = read_schedule(HOME, name)
    except ContractError as wrong:
        doubt = str(wrong)
    if told is not None and told.jurisdiction in JURISDICTIONS and told.jurisdiction != JURISDICTION:
        return None
    if told is not None and not croniter.is_valid(told.schedule):
        doubt = f"mappings/sources/{name}/source.yaml: `schedule` is not five fields of cron"
    with DAG(
        dag_id="source_" + re.sub(r"[^A-Za-z0-9_.-]", "_", name),
        description=told.says if told else "The contract of this source cannot be read.",
        schedule=told.schedule if told and not doubt else None,
        start_date=datetime(2025, 1, 1, tzinfo=_zone(told.time_zone if told else TIME_ZONE)),  # any day long gone
        catchup=False,
        max_active_runs=1,
        params=PARAMS,
        default_args=RETRIES,
        tags=["passerelle", "source"],
    ) as dag:
        before = None
        for stage in STAGES:
            outlets = [Asset(f"passerelle://published/{quote(name)}")] if stage == "validate" else []

            @task(task_id=stage, outlets=outlets)
            def run_stage(stage: str, **context: object) -> None:
                from passerelle.pipeline.scheduled import Final, run_source_stage  # heavy: not while this is parsed

                try:
                    run_source_stage(name, stage, context, Connection.get, doubt)
                except Final as told:
                    raise AirflowFailException(str(told)) from None

            step = run_stage(stage)
            if before is not None:
                before >> step
            before = step
    return dag


for _name in list_source_names(HOME):
    _dag = source_dag(_name)
    if _dag is not None:
        globals()[_dag.dag_id] = _dag
