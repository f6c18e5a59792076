"""What all tests of Airflow need: Airflow."""

import dag_reading
import pytest


@pytest.fixture(scope="session", autouse=True)
def _airflow_is_there(request):
    """Without Airflow its tests are skipped, and fail where they were asked for."""
    if not dag_reading.has_airflow():
        wanted = dag_reading.wants_airflow(request.config.option.markexpr)
        (pytest.fail if wanted else pytest.skip)(dag_reading.NO_AIRFLOW)
