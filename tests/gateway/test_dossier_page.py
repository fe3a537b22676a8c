"""The page that answers "what do you know about me": whole, readable, harmless."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load
from gateway.dossier_page import DossierPage
from gateway.inbound import Act, Case, Close, Preference, SignUp, Wording
from gateway.message import Basis, Identity
from gateway.store.people import Terms
from gateway.store.protocol import moment
from gateway.store.sqlite import SqliteStore
from gateway.texts import TextFiles
from tests.gateway.store.house import HOUR, House

EVIL = "<script>alert(1)</script>"
ADA = (Identity("phone", "+4917139200123"), Identity("user_id", "DE.77"))
SETTINGS = """
[company]
name = "Beispiel GmbH"
mail = "datenschutz@blog.example"
privacy = "https://blog.example/datenschutz"
[topics.news]
title = "Neue Beiträge"
purpose = "Hinweise auf Beiträge"
"""


@pytest.fixture
async def found(tmp_path: Path) -> dict[str, Any]:
    """What is stored about somebody who did everything."""
    async with SqliteStore(tmp_path / "store.db", suppression_key=b"k" * 32) as store:
        house = House(store)
        wording = Wording(text=f"Ja {EVIL}", language="de", version="1", purpose="x")
        terms = Terms(wordings={"news": wording}, double_opt_in=False)
        sign_up = SignUp(
            code="K7F3", topics=("news",), source="form", at=moment(house.at()),
            evidence={"page": "https://blog.example/anmelden"},
        )  # fmt: skip
        await store.accept("form", [], at=house.at(), sign_ups=[sign_up])
        start = Act(kind="start", topics=("news",), code="K7F3")
        await house.says(ADA, "START news K7F3", act=start, terms=terms)
        contact = await store.find(ADA[0])
        assert contact is not None
        house.later()
        await house.started()
        (delivery,) = await house.lease()
        basis = Basis(kind="consent", event=delivery.permissions.consent)
        assert await house.begin(delivery.replace(basis=basis)) is None
        await house.settle(delivery)
        await house.status(delivery, "read")
        case = Case(
            kind="callback", external_id="c", contact=contact, text=EVIL, id=5,
            fields={"Wann": "morgen"},
        )  # fmt: skip
        close = Close(case=5, by="anna", answer=f"Um neun {EVIL}")
        wish = Preference(contact=contact, paused_until=moment(house.at() + HOUR), per_week=2)
        await store.accept("x", [], at=house.at(), cases=[case], closes=[close], preferences=[wish])
        await store.looked("anna", "contacts show", contact, at=house.at())
        dossier: dict[str, Any] = await store.people_report("dossier", id=contact)
        return dossier


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gateway.toml").write_text(SETTINGS)
    return tmp_path


def page(found: dict[str, Any], folder: Path) -> str:
    config = load(folder / "gateway.toml")[0]
    return DossierPage(found, config, TextFiles("de")).render(datetime(2027, 1, 15, tzinfo=UTC))


async def test_everything_is_there(found: dict[str, Any], folder: Path) -> None:
    """Who, what was agreed to and how, what went and came, wishes, rights."""
    shown = page(found, folder)
    for piece in (
        "+4917139200123", "DE.77", "Neue Beiträge", "Hinweise auf Beiträge",
        "Einwilligung liegt vor", "hat bestätigt", "https://blog.example/anmelden", "hello",
        "gelesen", "START news K7F3", "Rückruf", "morgen", "Um neun", "contacts show",
        "datenschutz@blog.example", "1825 Tage", "Aufsichtsbehörde",
    ):  # fmt: skip
        assert piece in shown, piece


async def test_it_speaks_the_persons_language(found: dict[str, Any], folder: Path) -> None:
    """The contact's own, else the company's."""
    assert "Deine gespeicherten Daten" in page(found, folder)
    english = page(found | {"language": "en"}, folder)
    assert "The data we hold about you" in english
    assert 'lang="en"' in english


async def test_nothing_in_it_runs_or_is_loaded(found: dict[str, Any], folder: Path) -> None:
    """Words of people are words, whatever they look like."""
    shown = page(found, folder)
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") >= 3
    assert not re.search(r"(src|href)=", shown)


async def test_names_of_employees_are_not_told(found: dict[str, Any]) -> None:
    """That somebody looked, and when, is the person's to know; who it was is not."""
    assert [set(one) for one in found["looked_up"]] == [{"at", "what"}]


async def test_times_are_told_in_a_way_that_programs_read(found: dict[str, Any]) -> None:
    """ISO 8601 with its offset, everywhere."""
    for one in (found["created_at"], found["sent"][0]["attempts"][0]["read_at"]):
        assert datetime.fromisoformat(one).utcoffset() is not None
