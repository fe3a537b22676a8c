"""The JSON API: who may call, what becomes of a call, and that a refusal did nothing."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.api import ConfigError, Identity, Secret
from gateway.testing import NOW, FakeContext, assert_keeps_secret, make, started
from gateway_plugins.inputs.api import Api
from tests.plugins.inputs.form.browsing import BLOG, EVENTS, NUMBER, person

TOKEN = Secret("a-token-of-the-shop")
OTHER = Secret("a-token-of-the-crm!")
SIGNING = Secret("whsec_dGVzdC1zZWNyZXQtMDE=")
AUTH = {"authorization": f"Bearer {TOKEN.reveal()}"}
POST: dict[str, Any] = {"external_id": "1", "topic": "blog", "title": "Titel", "text": "Satz."}


class Caller:
    """A program that calls."""

    def __init__(self, context: FakeContext, client: httpx.AsyncClient) -> None:
        self.context = context
        self.client = client

    async def __call__(self, path: str, body: Any, **headers: str) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {**AUTH, **{key.replace("_", "-"): value for key, value in headers.items()}}
        return await self.client.post(f"/in/api/{path}", content=raw, headers=fields)

    @property
    def untouched(self) -> bool:
        """Whether nothing was kept or changed."""
        context = self.context
        return not (context.accepted or context.new_people or context.withdrawn)


@asynccontextmanager
async def calling(**settings: Any) -> AsyncIterator[Caller]:
    settings.setdefault("tokens", {"shop": TOKEN, "crm": OTHER})
    context = FakeContext("api", topics=[BLOG, EVENTS])
    async with started(make(Api, "api", **settings), context) as plugin:
        app = Starlette(routes=[Mount("/in/api", routes=list(plugin.routes()))])
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))
        async with httpx.AsyncClient(
            transport=transport, base_url="https://wa.blog.example"
        ) as client:
            yield Caller(context, client)


# --- who may call -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN.reveal()}"},
        {"authorization": f"Bearer {TOKEN.reveal()}x"},
        {"authorization": "Bearer ä"},
    ],
)
@pytest.mark.parametrize("path", ["messages", "withdrawals", "people", "people/query"])
async def test_strangers_are_told_nothing(path: str, headers: dict[str, str]) -> None:
    async with calling() as call:
        raw = {key: value.encode("utf-8") for key, value in headers.items()}
        answer = await call.client.post(f"/in/api/{path}", content=b"{", headers=raw)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert call.untouched


async def test_who_guesses_has_to_wait_and_nobody_else() -> None:
    async with calling() as call:
        wrong = [
            (await call("messages", POST, authorization=f"Bearer {at}")).status_code
            for at in range(25)
        ]
        assert (wrong.count(401), wrong.count(429)) == (20, 5)
        assert (await call("messages", POST)).status_code == 201


async def test_a_client_has_a_limit_of_its_own() -> None:
    async with calling(per_minute=3) as call:
        found = [(await call("people/query", {"phone": NUMBER})).status_code for _ in range(5)]
        assert found == [200, 200, 200, 429, 429]
        other = f"Bearer {OTHER.reveal()}"
        answer = await call("people/query", {"phone": NUMBER}, authorization=other)
        assert answer.status_code == 200
        call.context.clock.forward(60)
        assert (await call("people/query", {"phone": NUMBER})).status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [({}, 201), ({"webhook-id": "msg_2"}, 401), ({"webhook-timestamp": "1"}, 401)],
)
async def test_a_call_may_be_signed_instead(change: dict[str, str], status: int) -> None:
    async with calling(tokens={}, signing={"crm": SIGNING}) as call:
        body = json.dumps(POST).encode()
        at = str(int(NOW.timestamp()))
        tag = hmac.digest(b"test-secret-01", f"msg_1.{at}.".encode() + body, "sha256")
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{b64encode(tag).decode()}",
            **change,
        }
        answer = await call.client.post("/in/api/messages", content=body, headers=headers)
        assert answer.status_code == status
        assert len(call.context.accepted) == (status == 201)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"tokens": {}}, "tokens: is missing"),
        ({"tokens": {"shop": Secret("short")}}, "shorter than 16"),
        ({"tokens": {"The Shop": TOKEN}}, "stands in proofs"),
        ({"tokens": {"shop": TOKEN, "crm": TOKEN}}, "two clients have the same"),
        ({"tokens": {"shop": TOKEN}, "kinds": ["confirmation"]}, "kinds"),
    ],
)
def test_mistakes_in_the_settings(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as error:
        make(Api, "api", **settings)
    assert_keeps_secret(error.value, TOKEN)


async def test_topics_of_the_settings_have_to_be_there() -> None:
    with pytest.raises(ConfigError, match="there is no"):
        async with calling(topics=["nothing"]):
            pass


# --- messages -----------------------------------------------------------------------------------
async def test_a_message_is_accepted_once() -> None:
    async with calling() as call:
        first, again = await call("messages", POST), await call("messages", POST)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["new"] is True
        assert first.json()["id"].isdecimal()
        assert again.json() == {"external_id": "1", "new": False}
        other = f"Bearer {OTHER.reveal()}"
        assert (await call("messages", POST, authorization=other)).status_code == 201, "its own ids"
        (made, _) = call.context.accepted
        assert (made.topic, made.title, made.kind, made.external_id) == (
            "blog", "Titel", "marketing", "shop:1"
        )  # fmt: skip


async def test_a_message_to_one_person() -> None:
    async with calling() as call:
        call.context.contacts[7] = person(7)
        body = {
            "external_id": "9", "kind": "utility", "to": {"phone": "0171 3920 00 33"},
            "text": "Ihre Bestellung", "basis": "order",
        }  # fmt: skip
        assert (await call("messages", body)).status_code == 201
        (made,) = call.context.accepted
        assert (made.to, made.topic, made.basis) == (7, None, "order")


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"external_id": None}, 422, "external_id: expected text, got nothing"),
    ({"external_id": ""}, 422, "external_id: "),
    ({"external_id": "x" * 300}, 422, "external_id: "),
    ({"external_id": 1}, 422, "external_id: expected text"),
    ({"kind": "confirmation"}, 422, "kind: "),
    ({"topic": "intern"}, 422, "topic: there is none"),
    ({"topic": ""}, 422, "topic: give either"),
    ({"to": {"phone": NUMBER}}, 422, "topic: give either"),
    ({"topic": "", "to": {"phone": NUMBER}}, 422, "topic: marketing goes to"),
    ({"topic": "", "kind": "service", "to": {"phone": "12"}}, 422, "to.phone: "),
    ({"topic": "", "kind": "service", "to": {}}, 422, "to.phone: give either"),
    ({"topic": "", "kind": "service", "to": {"phone": NUMBER}}, 404, "to: nobody here"),
    ({"topic": "", "kind": "utility", "to": {"phone": NUMBER}}, 422, "basis: is missing"),
    ({"title": "", "text": ""}, 422, "text: is missing"),
    ({"link": "javascript:alert(1)"}, 422, "link: is no address"),
    ({"image": "/a.png"}, 422, "image: is no address"),
    ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "expires_at: lies in the past"),
    ({"expires_at": "2027-01-01T00:00:00"}, 422, "expires_at: "),
    ({"text": "x" * 20_000}, 422, "text: "),
    ({"audience": "all"}, 422, "audience: unknown field"),
]


@pytest.mark.parametrize(("change", "status", "told"), REFUSED, ids=[r[2] for r in REFUSED])
async def test_a_refusal_names_the_field_and_did_nothing(
    change: dict[str, Any], status: int, told: str
) -> None:
    async with calling() as call:
        answer = await call("messages", {**POST, **change})
        assert answer.status_code == status
        assert answer.json()["error"].startswith(told)
        assert NUMBER not in answer.text
        assert call.untouched


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"\xff", 400), (b"[]", 422), (b"null", 422),
        (b"[" * 100_000, 422), (b'{"external_id": "' + b"x" * 600_000 + b'"}', 413),
    ],
)  # fmt: skip
async def test_what_is_no_call(body: bytes, status: int) -> None:
    async with calling() as call:
        assert (await call("messages", body)).status_code == status
        assert call.untouched


async def test_a_missing_field_is_named() -> None:
    async with calling() as call:
        answer = await call("messages", {"topic": "blog", "text": "x"})
        assert answer.json() == {"error": "external_id: is missing"}


async def test_clients_may_be_held_to_kinds_and_topics() -> None:
    async with calling(kinds=["service"], topics=["termine"]) as call:
        assert (await call("messages", POST)).status_code == 403
        body = {"people": [{"phone": NUMBER, "topic": "blog"}]}
        assert (await call("people", body)).status_code == 422
        assert call.untouched


# --- withdrawals --------------------------------------------------------------------------------
async def test_a_withdrawal_is_in_force_when_it_is_answered() -> None:
    async with calling() as call:
        call.context.contacts[7] = person(7, ("blog", "confirmed"))
        answer = await call("withdrawals", {"phone": NUMBER, "topic": "blog"})
        assert (answer.status_code, answer.json()) == (200, {"withdrawn": True, "known": True})
        await call("withdrawals", {"phone": NUMBER})
        assert call.context.withdrawn == [(7, "blog"), (7, None)]


async def test_a_withdrawal_of_somebody_unknown_is_kept_all_the_same() -> None:
    async with calling() as call:
        answer = await call("withdrawals", {"user_id": " DE.13481234 "})
        assert answer.json() == {"withdrawn": True, "known": False}
        (made,) = call.context.new_people
        assert made.identities == (Identity("user_id", "DE.13481234"),)
        (event,) = made.events
        assert (event.name, event.topic, event.source) == ("withdrawn", None, "api shop")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"phone": "12"},
        {"phone": NUMBER, "user_id": "DE.1"},
        {"phone": NUMBER, "topic": "x"},
        {"user_id": " "},
    ],
)
async def test_a_withdrawal_that_is_none(body: dict[str, str]) -> None:
    async with calling() as call:
        assert (await call("withdrawals", body)).status_code == 422
        assert call.untouched


# --- people -------------------------------------------------------------------------------------
PROVEN = {
    "phone": NUMBER, "topic": "blog", "confirmed_at": "2025-03-02T10:15:02+01:00",
    "source": "Messe 2025", "wording": "Ja, schickt mir neue Beiträge", "version": "3",
}  # fmt: skip


async def test_a_proven_consent_is_imported_with_its_words() -> None:
    async with calling() as call:
        answer = await call("people", {"people": [{**PROVEN, "evidence": {"card": "117"}}]})
        assert answer.json() == {"people": [{"verdict": "consent", "reason": ""}]}
        (made,) = call.context.new_people
        (event,) = made.events
        assert (event.name, event.source) == ("imported", "Messe 2025")
        assert event.evidence == {"card": "117", "client": "shop"}
        assert event.wording is not None
        assert (event.wording.text, event.wording.version) == (PROVEN["wording"], "3")


@pytest.mark.parametrize("missing", ["topic", "confirmed_at", "source", "wording"])
async def test_a_claim_is_no_proof(missing: str) -> None:
    async with calling() as call:
        one = {key: value for key, value in PROVEN.items() if key != missing}
        answer = await call("people", {"people": [one]})
        (verdict,) = answer.json()["people"]
        assert verdict == {"verdict": "no_consent", "reason": f"no proof: {missing} missing"}
        (made,) = call.context.new_people
        assert made.events == ()


@pytest.mark.parametrize("state", ["withdrawn", "refused"])
@pytest.mark.parametrize("topic", ["blog", "*"])
async def test_what_the_person_said_wins(state: str, topic: str) -> None:
    async with calling() as call:
        call.context.contacts[7] = person(7, (topic, state))
        answer = await call("people", {"people": [PROVEN]})
        assert answer.json()["people"][0]["verdict"] == "kept"
        assert call.context.new_people[0].events == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"phone": "12"}, "people[1].phone: "),
        ({"topic": "intern"}, "people[1].topic: "),
        ({"confirmed_at": (NOW + timedelta(days=1)).isoformat()}, "people[1].confirmed_at: "),
        ({"confirmed_at": "2025-03-02 10:15"}, "people[1].confirmed_at: "),
        ({"confirmed_at": "0001-01-01T00:00:00+23:59"}, "people[1].confirmed_at: is in the year 1"),
        ({"consent": True}, "people[1].consent: unknown field"),
    ],
)
async def test_one_mistake_and_nobody_is_imported(change: dict[str, Any], told: str) -> None:
    async with calling() as call:
        answer = await call("people", {"people": [PROVEN, {**PROVEN, **change}]})
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(told)
        assert call.untouched


async def test_a_call_has_at_most_500_people() -> None:
    async with calling() as call:
        assert (await call("people", {"people": []})).status_code == 422
        many = [{"user_id": f"DE.{at}"} for at in range(501)]
        assert (await call("people", {"people": many})).status_code == 422
        assert (await call("people", {"people": many[:500]})).status_code == 200


async def test_what_is_known_of_a_person() -> None:
    async with calling() as call:
        call.context.contacts[7] = person(7, ("blog", "confirmed"))
        found = (await call("people/query", {"phone": NUMBER})).json()
        assert found["known"] is True
        assert found["consents"] == [
            {"topic": "blog", "state": "confirmed", "since": NOW.isoformat()}
        ]
        assert (await call("people/query", {"phone": "+4917139200034"})).json() == {"known": False}


async def test_no_address_takes_personal_data() -> None:
    async with calling() as call:
        for path in ("people", f"people/{NUMBER}", "people/query", "messages"):
            assert (await call.client.get(f"/in/api/{path}", headers=AUTH)).status_code in (
                404,
                405,
            )


async def test_calls_are_counted() -> None:
    async with calling() as call:
        await call("messages", POST)
        await call("messages", b"{")
        assert call.context.figure("calls_total", call="messages", status="201") == 1
        assert call.context.figure("calls_total", call="messages", status="400") == 1
