"""The demo's world: who is there, and the settings of its gateway."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path

from gateway_sandbox.chats import Tone
from gateway_sandbox.settings import DEFAULT_ACCOUNT_ID, DEFAULT_NUMBER_ID

POLL = 1  # seconds between two looks at the blog
NUMBER = "+49 171 3920099"  # the company's own, which people write to

CONFIRMED = [f"+49171392000{n}" for n in range(1, 5)]
TALKING = "+491713920005"  # wrote a moment ago: an open window
LEAVING = "+491713920006"  # confirmed, and writes STOP after the first post
USERNAME = "DE.77000000000000000042"  # known by username only, no phone number
ASKED = "+491713920007"  # signed up, never confirmed
CLAIMED = "+491713920008"  # in the old list, nothing proves it
JOINING = "+491713920009"  # signs up on the website after the first post

SUBSCRIBED = (*CONFIRMED, TALKING, LEAVING, USERNAME)
"""Who gets the first post."""

WHO = {
    **dict.fromkeys(CONFIRMED, "confirmed"),
    TALKING: "confirmed, wrote just now",
    LEAVING: "confirmed, will write STOP",
    JOINING: "will sign up on the website",
    USERNAME: "confirmed, no phone number",
    ASKED: "asked, never confirmed",
    CLAIMED: "no proof of consent",
}

GERMAN = {
    "confirmed": "bestätigt",
    "confirmed, wrote just now": "bestätigt, schrieb gerade",
    "confirmed, will write STOP": "bestätigt, schreibt gleich STOP",
    "will sign up on the website": "meldet sich gleich an",
    "confirmed, no phone number": "bestätigt, ohne Telefonnummer",
    "asked, never confirmed": "gefragt, nie bestätigt",
    "no proof of consent": "Einwilligung nicht belegt",
}

SIDE_BY_SIDE: dict[str, Tone] = {
    CONFIRMED[0]: "yes",
    LEAVING: "yes",
    JOINING: "wait",
    ASKED: "wait",
    TALKING: "yes",
    USERNAME: "yes",
    CLAIMED: "no",
    **dict.fromkeys(CONFIRMED[1:], "yes"),
}
"""The phones on the page, in an order in which the first three tell the story."""

TEMPLATE = {
    "name": "blog_post_picture",
    "language": "de",
    "category": "MARKETING",
    "parameter_format": "NAMED",
    "components": [
        {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::sandbox"]}},
        {
            "type": "BODY",
            "text": "Neuer Beitrag: *{{title}}*\n\n{{teaser}}\n\nWeiterlesen: {{link}}",
            "example": {
                "body_text_named_params": [
                    {"param_name": "title", "example": "Neun Fragen zur Wärmepumpe"},
                    {"param_name": "teaser", "example": "Was kostet sie, wann lohnt sie sich?"},
                    {"param_name": "link", "example": "https://blog.example/waermepumpe"},
                ]
            },
        },
        {"type": "FOOTER", "text": "Abmelden: antworte STOP"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Abmelden"}]},
    ],
}
"""What the demo's company had approved: picture, words, a footer and a button as ways out."""

SETTINGS = """\
# The demo's settings.  A real gateway.toml looks the same: config/gateway.toml
chain = ["consent", "filter", "ratelimit", "footer"]

[company]
name = "Beispiel GmbH"

[server]
public  = "{public}"
metrics = "{metrics}"

[senders.main]
output          = "whatsapp"
base_url        = "{sandbox}"
phone_number_id = "{number}"
account_id      = "{account}"
token           = {{ secret = "whatsapp-token" }}
app_secret      = {{ secret = "whatsapp-app-secret" }}

[topics.blog]
title     = "Neue Beiträge"
purpose   = "Hinweise auf neue Blogbeiträge"
frequency = "höchstens dreimal pro Woche"
template  = "blog_post_picture"

[inputs.blog]
plugin  = "rss"
url     = "{blog}/feed.xml"
topic   = "blog"
every   = "{poll}s"
private = true                  # the sample blog is on this machine

[inputs.website]
plugin      = "forms"
topics      = ["blog"]
wa_me       = "{sandbox}/wa.me" # instead of https://wa.me: its page of phones
number      = "{display}"
min_seconds = "0s"              # the visitor in this play is quick

[middleware.footer]
text = "Abmelden: antworte STOP"
"""


def write_settings(folder: Path, public: str, metrics: str, sandbox: str, blog: str) -> None:
    """Write gateway.toml, its secrets, and contacts.csv into a folder."""
    secrets = folder / "secrets"
    secrets.mkdir(exist_ok=True)
    (secrets / "whatsapp-token").write_text("demo-token\n")
    (secrets / "whatsapp-app-secret").write_text("demo-secret\n")
    (folder / "gateway.toml").write_text(
        SETTINGS.format(
            public=public, metrics=metrics, sandbox=sandbox, number=DEFAULT_NUMBER_ID,
            account=DEFAULT_ACCOUNT_ID, display=NUMBER, blog=blog, poll=POLL,
        ),
        encoding="utf-8",
    )  # fmt: skip
    rows = ["phone,user_id,topic,requested_at,confirmed_at,source,wording"]
    proof = "blog,,2025-03-02 10:15:02,blog.example/whatsapp,Ja: neue Beiträge per WhatsApp"
    rows += [f"{phone},,{proof}" for phone in (*CONFIRMED, TALKING, LEAVING)]
    rows.append(f",{USERNAME},{proof}")
    rows.append(f"{ASKED},,blog,2025-03-02 10:14:07,,blog.example/whatsapp,")
    rows.append(f"{CLAIMED},,blog,,,,")
    (folder / "contacts.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def label(contact: str) -> dict[str, str]:
    """Return what the page says about a person, by language."""
    return {"en": WHO[contact], "de": GERMAN[WHO[contact]]}


def masked(contact: str) -> str:
    """Return a contact as a terminal may show it."""
    if contact.startswith("+"):
        return f"{contact[:3]} {contact[3:6]} *** {contact[-3:]}"
    return f"{contact[:3]}*** {contact[-3:]}"


def free_port() -> str:
    """Return an address on this machine that nobody uses.

    Below the ports that the kernel gives to outgoing connections, one of which would otherwise
    now and then take it before it is bound.
    """
    while True:
        address = ("127.0.0.1", random.SystemRandom().randrange(20_000, 32_000))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(address)
            return "{}:{}".format(*address)
