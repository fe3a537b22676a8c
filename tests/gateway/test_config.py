"""The settings file is read with every problem of it told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import ConfigError

GOOD = """
chain = ["consent", "footer"]

[company]
name = "Muster GmbH"

[senders.main]
output = "whatsapp"
number = "1"

[topics.blog]
title = "Blog"
purpose = "Neue Beiträge"
sender = "main"

[inputs.blog]
plugin = "rss"
url = "https://example.org/feed"

[inputs.forms]

[middleware.footer]
text = "Abmelden: STOP"

[observers.crm]

[people]
anna = "+49 171 3920001"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


def found(file: Path, text: str) -> list[str]:
    file.write_text(text, encoding="utf-8")
    _, problems = load(file)
    assert all(problem.startswith(f"{file}: ") for problem in problems.found)
    return [problem.removeprefix(f"{file}: ") for problem in problems.found]


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_good_file(file: Path, start: str) -> None:
    """What the core reads is typed, what plugins read stays raw, also after a byte-order mark."""
    assert found(file, start + GOOD) == []
    config, _ = load(file)
    assert config.chain == ("consent", "footer")
    assert config.topics["blog"].name == "blog"
    assert config.service.grace == 20.0
    assert (config.senders["main"].plugin, config.inputs["blog"].plugin) == ("whatsapp", "rss")
    assert config.inputs["forms"].plugin == "forms"
    assert dict(config.senders["main"].values) == {"number": "1"}
    assert config.people == {"anna": "+49 171 3920001"}
    assert config.database == file.parent / "gateway.sqlite"
    assert config.admin_socket == file.parent / "admin.sock"


def test_paths_are_relative_to_the_file(file: Path) -> None:
    """Database and admin socket lie where the settings say, absolute paths included."""
    text = GOOD + '[store]\npath = "data/g.sqlite"\n[server]\nadmin = "/run/g/admin.sock"\n'
    assert found(file, text) == []
    config, _ = load(file)
    assert config.database == file.parent / "data" / "g.sqlite"
    assert config.admin_socket == Path("/run/g/admin.sock")
    assert found(file, text.replace('admin = "/run/g/admin.sock"', "")) == []
    assert load(file)[0].admin_socket == file.parent / "data" / "admin.sock"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[topics.blog]", "[topcis.blog]", "topcis: unknown section; did you mean 'topics'?"),
        ("[people]", "[zzz]", "zzz: unknown section; known: chain, company, "),
        ('[company]\nname = "Muster GmbH"', "", "[company]: is missing: people have to know"),
        ('name = "Muster GmbH"', "", "[company] name: is missing"),
        ('name = "Muster GmbH"', "name = 5", "[company] name: expected str, got int"),
        ("[company]", '[company]\nlangauge = "de"', "[company] langauge: unknown key; did you mean"),
        ("[company]", '[company]\ntime_zone = "Berlin"', "[company]: time_zone: there is no"),
        ("[company]", '[company]\nregion = "de"', '[company]: region: write a country such as "DE"'),
        ('chain = ["consent", "footer"]', "", "chain: is missing; write chain = "),
        ('chain = ["consent", "footer"]', 'chain = "consent"', "chain: has to be a list of names"),
        ('chain = ["consent", "footer"]', "chain = [1]", "chain: has to be a list of names"),
        ('["consent", "footer"]', '["footer", "footer"]', "chain: names a middleware twice"),
        ('[senders.main]\noutput = "whatsapp"\nnumber = "1"', "", "[senders]: name at least one"),
        ('sender = "main"', 'sender = "mian"', "[topics.blog] sender: there is no sender 'mian'; did"),
        ('title = "Blog"', "", "[topics.blog] title: is missing"),
        ('plugin = "rss"', "plugin = 5", "[inputs.blog] plugin: has to be a name"),
        ("[inputs.forms]", '[inputs."my forms"]', "[inputs.my forms]: a name is made of letters"),
        ("[inputs.forms]", '[inputs]\nforms = "x"', "[inputs] forms: has to be a table"),
        ("[observers.crm]", "[[observers]]", "[observers]: has to hold tables"),
        ('anna = "+49 171 3920001"', "anna = 5", "[people]: has to hold names, such as"),
        ("[people]", '[service]\ngrace = "a moment"\n[people]', "[service] grace: cannot read the"),
        ("[people]", '[service]\nlog_level = "loud"\n[people]', "[service] log_level: Invalid enum"),
        ("[people]", '[consent]\nstop_words = "x"\n[people]', "[consent] stop_words: expected array"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_and_key(file: Path, old: str, new: str, problem: str) -> None:
    """Each mistake gives a sentence that says where and what."""
    assert old in GOOD
    problems = found(file, GOOD.replace(old, new))
    assert any(each.startswith(problem) for each in problems), problems


@pytest.mark.parametrize("people", ['people = "anna"', "people = [1]", "people = 5"])
def test_people_that_are_no_table(file: Path, people: str) -> None:
    """A section of the wrong type is a problem, not a crash."""
    problems = found(file, people + "\n" + GOOD.split("[people]")[0])
    assert [each.split(":")[0] for each in problems] == ["[people]"]


def test_all_problems_come_together(file: Path) -> None:
    """One run of `gateway check` tells all that is wrong."""
    text = GOOD.replace("name =", "nmae =").replace("[people]", "[poeple]")
    text = text.replace('sender = "main"', 'sender = "mian"').replace(
        'plugin = "rss"', "plugin = 5"
    )
    assert len(found(file, text)) == 5  # two of them for [company]: a typo and what it lacks
    with pytest.raises(ConfigError) as caught:
        load(file)[1].check()
    assert len(caught.value.problems) == 5
    assert str(caught.value).count("\n") == 4


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no such file"),
        (b"chain = [", "is no TOML: "),
        (b"name = \xff", "cannot be read: UnicodeDecodeError"),
    ],
)
def test_a_file_that_cannot_be_read(file: Path, content: bytes | None, sentence: str) -> None:
    """A missing or broken file is one sentence with its path."""
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=sentence) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}: ")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A path that is a folder is told as such."""
    with pytest.raises(ConfigError, match="IsADirectoryError"):
        load(tmp_path)
