"""The settings file is read with every problem of it told at once."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import document
from gateway.config import SECTIONS, load
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
        ('name = "Muster GmbH"', "name = 5", "[company] name: expected text, got a whole number; write it"),
        ("[company]", '[company]\nlangauge = "de"', "[company] langauge: unknown key; did you mean"),
        ("[company]", '[company]\ntime_zone = "Berlin"', "[company] time_zone: there is no time zone 'Berl"),
        ("[company]", '[company]\nregion = "de"', '[company] region: write a country such as "DE"'),
        ('chain = ["consent", "footer"]', "", "chain: is missing; write chain = "),
        ('chain = ["consent", "footer"]', 'chain = "consent"', "chain: has to be a list of names"),
        ('chain = ["consent", "footer"]', "chain = [1]", "chain: has to be a list of names"),
        ('["consent", "footer"]', "[]", "chain: is empty; without a middleware such as consent"),
        ('name = "Muster GmbH"', 'name = " "', "[company] name: is empty; people have to know who"),
        ("[company]", '[company]\nimprint = "example.org"', "[company] imprint: is no address of a page"),
        ("[company]", '[company]\nprivacy = "https://a b/"', "[company] privacy: is no address of a page"),
        ("[company]", '[company]\nmail = "redaktion"', '[company] mail: is no address; write one such as'),
        ("[company]", '[company]\nlanguage = "deutsch"', '[company] language: write a code such as "de"'),
        ("[company]", '[company]\ntime_zone = ""', "[company] time_zone: there is no time zone ''; write"),
        ("[company]", '[company]\ntime_zone = "../../etc/passwd"', "[company] time_zone: there is no time"),
        ("[company]", "[[company]]", "[company]: this has to be a table"),
        ('title = "Blog"', 'title = ""', "[topics.blog] title: is empty; it is what people see"),
        ('title = "Blog"', 'title = "B"\ntemplate = ""', "[topics.blog] template: is empty; name an"),
        ('title = "Blog"', 'title = "B"\nparameters = { a = "{txet}" }',
         "[topics.blog] parameters: a names {txet}; known are {title}, {text}, {link}, {topic}"),
        ('title = "Blog"', 'title = "B"\nparameters = { a = 5 }',
         "[topics.blog] parameters: expected text, got a whole number, at one of its values; write"),
        ('sender = "main"', 'owner = "ana"', "[topics.blog] owner: [people] names no 'ana'; did you mean"),
        ("[people]", '[consent]\nstop_words = ["!"]\n[people]', "[consent] stop_words: nobody can write '!'"),
        ("[people]", '[store]\npath = ""\n[people]', "[store] path: is empty; name a file such as"),
        ("[people]", '[store]\npath = "."\n[people]', "[store] path: "),
        ("[people]", '[store]\nreserve = "64KB"\n[people]', "[store] reserve: is at least 1MB"),
        ("[people]", '[server]\npublic = "127.0.0.1:99999"\n[people]',
         "[server] public: nobody can listen on '127.0.0.1:99999'; write \"127.0.0.1:8080\""),
        ("[people]", '[server]\npublic = "8080"\n[people]', "[server] public: nobody can listen on '8080'"),
        ("[people]", "[server]\npublic = 8080\n[people]", "[server] public: expected text, got a whole"),
        ("[people]", '[server]\nmetrics = "host:"\n[people]', "[server] metrics: nobody can listen on"),
        ("[people]", '[server]\nmetrics = "127.0.0.1:8080"\n[people]', "[server] metrics: is the address of"),
        ("[people]", '[server]\npublic_url = "wa.example"\n[people]', "[server] public_url: has to be an"),
        ("[people]", '[server]\npublic_url = "http://wa.example"\n[people]', "[server] public_url: has to"),
        ("[people]", '[server]\npublic_url = "https://a:99999"\n[people]', "[server] public_url: has to be"),
        ("[people]", '[service]\ngrace = "-5s"\n[people]', "[service] grace: cannot read the duration"),
        ("[people]", '[service]\ngrace = nan\n[people]', "[service] grace: nan is no duration in seconds"),
        ('["consent", "footer"]', '["footer", "footer"]', "chain: names 'footer' twice"),
        ('[senders.main]\noutput = "whatsapp"\nnumber = "1"', "", "[senders]: name at least one"),
        ('sender = "main"', 'sender = "mian"', "[topics.blog] sender: there is no sender 'mian'; did"),
        ('title = "Blog"', "", "[topics.blog] title: is missing"),
        ('plugin = "rss"', "plugin = 5", "[inputs.blog] plugin: has to be a name"),
        ("[inputs.forms]", '[inputs."my forms"]', "[inputs.my forms]: a name is made of letters"),
        ("[inputs.forms]", '[inputs]\nforms = "x"', "[inputs] forms: has to be a table"),
        ("[observers.crm]", "[[observers]]", "[observers]: has to hold tables"),
        ('anna = "+49 171 3920001"', "anna = 5", "[people] anna: is no number in quotes, such as"),
        ("[people]", '[service]\ngrace = "a moment"\n[people]', "[service] grace: cannot read the"),
        ("[people]", '[service]\nlog_level = "loud"\n[people]', "[service] log_level: there is no 'loud';"),
        ("[people]", '[consent]\nstop_words = "x"\n[people]', "[consent] stop_words: expected a list, got"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_and_key(file: Path, old: str, new: str, problem: str) -> None:
    """Each mistake gives a sentence that says where and what."""
    assert old in GOOD
    problems = found(file, GOOD.replace(old, new))
    assert any(each.startswith(problem) for each in problems), problems


@pytest.mark.parametrize(
    "server",
    [
        'public = "127.0.0.1:0"\nmetrics = "127.0.0.1:0"',
        'public = "[::1]:8080"\nmetrics = "unix:/run/m.sock"',
        'public = "fd://3"\npublic_url = "https://wa.example:8443/a"',
        'public = "wa.internal:8080"\npublic_url = "http://127.0.0.1:8080"',
    ],
)
def test_where_one_can_listen(file: Path, server: str) -> None:
    """Every form that the listeners know is right."""
    assert found(file, GOOD + f"[server]\n{server}\n") == []


def test_several_mistakes_of_one_table_are_told_together(file: Path) -> None:
    """Also those that only a look at the whole value finds."""
    table = '[company]\ntime_zone = "Berlin"\nregion = "de"\nmail = "x"'
    keys = [problem.split(":")[0] for problem in found(file, GOOD.replace("[company]", table))]
    assert keys == ["[company] mail", "[company] time_zone", "[company] region"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates()
    | st.sampled_from(["rss", "consent", "main", "blog", "https://[::1", "127.0.0.1:99999", "2h", "."]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@given(st.sampled_from(sorted(SECTIONS)), st.text("abn-. é", max_size=4), VALUES, VALUES)
@settings(derandomize=True, max_examples=150, deadline=None)
def test_whatever_stands_in_a_section(section: str, key: str, value: Any, whole: Any) -> None:
    """A value of any type, at any place: problems with their key, never a crash."""
    tree = tomllib.loads(GOOD)
    inner = dict(tree[section]) if isinstance(tree.get(section), dict) else {}
    for changed in ({**tree, section: whole}, {**tree, section: {**inner, key or "x": value}}):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(document, "read", lambda _, changed=changed: changed)
            _, problems = load(Path("gateway.toml"))
        assert all(problem.startswith("gateway.toml: ") for problem in problems.found)


def test_what_names_a_broken_table_is_not_wrong_too(file: Path) -> None:
    """A topic with a mistake is there all the same."""
    problems = found(file, GOOD.replace('title = "Blog"', "title = 5"))
    assert len(problems) == 1
    assert "blog" in load(file)[0].topics


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
    ("company", "about"),
    [
        ("", ""),
        ('imprint = "https://blog.example/impressum"', " (+https://blog.example/impressum)"),
        ('mail = "redaktion@blog.example"', " (+redaktion@blog.example)"),
        ('mail = "büro@blog.example"', ""),
    ],
)
def test_reads_say_whom_to_ask(file: Path, company: str, about: str) -> None:
    """Publishers ask for it; a header takes ASCII only."""
    text = GOOD.replace('name = "Muster GmbH"\n', f'name = "Muster GmbH"\n{company}\n')
    assert found(file, text) == []
    config, _ = load(file)
    assert re.fullmatch(r"message-gateway/[\d.]+" + re.escape(about), config.user_agent)
