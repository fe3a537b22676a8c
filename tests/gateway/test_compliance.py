"""What a data protection officer would ask for first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway import compliance
from gateway.config import (
    Company,
    Consent,
    GatewayConfig,
    Mail,
    Proof,
    Retention,
    Server,
    Service,
    Storage,
)
from gateway.http import FetchError
from gateway.message import Topic
from gateway.testing import Answer, FakeHttp
from gateway.texts import TextFiles
from gateway.values import Duration

PAGE = "https://blog.example/datenschutz"
CHAIN = ("consent", "filter", "ratelimit", "footer")
OBSERVERS = ("signup", "answers", "forward")
GOOD = GatewayConfig(
    file=Path("gateway.toml"),
    company=Company(
        name="Beispiel GmbH", imprint="https://blog.example/impressum", privacy=PAGE, mail="a@blog.example"
    ),
    server=Server(),
    storage=Storage(),
    consent=Consent(),
    service=Service(),
    chain=CHAIN,
    topics={
        "blog": Topic(
            name="blog", title="Blog", purpose="Beiträge", frequency="wöchentlich", owner="redaktion"
        )
    },
    senders={},
    inputs={},
    middleware={},
    observers={},
    people={},
    mail=Mail(host="localhost", security="none"),
    proof=Proof(officer="dsb@blog.example"),
)  # fmt: skip


def with_company(**changes: Any) -> GatewayConfig:
    company = msgspec.structs.replace(GOOD.company, **changes)
    return msgspec.structs.replace(GOOD, company=company)


def with_topic(**changes: Any) -> GatewayConfig:
    return msgspec.structs.replace(GOOD, topics={"blog": GOOD.topics["blog"].replace(**changes)})


def test_good_settings_leave_nothing_to_ask() -> None:
    assert compliance.of_settings(GOOD, CHAIN, OBSERVERS) == []


@pytest.mark.parametrize(
    ("config", "weight", "change"),
    [
        (
            msgspec.structs.replace(GOOD, consent=Consent(double_opt_in=False)),
            "missing",
            "double_opt_in",
        ),
        (with_company(imprint=""), "missing", "[company] imprint"),
        (with_company(privacy=""), "missing", "[company] privacy"),
        (with_company(mail=""), "missing", "[company] mail"),
        (msgspec.structs.replace(GOOD, proof=Proof()), "missing", "[proof] officer"),
        (msgspec.structs.replace(GOOD, mail=Mail()), "missing", "[proof] officer"),
        (
            msgspec.structs.replace(GOOD, retention=Retention(sent=Duration(0))),
            "missing",
            "[retention] sent",
        ),
        (with_topic(version=" "), "missing", "[topics.blog] version"),
        (with_topic(frequency=""), "advice", "[topics.blog] frequency"),
        (with_topic(owner=None), "advice", "[topics.blog] owner"),
    ],
)
def test_each_lack_is_one_concern(config: GatewayConfig, weight: str, change: str) -> None:
    (concern,) = compliance.of_settings(config, CHAIN, OBSERVERS)
    assert concern.weight == weight
    assert change in concern.change


@pytest.mark.parametrize("name", ["consent", "filter", "footer"])
def test_a_guard_that_is_not_in_the_chain(name: str) -> None:
    (concern,) = compliance.of_settings(GOOD, [one for one in CHAIN if one != name], OBSERVERS)
    assert (concern.weight, name in concern.text) == ("missing", True)


def test_questions_have_to_reach_somebody() -> None:
    (concern,) = compliance.of_settings(GOOD, CHAIN, OBSERVERS[:2])
    assert "forward" in concern.change


def test_a_time_stamp_is_an_anchor_too() -> None:
    proof = Proof(timestamp_url="https://tsa.example/")
    config = msgspec.structs.replace(GOOD, proof=proof, mail=Mail())
    assert compliance.of_settings(config, CHAIN, OBSERVERS) == []


def test_a_closed_topic_is_nobodys_business() -> None:
    assert (
        compliance.of_settings(with_topic(closed=True, frequency="", owner=None), CHAIN, OBSERVERS)
        == []
    )


@pytest.mark.parametrize(
    ("answer", "weight"),
    [
        (Answer(body=b"<p>Wir nutzen WhatsApp von Meta.</p>"), None),
        (Answer(body=b"<p>wir nutzen WHATSAPP</p>"), None),
        (Answer(body=b"<p>Wir nutzen Cookies.</p>"), "missing"),
        (Answer(status=404), "missing"),
        (FetchError("timeout", "no answer"), "advice"),
    ],
)
async def test_the_privacy_notice_has_to_name_whatsapp(
    answer: Answer | Exception, weight: str | None
) -> None:
    http: Any = FakeHttp()
    http.answers[f"GET {PAGE}"] = answer
    found = await compliance.of_privacy_page(GOOD, http)
    assert [concern.weight for concern in found] == ([weight] if weight else [])


def test_own_texts_need_a_version_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "de.toml").write_text('[link]\nbutton = "Los"\n')
    (concern,) = compliance.of_texts(TextFiles("de", tmp_path))
    assert "de.toml" in concern.change
    (tmp_path / "de.toml").write_text('version = "2026-1"\n[link]\nbutton = "Los"\n')
    assert compliance.of_texts(TextFiles("de", tmp_path)) == []
