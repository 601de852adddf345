"""What a file is, by what is in it: its name and the type a browser states are not believed. Pure."""

import io
import zipfile
from typing import ClassVar, Final

from orders.evidence.xml import XmlRefused, read_xml
from shop.core.errors import Problem
from shop.sheet.decode import text_of
from shop.sheet.read import ROWS_ABOVE_MAX, SEPARATORS
from shop.sheet.refused import NotATable

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PARTS_MAX: Final = 5_000
_UNPACKED_MAX: Final = 256 * 1024 * 1024
_HEADER_WITHIN: Final = ROWS_ABOVE_MAX
"""Lines of a csv."""
_RUNS_IN_A_BROWSER: Final = frozenset({"html", "svg", "script", "xsl", "stylesheet"})
EXTENSIONS: Final = {
    "application/pdf": "pdf",
    "application/ofd": "ofd",
    "application/xml": "xml",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "text/csv": "csv",
    XLSX: "xlsx",
}


class KindRefused(Problem):
    status: ClassVar[int] = 415
    code: ClassVar[str] = "evidence_kind_refused"
    title: ClassVar[str] = "不接受这种文件"


def sniff(data: bytes) -> str:
    """The media type, one of EXTENSIONS. Raises KindRefused, saying what would be taken."""
    found = _picture(data) or _packed(data) or _text(data)
    if data.startswith(b"%PDF-") and b"%%EOF" in data[-2048:]:
        found = "application/pdf"
    if found is None:
        raise KindRefused("请上传 PDF、OFD、XML、JPEG、PNG、WebP、csv 或 xlsx 文件；内容必须与格式相符且完整。")
    return found


def _picture(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff") and data.rstrip(b"\0").endswith(b"\xff\xd9"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR") and data.endswith(b"IEND\xaeB`\x82"):
        return "image/png"
    size = int.from_bytes(data[4:8], "little") + 8
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP" and len(data) in (size, size + size % 2):
        return "image/webp"
    return None


def _packed(data: bytes) -> str | None:
    """An xlsx or an OFD, by the parts that each must have; a bomb is refused by what it says it unpacks to."""
    if not data.startswith(b"PK\x03\x04"):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as error:
        raise KindRefused("压缩包已损坏，请重新导出后再上传。") from error
    if len(parts) > _PARTS_MAX or sum(part.file_size for part in parts) > _UNPACKED_MAX:
        raise KindRefused("文件解压后太大，不予保存。")
    names = {part.filename for part in parts}
    if {"[Content_Types].xml", "xl/workbook.xml"} <= names and "xl/vbaProject.bin" not in names:
        return XLSX
    return "application/ofd" if "OFD.xml" in names else None


def _text(data: bytes) -> str | None:
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        try:
            root = read_xml(data)
        except XmlRefused as error:
            raise KindRefused(error.detail) from error
        return None if root.tag.rpartition("}")[2].lower() in _RUNS_IN_A_BROWSER else "application/xml"
    try:
        content = text_of(data)
    except NotATable:
        return None
    return "text/csv" if any(mark in line for line in _top(content) for mark in SEPARATORS) else None


def _top(content: str) -> list[str]:
    """Banks write a title and the account above a table's header."""
    return content.split("\n", _HEADER_WITHIN)[:_HEADER_WITHIN]
