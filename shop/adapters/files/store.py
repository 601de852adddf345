"""Bytes by name, kept outside of the database: a folder, an S3-compatible store, or memory."""

from typing import ClassVar, Protocol

from shop.core.errors import NotFound, Problem


class FilesUnavailable(Problem):
    """The store does not answer. What was being written may be written again: the same name means the same bytes."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "files_unavailable"
    title: ClassVar[str] = "文件库暂时没有响应，请稍后再试"


class FileMissing(NotFound):
    """The name is known, its bytes are gone: somebody must look for a backup."""

    code: ClassVar[str] = "file_missing"
    title: ClassVar[str] = "文件不在文件库里"


class FileStore(Protocol):
    """No call may stand inside a database transaction. Every call may raise FilesUnavailable."""

    async def put(self, name: str, data: bytes) -> None:
        """Write all of it or nothing. Again under the same name: the later bytes stand."""

    async def get(self, name: str) -> bytes:
        """Raises FileMissing."""
