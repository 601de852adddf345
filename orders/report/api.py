"""`GET /api/v1/reports/sales`."""

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from orders.report import sheet
from orders.report.bridge import bridge
from orders.report.note_export import note_export
from orders.report.publish import publish
from orders.report.question import PARAMETERS, SECOND_MOMENT, read_moment, read_question
from orders.report.sales import sales
from orders.report.schemas import BridgeOut, SalesOut
from orders.seal.canonical import canonical
from orders.seal.key import seal_key
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.errors import Detail, Invalid
from shop.core.requests import TheDatabase, TheSettings
from shop.sheet.write import CSV_TYPE

routes = APIRouter(prefix="/api/v1", tags=["reports"])


@routes.get(
    "/reports/sales",
    responses={200: {"model": SalesOut, "content": {"text/csv": {"schema": {"type": "string"}}}}},
    openapi_extra={"parameters": list(PARAMETERS)},
    response_model=None,
)
async def get_sales(
    request: Request,
    actor: Annotated[Actor, Depends(requires(Permission.REPORT_READ))],
    database: TheDatabase,
    settings: TheSettings,
) -> Response:
    """What was credited in a period, by the keys asked for, with what was not counted and why.

    `format=csv` gives the same figures in yuan for a spreadsheet. Errors: 404 for a unit outside your reach; 422
    naming each parameter that is wrong.
    """
    question, now = read_question(parameters_of(request)), clock.now()
    report = await sales(database, question, actor=actor, now=now)
    document = await publish(database, report, seal_key(settings), by=actor.user_id, now=now)
    headers = {"cache-control": "private, no-store"}
    if question.format != "json":
        await note_export(database, report, document, actor=actor, now=now)
    if question.format == "csv":
        headers["content-disposition"] = f'attachment; filename="{sheet.file_name(report)}"'
        return StreamingResponse(sheet.chunks(report, document), media_type=CSV_TYPE, headers=headers)
    return Response(canonical(document), media_type="application/json", headers=headers)


@routes.get(
    "/reports/bridge", openapi_extra={"parameters": [*PARAMETERS, SECOND_MOMENT]}, response_model_exclude_unset=True
)
async def get_bridge(
    request: Request, actor: Annotated[Actor, Depends(requires(Permission.REPORT_READ))], database: TheDatabase
) -> BridgeOut:
    """Why a report known at `known_at` and the same one known at `known_at_2` differ, to the fen."""
    asked = parameters_of(request)
    until = read_moment(asked.pop("known_at_2", ""), "known_at_2")
    found = await bridge(database, read_question(asked), until=until, actor=actor, now=clock.now())
    return BridgeOut.model_validate(found.as_json())


def parameters_of(request: Request) -> dict[str, str]:
    """The query as text, without the language of the page. Raises Invalid for a parameter that is there twice."""
    given = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    twice = [name for name, count in Counter(name for name, _ in given).items() if count > 1]
    if twice:
        raise Invalid("同一个条件只能填写一次。", [Detail(f"/{name[:40]}", "repeated", "填写了多次") for name in twice])
    return dict(given)
