"""What editors press and write: the first decision wins, once, and nobody else decides."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gateway.api import Hold
from gateway.testing import NOW
from tests.plugins.middleware.desk import ANNA, BERT, POST, STRANGER, at, desk, said

YES = (POST, "approve", "redaktion", "")
NO = (POST, "cancel", "redaktion", "")


@pytest.mark.parametrize(("action", "steered"), [("approve", YES), ("reject", NO)])
async def test_the_first_decision_wins(action: str, steered: tuple[Any, ...]) -> None:
    """A second press of the same person, the other one's, and the same webhook again: nothing."""
    async with desk() as d:
        await d.held()
        assert await d.press(ANNA, action) == []
        assert d.context.steered == [steered]
        word = "gesendet" if action == "approve" else "nicht gesendet"
        for other in (ANNA, BERT):
            for pressed in ("approve", "reject", "later"):
                answer = await d.press(other, pressed)
                assert said(answer) == [
                    (other, f"#413 ist schon entschieden: {word}, redaktion um 10:00.")
                ]
        assert d.context.steered == [steered]


async def test_a_press_that_is_noticed_again_acts_as_the_first_time() -> None:
    """The gateway crashed between the decision and the observer's position."""
    async with desk(four_eyes_above=10) as d:
        await d.held()
        first = await d.press(ANNA, "approve")
        inbound = max(d.context.inbound)
        again = await d.event("inbound", message=None, contact=ANNA, inbound=inbound)
        assert len(first) == 2
        assert again == [], "the core knows the external ids"
        await d.press(BERT, "approve")
        d.context.refusal = "#413 is not held (ready)"
        inbound = max(d.context.inbound)
        assert await d.event("inbound", message=None, contact=BERT, inbound=inbound) == []
        assert [one[:3] for one in d.context.steered] == [
            (POST, "approve", "redaktion + vertretung")
        ] * 2


async def test_what_the_core_refuses_is_said_and_not_decided() -> None:
    async with desk() as d:
        await d.held()
        d.context.refusal = "#413 is busy"
        assert said(await d.press(ANNA, "approve")) == [(ANNA, "Das ging nicht: #413 is busy")]
        d.context.refusal = None
        assert await d.press(BERT, "approve") == []
        assert d.context.steered[-1] == (POST, "approve", "vertretung", "")


@pytest.mark.parametrize("known", [True, False])
async def test_a_press_of_somebody_else_counts_for_nothing(
    known: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(ask=["redaktion"]) as d:
        await d.held()
        who = BERT if known else STRANGER  # one of [people], who is not asked
        with caplog.at_level(logging.WARNING):
            for action in ("approve", "reject", "later", "hold", "go", "cancel"):
                assert await d.press(who, action) == []
        assert caplog.text.count("is not asked; it counts for nothing") == 6
        assert d.context.steered == []


@pytest.mark.parametrize(
    "changes",
    [
        {"button": False},  # typed, not pressed
        {"words": f"approve:{POST}:1:1"},
        {"words": f"approve:{'9' * 25}:1"},
        {"words": "approve:"},
        {"act": "stop"},
    ],
)
async def test_only_a_button_of_ours_is_a_press(changes: dict[str, Any]) -> None:
    async with desk() as d:
        await d.held()
        words = {"words": f"approve:{POST}:1", "button": changes.get("act", "") == ""}
        assert await d.inbound(ANNA, **(words | changes)) == []
        assert d.context.steered == []


@pytest.mark.parametrize(
    ("view", "forward", "version", "answer"),
    [
        ({}, 0, 2, "Von #413 gibt es eine neuere Fassung"),
        ({}, 12 * 3600, 1, "Zu spät: #413"),
        ({"state": "dropped", "code": "unanswered"}, 0, 1, "Zu spät: #413"),
        ({"state": "held", "code": "held_word"}, 0, 1, "Zu spät: #413"),
        ({"state": "started"}, 0, 1, "Zu spät: #413"),
    ],
)
async def test_a_card_that_counts_no_more(
    view: dict[str, Any], forward: float, version: int, answer: str
) -> None:
    async with desk() as d:
        await d.held()
        d.view(**({"state": "held", "code": "approval"} | view))
        d.context.clock.forward(forward)
        ((_, words),) = said(await d.press(ANNA, "approve", version))
        assert words.startswith(answer)
        assert d.context.steered == []


async def test_a_post_that_nobody_knows_any_more() -> None:
    async with desk() as d:
        assert said(await d.press(ANNA, "approve")) == [
            (ANNA, "Diesen Beitrag gibt es nicht mehr.")
        ]
        del d.context.views[POST]
        assert said(await d.press(ANNA, "hold")) == [(ANNA, "Diesen Beitrag gibt es nicht mehr.")]


# --- four eyes ----------------------------------------------------------------------------------
@pytest.mark.parametrize(("above", "one_is_enough"), [(7961, False), (7962, True), (0, True)])
async def test_four_eyes(above: int, one_is_enough: bool) -> None:
    async with desk(four_eyes_above=above) as d:
        card = (await d.held())[1]
        assert ("Zwei von euch müssen Ja sagen." in card.text) != one_is_enough
        answers = await d.press(ANNA, "approve")
        if one_is_enough:
            assert d.context.steered == [YES]
            return
        assert [one.to for one in answers] == [ANNA, BERT]
        assert "Es fehlt noch eines" in answers[0].text
        assert "redaktion hat Ja zu #413 gesagt" in answers[1].text
        assert "Es fehlt noch eines" in (await d.press(ANNA, "approve"))[0].text
        assert d.context.steered == [], "twice the same person is one person"
        assert await d.press(BERT, "approve") == []
        assert d.context.steered == [(POST, "approve", "redaktion + vertretung", "")]


async def test_one_no_is_enough() -> None:
    async with desk(four_eyes_above=10) as d:
        await d.held()
        await d.press(ANNA, "approve")
        await d.press(BERT, "reject")
        assert d.context.steered == [(POST, "cancel", "vertretung", "")]


# --- later --------------------------------------------------------------------------------------
@pytest.mark.parametrize(("now", "again"), [("10:00", "12:00"), ("20:00", "21:00")])
async def test_later_asks_again(now: str, again: str) -> None:
    """After two hours, or half of what is left; also after a restart."""
    async with desk() as d:
        await d.held()
        d.context.clock.at = at(now)
        answer = await d.press(ANNA, "later")
        assert said(answer) == [(ANNA, f"Gut, zu #413 frage ich um {again} noch einmal.")]
        assert d.context.steered == [(POST, "screen", "redaktion", "")]
        held = await d.screened()
        assert isinstance(held, Hold)
        assert held.until == at(again)
        assert f"· asks again {again} · skipped 22:00" in held.text
        assert await d.held() == [], "not yet"
        context, kept = d.context, d.kept
    async with desk(context=context) as d:
        d.kept = kept
        context.clock.at = at(again)
        held = await d.screened()
        assert isinstance(held, Hold)
        assert held.until == NOW + timedelta(hours=12)
        (card,) = await d.held()
        assert card.to == ANNA
        assert card.buttons[0].payload == f"approve:{POST}:1"
        assert await d.held() == [], "once"
        await d.press(ANNA, "approve")
        assert context.steered[-1] == YES


# --- another text -------------------------------------------------------------------------------
@pytest.mark.parametrize("key", ["preview", "card"])
async def test_an_answer_to_the_preview_is_the_new_text(key: str) -> None:
    async with desk() as d:
        await d.held()
        assert await d.quote(ANNA, " Ein besserer Satz. ", key) == []
        assert d.context.steered == [(POST, "revise", "redaktion", "Ein besserer Satz.")]
        assert "neuere Fassung" in (await d.press(BERT, "approve"))[0].text
        d.preview(message=d.post.replace(text="Ein besserer Satz."))
        fresh = await d.held()
        assert [one.to for one in fresh] == [ANNA, ANNA, BERT, BERT]
        await d.press(BERT, "approve", 2)
        assert d.context.steered[-1] == (POST, "approve", "vertretung", "")


async def test_back_to_the_first_text_is_a_version_too() -> None:
    async with desk() as d:
        await d.held()
        for n, text in enumerate(("Anders.", "Ein Satz."), 2):
            await d.quote(ANNA, text)
            d.preview(message=d.post.replace(text=text))
            assert len(await d.held()) == 4
            assert "neuere Fassung" in (await d.press(BERT, "approve", n - 1))[0].text


@pytest.mark.parametrize(
    "changes",
    [
        {"quoted": None},
        {"quoted": "wamid.other"},
        {"kind": "image"},
        {"words": " "},
        {"act": "yes"},
    ],
)
async def test_other_words_change_nothing(changes: dict[str, Any]) -> None:
    async with desk() as d:
        await d.held()
        await d.quote(ANNA, "Ein Satz.")
        await d.held()
        before = list(d.context.steered)
        words = {"words": "Anders", "quoted": "wamid.sent"}
        assert await d.inbound(ANNA, **(words | changes)) == []
        assert d.context.steered == before


async def test_a_quote_of_somebody_elses_message_changes_nothing() -> None:
    """Another plugin's message may be called as ours are."""
    async with desk() as d:
        await d.held()
        await d.quote(ANNA, "Ein Satz.")
        await d.held()
        view = d.context.views[77]
        other = view.message.replace(input="other")
        d.context.views[77] = msgspec.structs.replace(view, message=other)
        await d.inbound(ANNA, words="Anders", quoted="wamid.sent")
        assert len(d.context.steered) == 1


async def test_the_text_is_fixed_once_it_runs() -> None:
    async with desk() as d:
        await d.held()
        d.view(state="started")
        assert said(await d.quote(ANNA, "Neu")) == [
            (ANNA, "Zu spät: der Text von #413 steht fest.")
        ]
        assert d.context.steered == []


# --- while it goes ------------------------------------------------------------------------------
async def running(d: Any) -> list[Any]:
    await d.held()
    d.context.clock.at = at("17:39")
    await d.press(ANNA, "approve")
    await d.event("message.approve", code="approval", detail="redaktion")
    d.view(state="started", counts={"queued": 8002})
    d.preview(message=d.post.replace(spread=7200.0))
    return list(await d.event("message.started", detail="8002"))


async def test_everybody_hears_that_it_runs_and_may_stop_it() -> None:
    async with desk() as d:
        told = await running(d)
        line = "#413 läuft (Ja von redaktion um 17:39): 7.962 in der Warteschlange, bis etwa 19:39."
        assert said(told) == [(ANNA, line), (BERT, line)]
        (button,) = told[1].buttons
        assert (button.text, button.payload) == ("Anhalten", f"hold:{POST}")
        assert await d.press(BERT, "hold", 0) == []
        assert d.context.steered[-1] == (POST, "pause", "vertretung", "")
        d.view(state="started", paused=True, counts={"paused": 6000, "queued": 2, "read": 2000})
        told = await d.event("message.pause", detail="vertretung")
        assert said(told)[0] == (ANNA, "#413 steht (vertretung): 2.000 sind raus, 6.002 warten.")
        assert [one.payload for one in told[0].buttons] == [f"go:{POST}", f"cancel:{POST}"]
        await d.press(ANNA, "go", 0)
        assert d.context.steered[-1] == (POST, "resume", "redaktion", "")
        told = await d.event("message.resume", detail="redaktion")
        assert said(told)[1] == (BERT, "#413 läuft weiter (redaktion): 6.002 warten noch.")
        await d.press(ANNA, "cancel", 0)
        assert d.context.steered[-1] == (POST, "cancel", "redaktion", "")
        told = await d.event("message.cancel", detail="redaktion")
        assert said(told)[0][1] == "#413 ist abgebrochen (redaktion): 2.000 sind raus, mehr nicht."


async def test_nothing_left_to_stop() -> None:
    async with desk() as d:
        await running(d)
        d.view(state="started", counts={"read": 7000, "failed": 3, "dropped": 40})
        assert said(await d.press(ANNA, "hold", 0)) == [
            (ANNA, "#413 ist durch: es wartet nichts mehr.")
        ]


@pytest.mark.parametrize(
    ("event", "detail", "line"),
    [
        ("message.cancel", "anna", "#413 wird nicht gesendet (anna)."),
        ("message.cancel", "", "#413 wird nicht gesendet (gateway)."),
    ],
)
async def test_a_decision_at_the_command_line_is_told_too(
    event: str, detail: str, line: str
) -> None:
    async with desk() as d:
        await d.held()
        assert said(await d.event(event, detail=detail)) == [(ANNA, line), (BERT, line)]
        ((_, words),) = said(await d.press(ANNA, "approve"))
        assert words.startswith("#413 ist schon entschieden: nicht gesendet")


async def test_an_approval_at_the_command_line_is_named() -> None:
    async with desk() as d:
        await d.held()
        await d.event("message.approve", code="held_word", detail="admin")  # of another hold
        assert await d.event("message.approve", code="approval", detail="admin") == []
        ((_, words),) = said(await d.press(ANNA, "reject"))
        assert "gesendet, admin um 10:00" in words


@pytest.mark.parametrize(
    ("event", "code", "detail", "line"),
    [
        (
            "message.dropped",
            "unanswered",
            "…",
            "Niemand hat über #413 entschieden: nicht gesendet.",
        ),
        ("message.dropped", "expired", "over", "#413 wird nicht gesendet: over"),
        ("message.held", "no_room", "too long", "#413 wartet noch: too long"),
    ],
)
async def test_what_else_becomes_of_it(event: str, code: str, detail: str, line: str) -> None:
    async with desk() as d:
        await d.held()
        assert said(await d.event(event, code=code, detail=detail)) == [(ANNA, line), (BERT, line)]
        if event == "message.held":  # it is looked at again and again
            assert await d.event(event, code=code, detail=detail) == []


async def test_others_posts_concern_nobody() -> None:
    async with desk() as d:
        for name in ("held", "dropped", "started", "approve", "cancel", "pause", "resume"):
            assert await d.event(f"message.{name}", code="held_word", message=5) == []


async def test_nobody_is_told_outside_the_window() -> None:
    async with desk() as d:
        await d.held()
        d.person(BERT, windows={})
        assert [one.to for one in await d.event("message.cancel", detail="anna")] == [ANNA]


async def test_silence_may_send_and_says_so() -> None:
    async with desk(silence="send") as d:
        card = (await d.held())[1]
        assert "Ohne Antwort bis 22:00 wird es gesendet." in card.text
        d.view(state="started")
        ((_, line), _) = said(await d.event("message.started", detail="50"))
        assert line.startswith("#413 läuft (niemand hat geantwortet): 10 in der Warteschlange")
        d.view(state="started", left_out={"paused": 50})
        ((_, line), _) = said(await d.event("message.started", detail="50"))
        assert line.startswith("#413 erreicht niemanden")
