"""What a route may ask of the running application."""

from typing import Annotated

from fastapi import Depends, Request

from shop.core.database import Database
from shop.core.keys import Keys
from shop.core.settings import Settings


def database_of(request: Request) -> Database:
    opened: Database = request.app.state.database
    return opened


def settings_of(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


def keys_of_the_shop(request: Request) -> Keys:
    found: Keys = request.app.state.keys
    return found


TheDatabase = Annotated[Database, Depends(database_of)]
TheSettings = Annotated[Settings, Depends(settings_of)]
TheKeys = Annotated[Keys, Depends(keys_of_the_shop)]
