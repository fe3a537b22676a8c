"""A story that proofs can be made of: a form, START, the question, Ja, a post; others beside it."""

from __future__ import annotations

import hashlib

import msgspec

from gateway.inbound import Act, Intake, SignUp, Status, Wording
from gateway.message import Basis, Button, Delivery, Text
from gateway.store.people import Terms
from gateway.store.protocol import Intent, Settlement, Store, moment
from tests.gateway.store.house import House, phone

PURPOSE = "Hinweise auf neue Blogbeiträge, höchstens dreimal pro Woche"
WORDING = Wording(
    text=f"Ja, ich möchte per WhatsApp: {PURPOSE}. Abmelden jederzeit mit STOP.",
    language="de",
    version="1",
    purpose=PURPOSE,
)
TERMS = Terms(wordings={"blog": WORDING})
QUESTION = "Möchtest du Hinweise auf neue Blogbeiträge bekommen?"
ERIKA = phone(1)[0].value


class Story(House):
    """What happens, in the words of the store's verbs."""

    async def from_form(self, n: int = 1, code: str = "K7F3") -> int:
        """Person n agrees on a page, sends START from the phone, is asked, says yes."""
        sign_up = SignUp(
            code=code,
            topics=("blog",),
            source="form blog.example/whatsapp",
            at=moment(self.at()),
            expires_at=moment(self.now + 86_400_000_000),
            language="de",
            wording=WORDING,
            evidence={
                "page": "https://blog.example/whatsapp",
                "ip": "203.0.113.7",
                "user_agent": "Firefox <script>alert(1)</script>",
            },
        )
        await self.store.accept("forms", (), at=self.at(), sign_ups=[sign_up])
        self.later()
        start = Act(kind="start", topics=("blog",), code=code, language="de")
        await self.says(n, f"START blog {code}", act=start, terms=TERMS, raw=b'{"start":1}')
        contact = await self.contact(n)
        await self.asked(contact)
        self.later()
        event = await self.request_of(contact)
        await self.says(
            n, f"yes:{event}", act=Act(kind="yes", requests=(event,)), terms=TERMS,
            caption="Ja", button=True, raw=b'{"yes":1}',
        )  # fmt: skip
        return contact

    async def request_of(self, contact: int) -> int:
        person = await self.store.contact(contact)
        assert person is not None
        standing = person.standing("blog")
        assert standing is not None
        return standing.event

    async def asked(self, contact: int) -> None:
        """Ask about the open request, and let the provider take the question."""
        event = await self.request_of(contact)
        buttons = (
            Button(kind="quick_reply", text="Ja", payload=f"yes:{event}"),
            Button(kind="quick_reply", text="Nein", payload=f"no:{event}"),
        )
        forms = (Text(body=QUESTION, buttons=buttons),)
        await self.started(
            kind="confirmation", topic="blog", to=contact, requests=(event,), forms=forms,
            text=QUESTION, external_id=f"question:{event}",
        )  # fmt: skip
        (delivery,) = await self.lease(limit=1)
        await self.goes_out(delivery.replace(basis=Basis(kind="request", event=event)))

    async def post(self, title: str) -> int:
        """Send a post to everybody who agreed; it arrives and is read.  Returns to how many."""
        forms = (Text(body=f"{title}\nhttps://blog.example/neu"),)
        await self.started(topic="blog", title=title, forms=forms)
        deliveries = await self.lease(limit=100)
        for delivery in deliveries:
            basis = Basis(kind="consent", event=delivery.permissions.consent)
            await self.goes_out(delivery.replace(basis=basis))
            self.later()
            statuses = tuple(
                Status(
                    provider_id=f"w{delivery.id}",
                    status=name,
                    at=moment(self.now),
                    callback=delivery.callback,
                )
                for name in ("sent", "delivered", "read")
            )
            await self.store.intake(Intake(sender="wa", statuses=statuses), {}, at=self.at())
        return len(deliveries)

    async def goes_out(self, delivery: Delivery) -> None:
        body = msgspec.json.encode(delivery.content)
        intent = Intent(
            delivery=delivery, at=self.at(), content=hashlib.sha256(body).digest(), body=body
        )
        assert await self.store.begin([intent], "n1") == [None]
        await self.store.settle(
            [
                Settlement(
                    delivery=delivery.id,
                    n=delivery.attempt,
                    outcome="accepted",
                    at=self.at(),
                    provider_id=f"w{delivery.id}",
                )
            ]
        )


BEGAN = 1_740_906_847_000_000
"""2 March 2025."""


async def told(store: Store, others: int = 5) -> Story:
    """Tell it: Erika (person 1) signs up by the form, others come by import; two posts."""
    story = Story(store)
    story.now = BEGAN
    await story.confirmed(others, "blog", first=10)
    await story.from_form()
    await story.post("Neun Fragen zur Wärmepumpe")
    story.later()
    await story.says(10, "STOP", stop=True)
    await story.post("Förderung ab Januar")
    return story
