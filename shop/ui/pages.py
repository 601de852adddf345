"""Pages: a template, the request's language, and who is looking."""

from functools import cache, partial

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from shop.ui import filters
from shop.ui.assets import static_url
from shop.ui.i18n import Lang, choose_lang, slice_folders, translations


@cache
def environment(lang: Lang = "zh") -> Environment:
    """The Jinja environment of a language, with the templates of every slice.

    One for each language, so that macros speak it without being handed the context. A name that nobody set is an
    error: a page with a hole in it must fail in a test, not before a buyer.
    """
    made = Environment(
        loader=FileSystemLoader(slice_folders("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.install_gettext_translations(translations(lang), newstyle=True)  # type: ignore[attr-defined]
    made.globals |= {"static_url": static_url, "lang": lang}
    made.filters |= {
        "yuan": filters.yuan,
        "wan": filters.wan,
        "percent": filters.percent,
        "masked_phone": filters.masked_phone,
        "masked_email": filters.masked_email,
        "masked_name": filters.masked_name,
        "grams": partial(filters.grams, lang=lang),
        "day": partial(filters.day, lang=lang),
        "moment": partial(filters.moment, lang=lang),
    }
    return made


def lang_of(request: Request) -> Lang:
    """The language a request wants: `?lang=zh|en`, else its Accept-Language header, else Chinese."""
    return choose_lang(request.query_params.get("lang"), request.headers.get("accept-language", ""))


def render(request: Request, name: str, /, status: int = 200, **context: object) -> HTMLResponse:
    """Answer with a template in the request's language.

    From `request.state`, each of which may be missing: `viewer` (None for a stranger), `csrf_token` (for forms),
    `request_id`, `flashes` (things with `text` and `kind` = info, success, warning, error).
    """
    lang = lang_of(request)
    state = request.state
    page = {
        "viewer": getattr(state, "viewer", None),
        "csrf_token": getattr(state, "csrf_token", ""),
        "request_id": getattr(state, "request_id", ""),
        "flashes": getattr(state, "flashes", ()),
        "path": request.url.path,
        "search": request.query_params.get("q", ""),
        "href": partial(_href, request.query_params.get("lang")),
        "other_lang_url": _other_lang_url(request, lang),
    }
    body = environment(lang).get_template(name).render(page | context)
    headers = {
        "content-language": "zh-CN" if lang == "zh" else "en",
        "vary": "Accept-Language, Cookie",
        "cache-control": "private, no-store",  # a page may carry a name or a form's token
    }
    return HTMLResponse(body, status_code=status, headers=headers)


def _href(asked_lang: str | None, path: str) -> str:
    """A link of ours that keeps the language a visitor asked for by name."""
    if asked_lang not in {"zh", "en"}:
        return path
    return f"{path}{'&' if '?' in path else '?'}lang={asked_lang}"


def _other_lang_url(request: Request, lang: Lang) -> str:
    there = request.url.include_query_params(lang="en" if lang == "zh" else "zh")
    return f"{there.path}?{there.query}"
