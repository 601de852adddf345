"""Producers, suppliers and recognitions."""

from collections.abc import Sequence

from catalog.producer.add_producer import NewProducer, add_producers
from catalog.producer.add_supplier import NewSupplier, add_suppliers
from catalog.product.add_recognition import NewRecognition, add_recognitions
from catalog.product.touch import touch_producers
from catalog.upload.kind import Column, Kind, Layout, Saving
from catalog.upload.kinds.county import FIRST, SOURCE
from shop.core.database import WriteSession
from shop.sheet.cells import Cells

PRODUCER_KINDS = {
    "合作社": "cooperative",
    "龙头企业": "leading_enterprise",
    "家庭农场": "family_farm",
    "其他": "other",
}


def _producer(cells: Cells) -> NewProducer:
    return NewProducer(
        name=cells.text("name"),
        kind=cells.choice("kind", PRODUCER_KINDS),
        county_code=cells.county("county_code"),
        source=cells.text("source"),
        confirmed=cells.flag("confirmed"),
    )


async def _save_producers(session: WriteSession, rows: Sequence[NewProducer], saving: Saving) -> None:
    changed = await add_producers(session, producers=rows, now=saving.now)
    await touch_producers(session, changed, now=saving.now)


def _supplier(cells: Cells) -> NewSupplier:
    code = cells.maybe_code("credit_code")
    if code is not None and (len(code) != 18 or not code.isascii() or not code.isalnum()):
        cells.wrong("credit_code", "统一社会信用代码是 18 位字母和数字")
    return NewSupplier(cells.text("name"), code and code.upper(), cells.flag("fictitious"))


async def _save_suppliers(session: WriteSession, rows: Sequence[NewSupplier], saving: Saving) -> None:
    await add_suppliers(session, suppliers=rows, now=saving.now)


def _recognition(cells: Cells) -> NewRecognition:
    cells.window("valid_from", "valid_to")
    return NewRecognition(
        product_code=cells.code("product_code"),
        number=cells.code("number"),
        issuer=cells.text("issuer"),
        valid_from=cells.day("valid_from"),
        valid_to=cells.day("valid_to"),
        source=cells.text("source"),
    )


async def _save_recognitions(session: WriteSession, rows: Sequence[NewRecognition], saving: Saving) -> None:
    await add_recognitions(session, actor_id=saving.actor_id, recognitions=rows, now=saving.now)


PRODUCERS = Kind(
    "producers",
    "生产者",
    (
        Layout(
            (
                Column("name", "名称", "示例种植专业合作社（虚构）"),
                Column("kind", "类型", "合作社"),
                Column("county_code", "县代码", "620623"),
                Column("confirmed", "已核实", "否", needed=False),
                SOURCE,
            ),
            _producer,
        ),
    ),
    _save_producers,
    key=lambda row: row.name,
)
SUPPLIERS = Kind(
    "suppliers",
    "供应商",
    (
        Layout(
            (
                Column("name", "名称", "示例供应商（虚构）"),
                Column("credit_code", "统一社会信用代码", "", needed=False),
                Column("fictitious", "虚构", "是", needed=False),
            ),
            _supplier,
        ),
    ),
    _save_suppliers,
    key=lambda row: row.name,
)
RECOGNITIONS = Kind(
    "recognitions",
    "产品认定",
    (
        Layout(
            (
                Column("product_code", "商品编号", "SP001"),
                Column("number", "认定编号", "RD-2024-0001（虚构）"),
                Column("issuer", "认定机构", "示例县农业农村局（虚构）"),
                FIRST,
                Column("valid_to", "结束日期（不含）", "2028-01-01"),
                SOURCE,
            ),
            _recognition,
        ),
    ),
    _save_recognitions,
    key=lambda row: row.number,
)
