"""A workbook whose cells have number formats: the smallest one of `tests/make/workbook`, with a part for styles."""

import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from tests.make.workbook import cell, workbook

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def row_of(number: int, cells: Sequence[str], more: str = "") -> str:
    """cells: as `cell` writes them; more: attributes of the row."""
    return f'<row r="{number}"{more}>{"".join(cells)}</row>'


def texts(number: int, values: Sequence[str | float]) -> list[str]:
    return [cell(f"{chr(65 + place)}{number}", value) for place, value in enumerate(values)]


def formatted(reference: str, value: object, style: int = 1) -> str:
    return f'<c r="{reference}" s="{style}"><v>{value}</v></c>'


def styled(inside: str, *codes: str) -> bytes:
    """A cell of style 1 has the first of `codes`, and so on; style 0 has none."""
    formats = "".join(f'<numFmt numFmtId="{170 + n}" formatCode={quoteattr(code)}/>' for n, code in enumerate(codes))
    cells = "".join(f'<xf numFmtId="{170 + n}" applyNumberFormat="1"/>' for n in range(len(codes)))
    styles = (
        f'<?xml version="1.0"?><styleSheet xmlns="{_MAIN}"><numFmts count="{len(codes)}">{formats}</numFmts>'
        '<fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders>'
        f'<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="{len(codes) + 1}"><xf numFmtId="0"/>{cells}'
        "</cellXfs></styleSheet>"
    )
    named = f'<Relationship Id="rId9" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(inside))) as made, zipfile.ZipFile(out, "w") as book:
        for part in made.namelist():
            data = made.read(part)
            if part == "xl/_rels/workbook.xml.rels":
                data = data.replace(b"</Relationships>", named.encode())
            book.writestr(part, data)
        book.writestr("xl/styles.xml", styles)
    return out.getvalue()
