"""Link, deliver and report, after any source was published; one run at a time takes whatever is there."""

import os
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from pathlib import Path

from airflow.sdk import DAG, Asset, Param, task
from airflow.sdk.exceptions import AirflowFailException

from passerelle.contracts.schedule import list_source_names
from passerelle.errors import PasserelleError, Unavailable

HOME = Path(os.environ.get("PASSERELLE_HOME", "."))
PUBLISHED = [Asset(f"passerelle://published/{name}") for name in list_source_names(HOME)]

with DAG(
    dag_id="territory",
    description="Persons, follow-ups and exports of everything that is published.",
    schedule=reduce(or_, PUBLISHED) if PUBLISHED else None,
    start_date=datetime(2025, 1, 1),  # noqa: DTZ001 - a day before anything; never a date of data
    catchup=False,
    max_active_runs=1,
    params={"as_of": Param(None, type=["null", "string"], description="The only clock that reaches data.")},
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    tags=["passerelle", "territory"],
) as dag:

    @task
    def carry(**context: object) -> None:
        """Link, deliver and report, of one cut: three stages, each of which finds what is left to do."""
        from passerelle.pipeline.scheduled import run_territory_once

        try:
            run_territory_once(context)
        except Unavailable:
            raise  # may go through later: retried
        except PasserelleError as told:
            raise AirflowFailException(f"exit code {told.exit_code}: {told}") from None

    carry()
