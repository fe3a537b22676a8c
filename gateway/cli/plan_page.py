"""The page of `gateway message plan`: whom a message reaches, how long it takes, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.cli.words import LABEL, Times, lines, number, quoted, several, span
from gateway.logs import masked

Data = Mapping[str, Any]

LEFT_OUT = {
    "withdrawn": "stopped",
    "requested": "did not confirm",
    "refused": "said no",
    "expired": "never confirmed",
    "unconfirmed": "with a doubtful number",
    "later": "agreed after it came",
    "paused": "want nothing at the moment",
    "unreachable": "cannot be reached by this sender",
    "refused_by_provider": "get no marketing from WhatsApp for now",
    "capped": "got as much as they get at most",
    "no_form": "outside a window, and there is no template",
}


def render(found: Data, wide: int) -> list[str]:
    """Return the page."""
    plan = found["plan"]
    times = Times(found["time_zone"], _micros(plan["at"]))
    of = plan["reached"] + sum(plan["left_out"].values())
    page = lines(f"#{found['message']}", [quoted(found["title"], wide - LABEL - 2)], wide)
    reach = [f"{number(plan['reached'])} of {several(of, 'person', 'people')}"]
    reach += [f"{number(plan['by_text'])} in their window, by free text"] if plan["by_text"] else []
    page += lines("reaches", reach, wide)
    page += lines("not", _left_out(plan["left_out"]), wide)
    page += lines("goes", _when(plan, found["spread"], times), wide)
    page += lines("expires", _expires(plan, times), wide)
    for places in plan["places"]:
        label = "tier" if places["key"].startswith("tier:") else "limit"
        page += lines(label, _places(places, plan, times), wide)
    page += lines("costs", _costs(plan["price"], found["rates"]), wide)
    page += lines("month", _month(plan["price"]), wide)
    if found["trouble"]:
        page += lines("holds it", [masked(found["trouble"])], wide)
    return page


def _left_out(left_out: Mapping[str, int]) -> list[str]:
    by_number = sorted(left_out.items(), key=lambda pair: (-pair[1], pair[0]))
    return [f"{number(n)} {LEFT_OUT.get(why, why)}" for why, n in by_number]


def _when(plan: Data, spread: float, times: Times) -> list[str]:
    begins = _micros(plan["begins"])
    said = ["at once" if not plan["closed"] else f"from {times.short(begins)}: {plan['closed']}"]
    seconds = plan["seconds"]
    if seconds >= 1:
        end = times.short(begins + int(seconds * 1e6))
        said.append(f"takes about {span(int(seconds * 1e6))}, until {end}")
        said += [f"waits in between: {plan['waits']}"] if plan["waits"] else []
    if spread:
        said.append(f"spread over {span(int(spread * 1e6))}")
    if plan["per_second"]:
        said.append(f"at most {plan['per_second']:g} a second")
    return said


def _expires(plan: Data, times: Times) -> list[str]:
    """When its time is over; that matters if the last ones would go only then."""
    if plan["expires_at"] is None:
        return []
    over = _micros(plan["expires_at"])
    late = over < _micros(plan["begins"]) + int(plan["seconds"] * 1e6)
    return [
        times.short(over),
        "NOT ALL IN TIME: what has not gone by then is not sent" if late else "",
    ]


def _places(places: Data, plan: Data, times: Times) -> list[str]:
    taken = f"{number(places['used'])} taken, {number(places['needed'])} needed"
    said = [places["said"], taken]
    if places["used"] + places["needed"] <= places["n"]:
        return [*said, "enough"]
    last = places["last_at"]
    rest = f"the last {times.short(_micros(last))}" if last else "nobody knows when the others"
    short = f"NOT ENOUGH: {number(places['today'])} of {number(plan['reached'])} now"
    return [*said, short, rest]


def _costs(price: Data | None, source: str | None) -> list[str]:
    if price is None:
        return ["not known: no table of prices is set ([cost] rates)"]
    said = [
        f"about {_amount(price['amount'])} {price['currency']}",
        several(price["billed"], "message"),
        f"prices of {price['rates_of']}" + (f" ({source})" if source else ""),
    ]
    if price["unpriced"]:
        countries = ", ".join(f"{n} in {country}" for country, n in price["unpriced"].items())
        said.append(f"no price for {countries}")
    return said


def _month(price: Data | None) -> list[str]:
    if price is None or price["budget"] is None:
        return []
    left = max(0.0, price["budget"] - price["spent"] - price["promised"])
    said = [f"{_amount(price['spent'])} of {_amount(price['budget'])} spent"]
    said += [f"{_amount(price['promised'])} for what waits"] if price["promised"] else []
    said.append(f"{_amount(left)} left")
    if price["amount"] > left:
        said.append("NOT ENOUGH: it will wait for a person")
    return said


def _amount(amount: float) -> str:
    return f"{amount:,.2f}"


def _micros(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp() * 1e6)
