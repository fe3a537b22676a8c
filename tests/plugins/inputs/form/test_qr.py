"""The QR code of a link."""

from __future__ import annotations

from gateway_plugins.inputs.form.qr import qr_code


def test_the_qr_code_stands_inside_a_page() -> None:
    drawn = qr_code("https://wa.me/49301234567?text=START%20blog%20K7F3Q")
    assert drawn.startswith("<svg ")
    assert 'class="qr"' in drawn
    assert "style=" not in drawn, "the page's policy allows none"
    assert "wa.me" not in drawn
