"""`gateway form`, as it is typed."""

from __future__ import annotations

from typing import Any

from click.testing import CliRunner

from gateway_plugins.inputs.form.cli import form


class Target:
    """A gateway that answers what it was told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.called: list[tuple[str, dict[str, Any]]] = []

    def call(self, operation: str, **arguments: Any) -> Any:
        self.called.append((operation, arguments))
        return self.answer


def run(answer: Any, *typed: str) -> tuple[str, Target]:
    target = Target(answer)
    result = CliRunner().invoke(form, list(typed), obj=target)
    assert result.exit_code == 0, result.output
    return result.output, target


def test_a_snippet_is_printed_as_it_is() -> None:
    shown, target = run(
        {"html": "<form>…</form>"}, "snippet", "website", "news", "--language", "en"
    )
    assert shown == "<form>…</form>\n"
    asked = {
        "label": "website",
        "command": "snippet",
        "arguments": {"form": "news", "language": "en"},
    }
    assert target.called == [("plugin", asked)]


def test_addresses_stand_below_each_other_with_their_notes() -> None:
    rows = [
        {"what": "sign-up page", "address": "https://wa.blog.example/in/website/", "note": ""},
        {"what": "kontakt (cf7)", "address": "https://wa.blog.example/x", "note": "the key"},
    ]
    shown, _ = run({"rows": rows}, "addresses", "website")
    lines = shown.splitlines()
    assert [line.split()[-1] for line in lines] == [rows[0]["address"], rows[1]["address"], "key"]
    assert len({line.index("https") for line in lines[:2]}) == 1
