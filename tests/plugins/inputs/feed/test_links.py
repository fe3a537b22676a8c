"""Links as they are sent: labelled for the site's statistics, rid of what others track by."""

from __future__ import annotations

import pytest

from gateway_plugins.inputs.feed.links import Utm, labelled

LINK = "https://blog.example/a/"
WHATSAPP = Utm(source="whatsapp", campaign="Winter & Co.")
LABEL = "utm_source=whatsapp&utm_campaign=Winter%20%26%20Co."


@pytest.mark.parametrize(
    ("link", "utm", "clean", "expected"),
    [
        (LINK, Utm(), False, LINK),
        (LINK + "?a=1&&b=%20#c", Utm(), False, LINK + "?a=1&&b=%20#c"),
        (LINK, WHATSAPP, False, f"{LINK}?{LABEL}"),
        (LINK + "?p=1#top", WHATSAPP, False, f"{LINK}?p=1&{LABEL}#top"),
        # one's own word replaces the same name, and leaves the others
        (LINK + "?utm_source=rss&utm_medium=feed", WHATSAPP, False,
         f"{LINK}?utm_medium=feed&{LABEL}"),
        (LINK + "?UTM_Source=rss", WHATSAPP, False, f"{LINK}?{LABEL}"),
        (LINK + "?utm_medium=feed&wt_mc=rss.x&fbclid=1&a=%2F&source=rss-1", WHATSAPP, True,
         f"{LINK}?a=%2F&{LABEL}"),
        (LINK + "?utm_medium=feed&source=shop&ref=home", Utm(), True, LINK + "?source=shop&ref=home"),
        (LINK + "?gclid=1#x", Utm(), True, LINK + "#x"),
        ("", WHATSAPP, True, ""),
        ("https://blog.example", Utm(term="a/b?c"), False, "https://blog.example?utm_term=a%2Fb%3Fc"),
    ],
)  # fmt: skip
def test_labelled(link: str, utm: Utm, clean: bool, expected: str) -> None:
    assert labelled(link, utm, clean=clean) == expected
