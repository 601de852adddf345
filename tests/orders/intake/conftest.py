"""The desk that takes in sales made elsewhere."""

import pytest
from fastapi import FastAPI

from shop.core.database import Database
from tests.make.intake import IntakeDesk, intake_desk


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> IntakeDesk:
    return await intake_desk(app, database)
