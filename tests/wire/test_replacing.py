"""A number is lost in the middle of a campaign: the rest goes out from another one, once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.wire.inprocess import Running, running
from tests.wire.world import free_port, numbers

LOST, NEW = "100000000000001", "100000000000003"
MORE = """
[senders.second]
output          = "whatsapp"
base_url        = "http://127.0.0.1:PORT"
phone_number_id = "100000000000003"
account_id      = "100000000000002"
token           = { file = "token" }
app_secret      = { file = "secret" }
[middleware.ratelimit]
per_second = 40
"""


async def replaced(gateway: Running, *, really: bool) -> dict[str, int]:
    """Run the command to its end; returns what it counted."""
    total: Counter[str] = Counter()
    position = [0, 0]
    while position is not None:
        step = await gateway.call(
            "sender_replace", old="main", new="second", position=position, really=really
        )
        total.update({name: step[name] for name in ("moved", "dropped", "stay")})
        position = step["position"]
    return dict(total)


async def test_the_rest_of_a_campaign_goes_out_once(tmp_path: Path) -> None:
    people = numbers(120)
    port = free_port()
    more = MORE.replace("PORT", str(port))
    async with running(tmp_path, more=more, phone_number_ids=(LOST, NEW), port=port) as gateway:
        await gateway.import_confirmed(people)
        number = await gateway.send("1")
        await gateway.until(lambda: len(gateway.sandbox.received()) >= 30)
        await gateway.call("sender_pause", sender="main")  # Meta took the number away
        counted = await replaced(gateway, really=False)
        assert 0 < counted["moved"] < len(people)
        assert len({line.phone_number_id for line in gateway.sandbox.received()}) == 1
        await replaced(gateway, really=True)
        await gateway.until(lambda: len(gateway.sandbox.received()) == len(people), 30)

        async def read() -> bool:
            return (await gateway.counts(number)).get("read", 0) == len(people)

        await gateway.until(read)
        received = gateway.sandbox.received()
        assert Counter(line.contact for line in received) == dict.fromkeys(people, 1)
        assert {line.phone_number_id for line in received} == {LOST, NEW}
        listed = (await gateway.call("senders"))["senders"]
        assert {stop["code"] for stop in listed["main"]["stops"]} == {"person", "replaced"}
        assert listed["second"]["sharing"] == ["main"]
