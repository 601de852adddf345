"""The store that FILES_URL names: a folder by default, `s3://bucket/prefix`, or `memory:` for tests.

An S3-compatible store is told by the usual variables of its makers: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import obstore
from fastapi import Depends, Request
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, ObjectStore, S3Store

from shop.adapters.files.store import FileMissing, FileStore, FilesUnavailable
from shop.core.settings import AddressWrong, Settings

_TIMEOUT = timedelta(seconds=20)
_RETRIES = 2


class StoredFiles:
    """Any store of the library; which one is the only difference between a folder, S3 and the fake in memory."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, name: str, data: bytes) -> None:
        try:
            await obstore.put_async(self._store, name, data)
        except (BaseError, OSError) as error:
            raise FilesUnavailable("文件没有保存，请稍后再上传一次。") from error

    async def get(self, name: str) -> bytes:
        try:
            found = await obstore.get_async(self._store, name)
            return bytes(await found.bytes_async())
        except FileNotFoundError as error:
            raise FileMissing("请联系管理员从备份中找回。") from error
        except (BaseError, OSError) as error:
            raise FilesUnavailable("文件暂时读不出来，请稍后再试。") from error


def open_files(settings: Settings) -> FileStore:
    """Nothing is asked of the store yet. Raises AddressWrong where FILES_URL is of another kind, or cannot be made."""
    url = settings.files_url or str(settings.data_folder / "files")
    scheme, found, rest = url.partition(":")
    if found and scheme == "s3":
        try:
            store: ObjectStore = S3Store.from_url(
                url,
                client_options={"timeout": _TIMEOUT, "allow_http": not settings.production},
                retry_config={"max_retries": _RETRIES, "retry_timeout": _TIMEOUT},
            )
        except (BaseError, ValueError):
            raise AddressWrong("FILES_URL is written as s3://bucket/prefix") from None
    elif found and scheme == "memory":
        store = MemoryStore()
    elif not found or scheme == "file":
        folder = Path(rest.removeprefix("//") if found else url).absolute()
        try:
            store = LocalStore(prefix=folder, mkdir=True)
        except (BaseError, OSError):
            raise AddressWrong(f"FILES_URL: {folder} is no folder that can be made or written to") from None
    else:
        raise AddressWrong("FILES_URL must be a folder, file:///folder or s3://bucket/prefix")
    return StoredFiles(store)


def files_of(request: Request) -> FileStore:
    opened: FileStore = request.app.state.files
    return opened


TheFiles = Annotated[FileStore, Depends(files_of)]
"""What a route that keeps or reads files declares."""
