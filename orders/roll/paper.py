"""The roll on paper: a page for the hand of each member, with a QR code by which its scan comes back to it."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import segno

from shop.ui.pdf import pdf

PAGE_ROWS: Final = 25
_QR: Final = re.compile(r"/union/purchases/([0-9a-f-]{36})/roll/pages/([0-9]{1,6})\?d=([0-9a-f]{16})$")
_TEMPLATE: Final = """
#set page(numbering: none, margin: (x: 15mm, top: 12mm, bottom: 10mm))
#set text(size: 9.5pt)
#for (n, sheet) in data.sheets.enumerate() {
  if n > 0 { pagebreak() }
  grid(
    columns: (1fr, 24mm), align: (left + top, right + top),
    [
      #text(size: 15pt, weight: "bold")[#data.title 签领表] \\
      #v(1mm)
      #text(size: 11pt)[#sheet.unit　#sheet.department] \\
      采购编号 #data.number　·　第 #sheet.page 页　·　本页 #sheet.rows.len() 人 \\
      #text(size: 8pt, fill: rgb("#555"))[
        本人领取请签名；代领请写代领人姓名；邮寄请写运单号；拒领或联系不上请写明原因。
      ]
    ],
    image(bytes(sheet.qr), format: "svg", width: 24mm),
  )
  v(1mm)
  table(
    columns: if data.packaged { (9mm, 22mm, 24mm, 1fr, 34mm, 36mm, 20mm) } else { (9mm, 24mm, 28mm, 1fr, 46mm, 24mm) },
    rows: 8.6mm, align: horizon, stroke: 0.5pt + rgb("#777"),
    inset: (x: 1.5mm, y: 0.8mm),
    table.header(
      ..if data.packaged { ([序], [工号], [姓名], [套餐], [签名], [代领／运单／原因], [日期]) }
        else { ([序], [工号], [姓名], [签名], [代领／运单／原因], [日期]) }
    ),
    ..for row in sheet.rows {
      let first = ([#row.line], [#row.staff_number], [#row.name])
      if data.packaged { (..first, text(size: 8pt)[#row.package], [], [#row.said], [#row.day]) }
      else { (..first, [], [#row.said], [#row.day]) }
    },
  )
  v(1fr)
  text(size: 8pt, fill: rgb("#555"))[
    发放人：＿＿＿＿＿＿　　监督人：＿＿＿＿＿＿　　日期：＿＿＿＿＿＿　　本页摘要 #sheet.digest
  ]
}
"""


@dataclass(frozen=True, slots=True)
class RollLine:
    """A member's row. package None: not told, since a package of the purchase is private."""

    page: int
    line: int
    person_id: UUID
    staff_number: str | None
    name: str | None
    package: str | None
    outcome: str | None
    proxy_name: str | None
    waybill: str | None
    note: str | None
    signed_on: Any


@dataclass(frozen=True, slots=True)
class Part:
    """A department's rows, page by page."""

    unit: str
    department: str
    lines: Sequence[RollLine]


def page_digest(purchase_id: UUID, page: int, people: Sequence[UUID]) -> str:
    """16 hex digits over who stands on a page, in their order: a scan of another page than ours does not fit."""
    named = "\n".join([str(purchase_id), str(page), *map(str, people)])
    return sha256(named.encode()).hexdigest()[:16]


def qr_text(public_url: str, purchase_id: UUID, page: int, digest: str) -> str:
    """An address, so that a phone that reads it opens the page to which the scan belongs."""
    return f"{public_url.rstrip('/')}/union/purchases/{purchase_id}/roll/pages/{page}?d={digest}"


def read_qr(said: str) -> tuple[UUID, int, str] | None:
    """(purchase, page, digest) of a code's text, or None."""
    found = _QR.search(said.strip())
    if found is None:
        return None
    try:
        return UUID(found[1]), int(found[2]), found[3]
    except ValueError:
        return None


def paper(*, title: str, number: str, purchase_id: UUID, public_url: str, parts: Sequence[Part]) -> bytes:
    """The pages of some departments, each department on pages of its own. Raises ChineseFontMissing."""
    sheets = [sheet for part in parts for sheet in _sheets(part, purchase_id, public_url)]
    packaged = any(line.package for part in parts for line in part.lines)
    return pdf(_TEMPLATE, {"title": title, "number": number, "packaged": packaged, "sheets": sheets})


def _sheets(part: Part, purchase_id: UUID, public_url: str) -> list[dict[str, Any]]:
    pages: dict[int, list[RollLine]] = {}
    for line in part.lines:
        pages.setdefault(line.page, []).append(line)
    made = []
    for page, lines in pages.items():
        digest = page_digest(purchase_id, page, [line.person_id for line in lines])
        made.append(
            {
                "unit": part.unit,
                "department": part.department,
                "page": page,
                "digest": digest,
                "qr": _qr(qr_text(public_url, purchase_id, page, digest)),
                "rows": [_row(line) for line in lines],
            }
        )
    return made


def _row(line: RollLine) -> dict[str, Any]:
    said = {
        "self": "本人已签",
        "proxy": f"代领：{line.proxy_name or ''}",
        "posted": f"邮寄 {line.waybill or ''}",
        "refused": f"拒领 {line.note or ''}",
        "not_reached": f"未联系上 {line.note or ''}",
    }
    return {
        "line": line.line,
        "staff_number": line.staff_number or "",
        "name": line.name or "（已删除）",
        "package": line.package or "",
        "said": said.get(line.outcome or "", ""),
        "day": str(line.signed_on) if line.signed_on else "",
    }


def _qr(content: str) -> str:
    out = io.BytesIO()
    segno.make(content, error="m", micro=False).save(out, kind="svg", border=2, xmldecl=False)
    return out.getvalue().decode()
