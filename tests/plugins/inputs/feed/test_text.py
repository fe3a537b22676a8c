"""HTML to text, and teasers."""

from __future__ import annotations

import time

import pytest

from gateway_plugins.inputs.feed import text


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("", ""),
        ("  \n ", ""),
        ("nur  Text &amp; mehr &#8230;", "nur Text & mehr …"),
        ("<p>Eins.</p><p>Zwei.</p>", "Eins. Zwei."),
        ("<h2>Fazit</h2><p>Gut.</p>", "Fazit · Gut."),
        ("<ul><li>eins</li><li>zwei</li></ul>danach", "eins · zwei · danach"),
        ("eins<br>zwei<br/>drei", "eins zwei drei"),
        ("W<b>o</b>rt", "Wort"),
        ("a <b>b</b>\n c", "a b c"),
        ("<script>x</script><style>y</style>da<!-- weg --><noscript>z</noscript>", "da"),
        ("<figure><img src=a><figcaption>Foto: Archiv</figcaption></figure>Text", "Text"),
        ("Ab\u00adlauf\u200b der\ufeff Dinge\u0007!", "Ablauf der Dinge !"),
        ("&lt;p&gt;zweimal &amp;amp; mehr&lt;/p&gt;", "zweimal & mehr"),
        ("1 &lt; 2", "1 < 2"),
        ("<p>unclosed <b>tags", "unclosed tags"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
    ],
)
def test_plain(markup: str, expected: str) -> None:
    assert text.plain(text.tree(markup)) == expected


def test_deep_nesting_is_fast_and_does_not_recurse() -> None:
    start = time.process_time()
    assert text.plain(text.tree("<div>" * 200_000 + "x")) == ""
    assert text.plain(text.tree("<div>" * 10_000 + "x")) == "x"
    assert time.process_time() - start < 3


SENTENCES = "Der erste Satz ist da. Der zweite Satz folgt! Und ein dritter kommt noch dazu."


@pytest.mark.parametrize(
    ("whole", "limit", "expected"),
    [
        (SENTENCES, 100, SENTENCES),
        (SENTENCES, 50, "Der erste Satz ist da. Der zweite Satz folgt!"),
        (SENTENCES, 45, "Der erste Satz ist da. Der zweite Satz folgt!"),
        (SENTENCES, 44, "Der erste Satz ist da."),
        ("Kurz. Dann ein sehr langer Satz ohne jedes Ende weit und breit", 40,
         "Kurz. Dann ein sehr langer Satz ohne…"),
        ("Am 3. November kommt Dr. Ernst, z. B. mit 5 Leuten zu uns", 40,
         "Am 3. November kommt Dr. Ernst, z. B.…"),
        ("Er sagte: »Komm mit!« Dann ging er weg und kam nicht wieder", 30, "Er sagte: »Komm mit!«"),
        ("Version 2.0 ist da. Sie kann mehr als die alte Version", 25, "Version 2.0 ist da."),
        ("Es kommen ca. 20 Mio. Euro, d. h. mehr als am 3. Mai, am Do. 4. Mai oder i. d. R. sonst", 70,
         "Es kommen ca. 20 Mio. Euro, d. h. mehr als am 3. Mai, am Do. 4. Mai…"),
        ("Das Jahr 2026. Ein gutes Jahr für alle, die bauen wollen", 30, "Das Jahr 2026."),
        ("x" * 60, 40, "x" * 39 + "…"),
        ("Ein Auszug. Mittendrin [&", 40, "Ein Auszug. Mittendrin [&"),
        ("Ein ganzer Satz. Der Rest fehlt […]", 300, "Ein ganzer Satz."),
        ("Ohne Ende […]", 300, "Ohne Ende…"),
        ("Ohne Ende ...", 300, "Ohne Ende…"),
        ("", 40, ""),
    ],
)  # fmt: skip
def test_teaser(whole: str, limit: int, expected: str) -> None:
    assert text.teaser(whole, limit) == expected
    assert len(text.teaser(whole, limit)) <= limit


@pytest.mark.parametrize("limit", range(2, 12))
def test_no_cut_inside_a_character(limit: int) -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    cut = text.shorten(f"{family} e\u0301e\u0301e\u0301", limit)
    assert len(cut) <= limit
    assert not cut.removesuffix("…").endswith("\u200d")


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        ("Text. Der Beitrag A B erschien zuerst auf Blog.", "Text."),
        ("Der Beitrag steigt. Gut. Der Beitrag X erschien zuerst auf Y.",
         "Der Beitrag steigt. Gut."),
        ("Text. The post A appeared first on Blog.", "Text."),
        ("Text The post A first appeared on Blog.", "Text"),
        ("Der Roman erschien zuerst auf Deutsch.", "Der Roman erschien zuerst auf Deutsch."),
        ("Text… Continue reading on Medium »", "Text…"),
        ("Text. Weiterlesen", "Text."),
        ("Text. · Read more …", "Text."),
        ("Alles flog ins All. (Raumfahrt, Internet)", "Alles flog ins All."),
        ("Das sagte er. (dpa)", "Das sagte er."),
        ("Das sagte er (nicht sie).", "Das sagte er (nicht sie)."),
        ("Das sagte er. (Sie nicht.)", "Das sagte er. (Sie nicht.)"),
        ("Text. See omnystudio.com/listener for privacy information.", "Text."),
        ("Text · See omnystudio.com/listener for privacy information.", "Text"),
        ("See omnystudio.com/listener for privacy information.", ""),
        ("Text. Learn more about your ad choices. Visit megaphone.fm/adchoices", "Text."),
        ("Text. Learn more about your ad choices. Visit podcastchoices.com/adchoices", "Text."),
        ("Text. · Hosted on Acast. See acast.com/privacy for more information.", "Text."),
        ("Text. Advertising Inquiries: https://redcircle.com/brands · "
         "Privacy & Opt-Out: https://redcircle.com/privacy", "Text."),
        ("Text. Hosted on Acast. See acast.com/privacy for more information. "
         "Der Beitrag A erschien zuerst auf B.", "Text."),
        ("Hosted on Acast. See acast.com/privacy for more information. Danach Text.",
         "Hosted on Acast. See acast.com/privacy for more information. Danach Text."),
        ("Wir sind bei redcircle.com/privacy", "Wir sind bei redcircle.com/privacy"),
        ("OverSee omnystudio.com/listener for privacy information.",
         "OverSee omnystudio.com/listener for privacy information."),
        ("Ich will mehr weiterlesen als du.", "Ich will mehr weiterlesen als du."),
    ],
)  # fmt: skip
def test_tails(whole: str, expected: str) -> None:
    assert text.without_tail(whole) == expected
