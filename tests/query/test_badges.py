"""Badges: an image of what an environment runs, for pages that are not ours."""

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from deploydb.domain.model.catalog import Service as Configured
from deploydb.http.authentication import Authentication, Authenticator
from deploydb.http.sessions import Sessions
from deploydb.identity import Identity
from tests.query.client import Service
from tests.scenario import Scenario, catalog

ODD = "<script>\"&'] [x](y)</script>".replace("/", "")
FOO = catalog().services["foo"]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    odd = Configured(ident=ODD, artifacts=("com.example:odd",), pipelines=("main",))
    several = replace(FOO, ident="several", artifacts=("com.example:a", "com.example:b"), promotions=())
    with Scenario(database_url, catalog(FOO, odd, several)) as world:
        yield world


def released(world: Scenario, version: str, outcome: str | None = None, name: str = "foo") -> None:
    world.publish(version, name=name)
    world.evaluate(minutes=1)
    world.deploy()
    if outcome is not None:
        report = {"service": "foo", "environment": "dev", "version": version, "promotion": "smoke"}
        world.tell("verification.finished", **report, outcome=outcome)
        world.evaluate(minutes=1)


def drawn(service: Service, path: str, status: int = 200) -> tuple[str, list[str], str]:
    """The title, the words and the colour of a badge."""
    answer = service.ask(path, accept="image/avif,image/webp,*/*")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "image/svg+xml")
    root = ElementTree.fromstring(answer.text)
    title = root.find(f"{SVG}title")
    assert title is not None
    assert root.attrib["aria-labelledby"] == title.attrib["id"]
    words = [one.text or "" for one in root.iter(f"{SVG}text")]
    elements = ("svg", "title", "clipPath", "rect", "g", "text")
    assert {one.tag for one in root.iter()} == {f"{SVG}{name}" for name in elements}
    return title.text or "", words, list(root.iter(f"{SVG}rect"))[-1].attrib["fill"]


@pytest.mark.parametrize(
    ("outcome", "title", "value", "colour"),
    [
        ("passed", "foo in dev: 1.0, success", "1.0", "#14693f"),
        (None, "foo in dev: 1.0, completed", "1.0 completed", "#1a56b0"),
        ("failed", "foo in dev: 1.0, failed", "1.0 failed", "#a61b12"),
    ],
)
def test_a_badge_has_the_version_and_the_state_in_words_and_colour(
    world: Scenario, service: Service, outcome: str | None, title: str, value: str, colour: str
) -> None:
    assert drawn(service, "/badge/foo/dev.svg") == ("foo in dev: nothing runs", ["dev", "nothing"], "#535e70")
    released(world, "1.0", outcome)
    assert drawn(service, "/badge/foo/dev.svg") == (title, ["dev", value], colour)


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/badge/fo/dev.svg", "there is no service fo; did you mean foo?"),
        ("/badge/foo/mars.svg", "there is no environment mars; there is dev, prod"),
        (f"/badge/{quote(ODD)}x/dev.svg", f"there is no service {ODD}x"),
        ("/badge/foo%00/dev.svg", "there is no service foo\\x00: no name has a NUL character"),
        ("/badge/foo%EF%BF%BE/dev.svg", "there is no service foo\\ufffe"),
        ("/badge/foo/%E2%80%AE.svg", "there is no environment \\u202e; there is dev, prod"),
    ],
)
def test_what_does_not_exist_has_a_grey_badge_and_is_not_found(service: Service, path: str, title: str) -> None:
    found = drawn(service, path, 404)
    assert found[0].startswith(title)
    assert found[1][1] == "unknown"
    assert found[2] == "#535e70"


def test_markup_in_names_and_versions_is_text_and_long_ones_are_cut(world: Scenario, service: Service) -> None:
    version = f"1.0-{ODD}"
    released(world, version, name="odd")
    title, words, _ = drawn(service, f"/badge/{quote(ODD, safe='')}/dev.svg")
    assert title == f"{ODD} in dev: {version}, success"
    released(world, f"2.0-{'x' * 100}-end", name="odd")
    title, words, _ = drawn(service, f"/badge/{quote(ODD, safe='')}/dev.svg")
    assert re.fullmatch(r"2\.0-x{6}…x{13}-end", words[1]), words


def test_of_several_modules_it_has_the_last_and_how_many_others(world: Scenario, service: Service) -> None:
    released(world, "1.0", name="a")
    released(world, "7.0", name="b")
    assert drawn(service, "/badge/several/dev.svg")[1] == ["dev", "7.0 +1"]


def test_it_is_kept_for_a_minute_and_validated_after_that(world: Scenario, service: Service) -> None:
    released(world, "1.0", "passed")
    first = service.ask("/badge/foo/dev.svg")
    assert first.headers["cache-control"] == "public, max-age=60"
    again = service.ask("/badge/foo/dev.svg", **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    world.now += timedelta(minutes=5)
    assert service.ask("/badge/foo/dev.svg").headers["etag"] == first.headers["etag"]
    released(world, "1.1", "passed")
    assert service.ask("/badge/foo/dev.svg", **{"if-none-match": first.headers["etag"]}).status_code == 200


def test_the_page_of_a_service_has_the_line_of_markdown(world: Scenario, service: Service) -> None:
    page = service.ask("/services/foo", host="deploydb.example.com").text
    expected = (
        "[![foo in prod](http://deploydb.example.com/badge/foo/prod.svg)](http://deploydb.example.com/services/foo)"
    )
    assert f"<code>{expected}</code>" in page
    page = service.ask(f"/services/{quote(ODD, safe='')}").text
    assert (
        "[![\\&lt;script\\&gt;&#34;\\&amp;&#39;\\] \\[x\\](y)\\&lt;script\\&gt; in dev](http://testserver/badge/"
        in page
    )


@pytest.mark.parametrize(("peer", "is_tls"), [("10.0.0.1", True), ("192.0.2.1", False)])
def test_tls_in_front_is_believed_of_a_trusted_proxy_alone(service: Service, peer: str, is_tls: bool) -> None:
    identity = Identity.parse(tokens="", person_header="", proxies="10.0.0.0/8")
    app = Authentication(service.app, authenticator=Authenticator(lambda: identity, Sessions()))
    browser = TestClient(app, client=(peer, 50000))
    headers = {"x-forwarded-proto": "https"}
    assert ("(https://testserver/badge/" in browser.get("/services/foo", headers=headers).text) is is_tls
    assert ("; Secure" in browser.get("/sign-in", headers=headers).headers["set-cookie"]) is is_tls


def test_a_link_to_a_page_has_a_preview_of_its_own(world: Scenario, service: Service) -> None:
    released(world, "1.0", "passed")
    odd = f"1.0-{ODD}"
    released(world, odd, name="odd")
    for path, title, description in (
        ("/services/foo", "foo", "dev: 1.0 (success), prod: 1.0 (completed)."),
        ("/why/foo/dev", "foo 1.0 in dev", "1.0"),
        (f"/services/{quote(ODD, safe='')}", ODD, f"dev: {odd} (success)"),
        ("/inbox", "Inbox", "Nothing needs attention."),
        ("/status", "Status", "3 services, 1 deploying."),
        ("/artifacts/1", "foo 1.0", "com.example:foo 1.0, published 2026-11-22 12:00:00 UTC by tests; 2 deployments."),
    ):
        root = ElementTree.fromstring(_head(service.ask(path).text))
        of = {one.get("property") or one.get("name"): one.get("content") or "" for one in root.iter("meta")}
        assert title in of["og:title"], path
        assert description in of["og:description"] == of["description"], path
        assert of["og:site_name"] == "DeployDB"


def _head(page: str) -> str:
    """The meta elements of a page, closed."""
    return f"<head>{''.join(f'{one[:-1]}/>' for one in re.findall(r'<meta [^>]*>', page))}</head>"
