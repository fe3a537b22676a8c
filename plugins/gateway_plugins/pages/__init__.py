"""The look of every page that people open: one frame, one style sheet, strict headers.

    page(context, title, f"<p>{escape(words)}</p>", language="de")

A body is HTML; whatever somebody wrote goes through `escape` first.  The classes that a body may
use are described in style.css.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from starlette.responses import HTMLResponse

from gateway.api import Context

__all__ = ["escape", "page", "paragraphs"]

STYLE = (files(__name__) / "style.css").read_text(encoding="utf-8")

_FRAME = """\
<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<meta name="color-scheme" content="light dark">
<title>{window}</title>
<style>{style}</style>
</head>
<body>
<header><p class="company">{company}</p></header>
<main>
<h1>{title}</h1>
{body}
</main>
<footer>{links}</footer>
{scripts}</body>
</html>
"""


def page(
    context: Context,
    title: str,
    body: str,
    *,
    language: str,
    status: int = 200,
    scripts: Sequence[str] = (),
    embedded_by: Sequence[str] = (),
) -> HTMLResponse:
    """Return a page of the company.  `title` and the company's facts are escaped, `body` is not.

    Nothing is loaded from elsewhere; inline `scripts` run, and no other.  `embedded_by`: origins
    whose pages may show this one in a frame.
    """
    links = "".join(
        f'<a href="{escape(url)}" target="_top" rel="noopener">'
        f"{escape(context.texts.say(key, language))}</a>"
        for url, key in (
            (context.company.imprint, "pages.imprint"),
            (context.company.privacy, "pages.privacy"),
        )
        if url
    )
    company = context.company.name
    content = _FRAME.format(
        language=escape(context.texts.language(language)),
        title=escape(title),
        window=escape(title if company in title else f"{title} – {company}"),
        company=escape(company),
        style=STYLE,
        body=body,
        links=links,
        scripts="".join(f"<script>{script}</script>\n" for script in scripts),
    )
    return HTMLResponse(content, status, headers=_headers(scripts, embedded_by))


def paragraphs(text: str) -> str:
    """Return somebody's words as HTML: escaped, blank lines between paragraphs, lines kept."""
    parts = [part.strip() for part in text.replace("\r\n", "\n").split("\n\n")]
    return "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in parts if part)


def _headers(scripts: Sequence[str], embedded_by: Sequence[str]) -> dict[str, str]:
    policy = [
        "default-src 'none'",
        f"style-src {_hash(STYLE)}",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        f"frame-ancestors {' '.join(embedded_by) or chr(39) + 'none' + chr(39)}",
    ]
    if scripts:
        policy += [f"script-src {' '.join(map(_hash, scripts))}", "connect-src 'self'"]
    return {
        "content-security-policy": "; ".join(policy),
        "x-content-type-options": "nosniff",
        # A token in the address is told to nobody else, and yet a form says where it stands.
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
        "x-robots-tag": "noindex",
        **({} if embedded_by else {"x-frame-options": "DENY"}),
    }


def _hash(content: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
