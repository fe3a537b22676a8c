"""Where the link and the picture of a post really lead: fetched once, judged for a phone.

Meta, "Media": an image is JPEG or PNG, 8 bits a colour, at most 5 MB.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec
import trio

from gateway.api import Drop, FetchError
from gateway_plugins.middleware.filter.head import head_of
from gateway_plugins.middleware.filter.links import Hosts, plain_host

PAGE_BYTES = 2_000_000
IMAGE_BYTES = 5_000_000
REDIRECTS = 5
DEADLINE = 10.0
"""Seconds for one fetch with its redirects."""

CODES = frozenset({"link_gone", "link_unfit", "link_down", "image_unfit", "image_down"})

_ACCEPT = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
_WORDS = {
    "dns": "its host is not known",
    "tls": "its certificate is not in order",
    "connect": "nobody takes the connection",
    "redirects": f"it redirects more than {REDIRECTS} times",
    "private_address": "it leads into a private network, where no subscriber can go",
    "encoding": "its answer cannot be read",
    "bad_request": "its address cannot be asked for",
}
_LATE = f"no answer within {DEADLINE:.0f} s"
_SHOWN = ("image/", "video/", "audio/", "text/plain")  # no page, but a phone shows it
_PAGE = ("text/html", "application/xhtml+xml")
_LOGIN = re.compile(
    r"/(?:log-?in|sign-?in|anmeld\w*|wp-login\.php|sso|auth|oauth2?)(?:[/.]|$)", re.I
)
_HOME = re.compile(r"/?(?:[a-z]{2}(?:[-_][a-z]{2})?/?)?(?:index\.\w+)?", re.IGNORECASE)
_NOT_FOUND = re.compile(
    r"^\W*404\b(?!\s+\w+\s+\w)|\b(?:fehler|error)\W{0,3}404\b|\b404\W{0,3}(?:fehler|error|not found)"
    r"|\bpage (?:not|could not be) found|\bnot found\W*(?:[-–|·].{0,80})?$"
    r"|\b(?:seite|beitrag|artikel|inhalt)\b.{0,20}\bnicht (?:gefunden|vorhanden|verfügbar)",
    re.IGNORECASE,
)
_KINDS = (
    (b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF8", "GIF"), (b"BM", "BMP"),
    (b"<svg", "SVG"), (b"<?xml", "SVG"),
)  # fmt: skip


class Trouble(msgspec.Struct, frozen=True):
    """Why it is not fit to be sent; `passing` if it may be in a minute."""

    code: str
    text: str
    passing: bool = False


async def link_trouble(
    http: Any, link: str, hosts: Hosts, *, public_only: bool
) -> Trouble | Drop | None:
    """Fetch the link of a post and judge where it leads; `http` is the context's."""
    got = await _fetched(http, "link", link, PAGE_BYTES, public_only)
    if isinstance(got, Trouble):
        return got
    host = plain_host(urlsplit(got.url).hostname or "") or ""
    if (refused := hosts.host(host)) is not None:
        return Drop(refused.code, f"the link leads on: {refused.text}")
    return _of_status("link", got.status) or _of_page(link, got, hosts)


def _of_status(what: str, status: int) -> Trouble | None:
    if 200 <= status < 300:
        return None
    if status in (404, 410):
        code = f"{what}_gone" if what == "link" else f"{what}_unfit"
        return Trouble(code, f"the {what} answers {status}, nothing is there")
    if status == 429 or status >= 500:
        return Trouble(f"{what}_down", f"the {what}'s server answers {status}", passing=True)
    why = "asks for a password" if status == 401 else "is refused to the gateway"
    why = why if status in (401, 403) else "gives no page"
    return Trouble(f"{what}_unfit", f"the {what} {why} ({status})")


def _of_page(link: str, got: Any, hosts: Hosts) -> Trouble | Drop | None:
    before, after = urlsplit(link), urlsplit(got.url)
    if after.scheme != "https":
        return Trouble("link_unfit", "the link ends at http://, phones warn of that")
    kind = got.headers.get("content-type", "").partition(";")[0].strip().lower()
    if "attachment" in got.headers.get("content-disposition", "").lower():
        return Trouble("link_unfit", "the link is a download, no page")
    if kind.startswith(_SHOWN):
        return None
    if kind not in _PAGE:
        name = "a PDF" if kind == "application/pdf" else f"a file ({kind or 'of no known type'})"
        return Trouble("link_unfit", f"the link is {name}, which a phone downloads")
    head = head_of(got.body, got.headers.get("content-type", ""))
    if head.refresh:
        host = plain_host(urlsplit(urljoin(got.url, head.refresh)).hostname or "") or ""
        if (refused := hosts.host(host)) is not None:
            return Drop(refused.code, f"the link leads on: {refused.text}")
    if _moved(before, after):
        if _LOGIN.search(after.path) or head.password:
            return Trouble("link_unfit", "the link leads to a login")
        if _HOME.fullmatch(after.path) and not _HOME.fullmatch(before.path):
            return Trouble("link_gone", "the link leads to the home page: the post may be gone")
    if _NOT_FOUND.search(head.title):
        return Trouble("link_gone", f"the page calls itself {head.title[:60]!r}")
    if not head.title:
        return Trouble("link_unfit", "the page has no title")
    if not head.viewport:
        return Trouble("link_unfit", "the page is not made for phones (it sets no viewport)")
    return None


def _moved(before: SplitResult, after: SplitResult) -> bool:
    return (before.netloc.lower(), before.path) != (after.netloc.lower(), after.path)


async def image_trouble(http: Any, image: str, *, public_only: bool) -> Trouble | None:
    """Fetch the picture of a post and see whether WhatsApp takes it."""
    got = await _fetched(http, "image", image, IMAGE_BYTES, public_only)
    if isinstance(got, Trouble):
        return got
    if (trouble := _of_status("image", got.status)) is not None:
        return trouble
    body, said = got.body, got.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = next((name for start, name in _KINDS if body.lstrip().startswith(start)), "")
    if body[8:12] == b"WEBP":
        kind = "WebP"
    elif body[4:12] in (b"ftypavif", b"ftypheic"):
        kind = body[8:12].decode().upper()
    if kind not in ("JPEG", "PNG"):
        name = kind or said or "of no known type"
        return Trouble("image_unfit", f"the picture is {name}, WhatsApp takes JPEG and PNG")
    if kind == "PNG" and body[24:25] > b"\x08":
        return Trouble("image_unfit", "the picture has 16 bits a colour, WhatsApp takes 8")
    if said not in ("image/jpeg", "image/png"):
        return Trouble("image_unfit", f"the picture's server calls it {said or 'nothing'}")
    return None


async def _fetched(http: Any, what: str, url: str, most: int, public_only: bool) -> Any:
    code = f"{what}_down"
    with trio.move_on_after(DEADLINE):
        try:
            return await http.get(
                url,
                _ACCEPT if what == "link" else {"accept": "image/jpeg,image/png"},
                max_bytes=most,
                follow_redirects=REDIRECTS,
                public_only=public_only,
            )
        except FetchError as error:
            if error.code == "too_large":
                size = f"larger than {most // 1_000_000} MB"
                kind = (
                    "a heavy page or a download" if what == "link" else "more than WhatsApp takes"
                )
                return Trouble(f"{what}_unfit", f"the {what} is {size}: {kind}")
            why = _WORDS.get(error.code, _LATE if "timeout" in error.code else "it broke off")
            if error.retryable:
                return Trouble(code, f"the {what} cannot be reached: {why}", passing=True)
            return Trouble(f"{what}_unfit", f"the {what} cannot be used: {why}")
    return Trouble(code, f"the {what} cannot be reached: {_LATE}", passing=True)
