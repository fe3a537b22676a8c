"""The demo's world: who is there, and the settings of its gateway."""

from __future__ import annotations

import socket
from pathlib import Path

from gateway_sandbox.settings import DEFAULT_ACCOUNT_ID, DEFAULT_NUMBER_ID

POLL = 1  # seconds between two looks at the blog

CONFIRMED = [f"+49171392000{n}" for n in range(1, 5)]
TALKING = "+491713920005"  # wrote a moment ago: an open window
LEAVING = "+491713920006"  # confirmed, and writes STOP after the first post
USERNAME = "DE.77000000000000000042"  # known by username only, no phone number
ASKED = "+491713920007"  # signed up, never confirmed
CLAIMED = "+491713920008"  # in the old list, nothing proves it

WHO = {
    **dict.fromkeys(CONFIRMED, "confirmed"),
    TALKING: "confirmed, wrote just now",
    LEAVING: "confirmed, will write STOP",
    USERNAME: "confirmed, no phone number",
    ASKED: "asked, never confirmed",
    CLAIMED: "no proof of consent",
}

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
title    = "Neue Beiträge"
purpose  = "Hinweise auf neue Blogbeiträge"
template = "blog_post"

[inputs.blog]
plugin = "rss"
url    = "{blog}/feed.xml"
topic  = "blog"
every  = "{poll}s"

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
            account=DEFAULT_ACCOUNT_ID, blog=blog, poll=POLL,
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


def masked(contact: str) -> str:
    """Return a contact as a terminal may show it."""
    if contact.startswith("+"):
        return f"{contact[:3]} {contact[3:6]} *** {contact[-3:]}"
    return f"{contact[:3]}*** {contact[-3:]}"


def free_port() -> str:
    """Return an address on this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
