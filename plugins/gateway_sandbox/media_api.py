"""The four calls of the media API (section 8): upload, locate, download, delete."""

from __future__ import annotations

from typing import Any

from gateway_sandbox.checks import missing
from gateway_sandbox.form import multipart, query
from gateway_sandbox.graph import GraphError, unknown_object
from gateway_sandbox.media import STATIC_STICKER, TYPES, UPLOAD_LIMIT, Media, MediaStore, animated
from gateway_sandbox.server import Request, Response

Json = dict[str, Any]


def upload(store: MediaStore, request: Request, number_id: str) -> Json:
    """`POST /{phone_number_id}/media`: the id, for this number only.

    The type of the file's own part counts, that of the field `type` only where it has none:
    published clients send `image` there, and the API takes it.
    """
    parts = multipart(request)
    if "messaging_product" not in parts:
        raise GraphError(100, message="(#100) The parameter messaging_product is required.")
    if parts["messaging_product"].text != "whatsapp":
        raise GraphError(100, "Param messaging_product must be one of {WHATSAPP}.")
    file = parts.get("file")
    if file is None:
        raise GraphError(100, message="(#100) The parameter file is required.")
    asked = file.mime or (parts["type"].text if "type" in parts else "")
    if not asked:
        raise missing("type")
    mime = asked.partition(";")[0].strip().lower()
    kind = next((kind for kind, (mimes, _) in TYPES.items() if mime in mimes), None)
    if kind is None:
        known = ", ".join(sorted(mime for mimes, _ in TYPES.values() for mime in mimes))
        raise GraphError(
            100,
            f"Param file must be a file with one of the following types: {known}. "
            f"Received file of type '{mime}'.",
        )
    _check_size(kind, file.content)
    return {"id": store.put(file.content, mime, file.filename, number_id=number_id)}


def _check_size(kind: str, content: bytes) -> None:
    limit = min(TYPES[kind][1], UPLOAD_LIMIT)
    if kind == "sticker" and not animated(content):
        limit = STATIC_STICKER
    if not content:
        raise GraphError(131053, "The file is empty.")
    if len(content) > limit:
        raise GraphError(
            131053, f"The file has {len(content)} bytes; a {kind} has at most {limit} here."
        )


def locate(store: MediaStore, media: Media, base: str) -> Json:
    """`GET /{media_id}`: an address that works for five minutes.  `base`: `http://host`."""
    return {
        "messaging_product": "whatsapp",
        "url": base + store.path(media),
        "mime_type": media.mime,
        "sha256": media.sha256,
        "file_size": len(media.content),
        "id": media.id,
    }


def download(store: MediaStore, request: Request) -> Response:
    """The body behind such an address; 404 when its five minutes are over."""
    media = store.at(query(request))
    if media is None:
        return Response(status=404, body=b"Not Found", content_type="text/plain")
    return Response(body=media.content, content_type=media.mime)


def find(store: MediaStore, request: Request, id: str) -> Media:
    """The file of a path; its `phone_number_id`, if given, has to be that of the upload."""
    media = store.get(id, query(request).get("phone_number_id"))
    if media is None:
        raise unknown_object(request.method, id)
    return media
