"""Small files as people bring them (`tests/cases`), with a test's own values where they have a name in braces."""

import io
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

CASES = Path(__file__).parents[1] / "cases"


def case(name: str, **values: str) -> bytes:
    """The file's bytes in its own encoding; in a workbook every part is filled in."""
    data = (CASES / name).read_bytes()
    if not data.startswith(b"PK"):
        return _filled(data, values, "utf-8" if _is_utf8(data) else "gb18030")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as book, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as filled:
        for part in book.infolist():
            filled.writestr(part.filename, _filled(book.read(part), {k: escape(v) for k, v in values.items()}, "utf-8"))
    return out.getvalue()


def _filled(data: bytes, values: dict[str, str], encoding: str) -> bytes:
    for name, value in values.items():
        data = data.replace(f"{{{name}}}".encode(), value.encode(encoding))
    return data


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
