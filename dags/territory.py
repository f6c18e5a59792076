"""Link, deliver and report, after any source was published; one run at a time takes whatever is there."""

import os
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from pathlib import Path
from urllib.parse import quote

from airflow.sdk import DAG, Asset, Param, task
from airflow.sdk.exceptions import AirflowFailException

from passerelle.contracts.schedule import list_source_names

HOME = Path(os.environ.get("PASSERELLE_HOME", "."))
PUBLISHED = [Asset(f"passerelle://published/{quote(name)}") for name in list_source_names(HOME)]
RETRIES = {  # of what is unavailable, for about twenty minutes; everything else fails at once
    "retries": 8,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=5),
}

with DAG(
    dag_id="territory",
    description="Persons, follow-ups and exports of everything that is published.",
    schedule=reduce(or_, PUBLISHED) if PUBLISHED else None,
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"as_of": Param(None, type=["null", "string"], description="The only clock that reaches data.")},
    default_args=RETRIES,
    tags=["passerelle", "territory"],
) as dag:

    @task
    def link_deliver_report(**context: object) -> None:
        """One cut of everything published: linked, delivered and reported under one lease, so one task."""
        from passerelle.pipeline.scheduled import Final, run_territory_once  # heavy: not while this is parsed

        try:
            run_territory_once(context)
        except Final as told:
            raise AirflowFailException(str(told)) from None

    link_deliver_report()
