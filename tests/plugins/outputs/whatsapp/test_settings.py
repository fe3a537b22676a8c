"""Settings that cannot work are refused with a sentence, and without the secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway.api import Duration, Secret
from gateway_plugins.outputs.whatsapp.settings import WhatsAppConfig


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"phone_number_id": "+4917139200011"}, "phone_number_id"),
        ({"phone_number_id": ""}, "phone_number_id"),
        ({"account_id": "my account"}, "account_id"),
        ({"version": "25"}, "version"),
        ({"version": "v25.0/"}, "version"),
        ({"base_url": "graph.facebook.com"}, "base_url"),
        ({"base_url": "http://graph.facebook.com"}, "https://"),
        ({"base_url": "https://a:b@graph.facebook.com"}, "base_url"),
        ({"base_url": "https://graph.facebook.com?x=1"}, "base_url"),
        ({"base_url": "ftp://localhost"}, "https://"),
        ({"auth_header": "Author ization"}, "auth_header"),
        ({"auth_header": ""}, "auth_header"),
        ({"auth_scheme": "Bearer "}, "auth_scheme"),
        ({"token": Secret("geheim 1")}, "token"),
        ({"app_secret": Secret("geheim\n")}, "app_secret"),
        ({"previous_app_secret": Secret("")}, "previous_app_secret"),
        ({"verify_token": Secret("geheim ä")}, "verify_token"),
    ],
)
def test_refused(settings: Callable[..., Any], changes: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError) as caught:
        settings(**changes)
    assert word in str(caught.value)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "base_url",
    ["https://graph.facebook.com", "https://waba.example/path/", "http://127.0.0.1:8077",
     "http://localhost:1", "http://[::1]:8077"],
)  # fmt: skip
def test_base_url(settings: Callable[..., Any], base_url: str) -> None:
    config = settings(base_url=base_url)
    assert config.messages_url == f"{base_url.rstrip('/')}/v25.0/200000000000002/messages"


def test_as_the_settings_file_gives_it() -> None:
    def hook(type: type, value: object) -> object:
        return Secret(str(value)) if type is Secret else Duration.parse(value)

    table = {
        "phone_number_id": "100000000000001",
        "account_id": "100000000000002",
        "token": "abc",
        "app_secret": "def",
        "templates_every": "1h",
    }
    config = msgspec.convert(table, WhatsAppConfig, dec_hook=hook)
    assert config.templates_every == 3600
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**table, "tokn": "x"}, WhatsAppConfig, dec_hook=hook)
    with pytest.raises(msgspec.ValidationError, match="no phone number"):
        msgspec.convert({**table, "account_id": "+49"}, WhatsAppConfig, dec_hook=hook)
