"""The page of `gateway contacts show`."""

from gateway.cli import contact_page

NOW = 1_795_282_860 * 1_000_000  # 2026-11-21 18:41 in Berlin
SHOWN = "Ich bin einverstanden, dass Beispiel GmbH mir schickt:\nNeue Beiträge\nSTOP beendet das."
PERSON = {
    "id": 7, "name": "", "language": "de", "created_at": NOW, "identities": [], "windows": [],
    "consents": [{"topic": "blog", "state": "confirmed", "event": 1, "since": NOW}],
    "events": [
        {
            "number": 1, "at": NOW, "topic": "blog", "name": "confirmed", "source": "form website",
            "evidence": {"caption": "Ja"}, "wording": "de 1 (368a696a)", "shown": SHOWN,
        },
        {
            "number": 2, "at": NOW, "topic": "blog", "name": "withdrawn", "source": "message to main",
            "evidence": {"words": "STOP"}, "wording": "", "shown": "",
        },
    ],
    "inbound": [
        {"at": NOW, "kind": "interactive", "words": "yes:3", "caption": "Ja"},
        {"at": NOW, "kind": "text", "words": "Guten Tag", "caption": ""},
        {"at": NOW, "kind": "image", "words": "", "caption": ""},
    ],
}  # fmt: skip


def page(wide: int = 100) -> list[str]:
    return contact_page.render(PERSON, "Europe/Berlin", NOW, wide)


def test_what_was_agreed_to_stands_there_word_for_word():
    shown = page()
    start = shown.index(" " * 30 + "wording: de 1 (368a696a)")
    assert [line.strip() for line in shown[start + 1 : start + 4]] == [
        f"│ {line}" for line in SHOWN.split("\n")
    ]
    assert "wording" not in "\n".join(shown[start + 4 :])
    assert max(map(len, page(80))) <= 80


def test_a_button_is_called_what_the_person_read():
    wrote = [line for line in page() if "“" in line or "(image)" in line]
    assert [line.split("  ")[-1] for line in wrote] == ["“Ja”", "“Guten Tag”", "(image)"]
