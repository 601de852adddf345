"""`/staff`: where programme staff and auditors begin. Each sees the desks that the own role opens."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Desk:
    """A page and what it is for. needs: the permission that opens it; everywhere: held over all units."""

    address: str
    name: str
    about: str
    needs: Permission
    everywhere: bool = False

    def opens(self, actor: Actor) -> bool:
        return actor.may_everywhere(self.needs) if self.everywhere else actor.may(self.needs)


DESKS: Final = (
    (
        "数字",
        (
            Desk("/staff/reports", "帮扶销售报表", "按县、按月、按单位；可重出、可核对", Permission.REPORT_READ),
            Desk("/staff/balance", "三方核对", "订单、资金、台账对得上吗；哪一笔对不上", Permission.BALANCE_READ),
            Desk("/verify", "封存与核对码", "公钥、最近的封存、凭核对码查报表", Permission.REPORT_READ),
        ),
    ),
    (
        "台账",
        (
            Desk("/staff/corrections", "更正", "申请、第二人审核、冲销重记", Permission.CORRECTION_REQUEST),
            Desk("/staff/periods", "关账", "月份关账与调整期", Permission.PERIOD_CLOSE),
            Desk("/staff/filings", "月度填报", "各分支确认、零报、签字", Permission.FILING_WRITE),
            Desk("/staff/intake", "外部销售", "导入、第二人确认、重复认领", Permission.INTAKE_WRITE),
        ),
    ),
    (
        "商品",
        (
            Desk(
                "/products/reviews",
                "修改审核",
                "上架商品的改价、改名、改产地，两人办理",
                Permission.PRODUCT_WRITE,
                everywhere=True,
            ),
            Desk("/products/import", "导入商品", "先看变化，再保存", Permission.PRODUCT_WRITE, everywhere=True),
        ),
    ),
    (
        "核查",
        (
            Desk("/staff/flags", "疑点", "待核查的信号，两人处理", Permission.FLAG_READ),
            Desk("/staff/rectifications", "整改台账", "责任人、期限、销号", Permission.FLAG_READ),
            Desk("/audit", "审计", "变更记录、抽样、问答、导出登记", Permission.AUDIT_READ),
        ),
    ),
    (
        "资金与单据",
        (
            Desk(
                "/staff/payments", "收退款处理台", "不能结算的款、争议、没退成的退款，两人处理", Permission.PAYMENT_DESK
            ),
            Desk("/staff/bank", "对公转账", "导入流水、匹配、第二人确认", Permission.BANK_IMPORT),
            Desk("/union", "工会采购", "计划、审批、验收、签领", Permission.BULK_READ),
            Desk("/union/rules", "经费规定", "上限、占比、分级，附出处", Permission.RULE_READ),
        ),
    ),
)


@routes.get("/staff")
async def get_staff(
    request: Request, actor: Annotated[Actor, Depends(requires(Permission.REPORT_READ))]
) -> HTMLResponse:
    """The desks of the caller."""
    desks = [(name, [desk for desk in group if desk.opens(actor)]) for name, group in DESKS]
    return render(request, "home/staff.html", desks=[(name, group) for name, group in desks if group])
