"""Of databases and connections."""

import pytest


@pytest.fixture
def own_database() -> bool:
    return True
