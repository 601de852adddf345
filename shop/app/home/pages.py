"""Help for people, and the list of calls for programs: a plain page, nothing loaded from elsewhere."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)


@routes.get("/help")
async def get_help(request: Request) -> HTMLResponse:
    return render(request, "home/help.html")


@routes.get("/docs")
async def get_docs(request: Request) -> HTMLResponse:
    document = request.app.openapi()
    calls = [
        {"method": method.upper(), "path": path, "tags": operation.get("tags", []), "operation": operation}
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    return render(request, "home/docs.html", calls=calls, version=document["info"]["version"])
