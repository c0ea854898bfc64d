"""What holds for every view: its page names the command that gives the page's answer."""

import json
import re
import shlex
from html import unescape
from urllib.request import Request, urlopen

import pytest

from deploydb.query.openapi import document
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import text
from deploydb.query.view import Command, View
from deploydb.query.views import views
from tests.cli.shell import Shell

QUERIES = {"blame": "?environment=prod&hours=744&at=2026-11-22T12:02:30Z", "dora": "?service=foo&window=90d"}
"""For the views that may be asked more precisely."""


@pytest.mark.parametrize("view", [view for view in views() if view.template is not None], ids=lambda view: view.name)
@pytest.mark.parametrize("precise", [False, True])
def test_the_command_on_a_page_gives_the_same_answer(seeded: Shell, view: View, precise: bool) -> None:
    address, query = view.path.removeprefix("/api"), QUERIES.get(view.name, "") if precise else ""
    page = get(seeded, f"{address}{query}", "text/html")
    shown = re.search("<code>deploydb (.*?)</code>", page)
    assert shown is not None
    command = shlex.split(unescape(re.sub("<[^>]*>", "", shown[1])))
    assert command[0] == view.name
    assert seeded.json(*command) == json.loads(get(seeded, f"{address}.json{query}", "application/json"))


def test_a_view_may_read_itself_and_its_command_is_not_part_of_the_interface() -> None:
    def read(asked: "RequestContext") -> list[str]:
        """The words that are asked for. Each once."""
        return [asked.option("word") or ""]

    view = View(
        path="/api/words",
        read=read,
        parameters=(text("word", "Which word."),),
        command=Command(purpose="", examples=(), member="", names=list, columns=(), tables=lambda _: ()),
    )
    assert view.resolved() is view
    operation = document([view])["paths"]["/api/words"]["get"]
    assert (operation["summary"], operation["description"]) == ("The words that are asked for", "Each once.")
    assert [parameter["description"] for parameter in operation["parameters"]] == ["Which word."]


def get(shell: Shell, target: str, accept: str) -> str:
    """What the query service answers."""
    with urlopen(Request(shell.environment["DEPLOYDB_URL"] + target, headers={"Accept": accept})) as answer:
        return str(answer.read().decode())
