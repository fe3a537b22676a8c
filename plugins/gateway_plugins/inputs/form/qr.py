"""The QR code of a link that opens WhatsApp, for those who look at the page on a desk."""

from __future__ import annotations

from io import BytesIO

import segno


def qr_code(link: str) -> str:
    """Return the link's QR code as SVG that stands inside a page."""
    drawn = BytesIO()
    segno.make(link, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4, dark="#000",
        light="#fff", svgclass="qr", lineclass=None,
    )  # fmt: skip
    return drawn.getvalue().decode()
