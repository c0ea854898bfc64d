"""`hook`: the webhooks that the gateway takes, and what a payload becomes."""

import sys
from pathlib import Path

import click
import msgspec

from deploydb.cli.database import opened
from deploydb.cli.output import is_shown, output_option, show_line, show_table
from deploydb.configuration import load
from deploydb.configuration.loading import Loaded
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import MessageRejected, Misconfigured, NotFound
from deploydb.domain.suggestions import suggestion
from deploydb.exit_codes import ExitCode
from deploydb.gateway.hook_secrets import secret_of
from deploydb.gateway.hooks import outcome_of, translated
from deploydb.gateway.publishing import message_of
from deploydb.hooks.hook import Hook
from deploydb.hooks.payload import Request
from deploydb.hooks.schemes import Unverified, verify
from deploydb.hooks.signal import Ignored
from deploydb.hooks.tool import known_tools
from deploydb.hooks.translation import Published, facts_of
from deploydb.query.column import Column
from deploydb.settings import MAX_BODY_BYTES, from_environment
from deploydb.store.engine import reading

_CONFIG = click.option(
    "--config", "directory", type=click.Path(path_type=Path), help="The configuration; by default DEPLOYDB_CONFIG."
)

_COLUMNS = (
    Column("NAME"),
    Column("TYPE", gives_way=2),
    Column("PATH", gives_way=3),
    Column("RULES", gives_way=1),
)


@click.group()
def hook() -> None:
    """Webhooks of other tools, which `POST /hooks/NAME` of the gateway takes: hooks/NAME.yml.

    \b
    Examples:
      deploydb hook list
      deploydb hook test github --payload package.json --header 'X-GitHub-Event: package'
    """


@hook.command("list")
@_CONFIG
@output_option
def list_hooks(directory: Path | None, output: str) -> None:
    """The configured webhooks.

    \b
    Example:
      deploydb hook list
    """
    hooks = _loaded(directory).hooks
    body = [
        {"name": one.name, "type": one.type, "path": f"/hooks/{one.name}", "rules": len(one.rules)}
        for one in hooks.values()
    ]
    if is_shown(output, body, lambda: list(hooks)):
        return
    rows = [[str(value) for value in one.values()] for one in body]
    show_table(_COLUMNS, rows, empty="No webhooks: write hooks/NAME.yml.")


@hook.command()
@click.argument("name")
@click.option(
    "--payload", "payload", type=click.Path(allow_dash=True), required=True, help="The body of a request; - is stdin."
)
@click.option("--header", "headers", multiple=True, help="A header of it, `Name: value`; may be repeated.")
@_CONFIG
@output_option
def test(name: str, payload: str, headers: tuple[str, ...], directory: Path | None, output: str) -> None:
    """Show what a payload becomes, and what it lacks. Nothing is published.

    The gateway's own code reads it, by hooks/NAME.yml. Commits are looked up in the database at DEPLOYDB_DATABASE_URL,
    where there is one. Exits with 1 where it becomes no fact.

    \b
    Examples:
      deploydb hook test github --payload package.json --header 'X-GitHub-Event: package'
      deploydb hook test dockerhub --payload push.json -o json
    """
    loaded = _loaded(directory)
    known = loaded.hooks.get(name)
    if known is None:
        raise NotFound(f"there is no hook {name}{suggestion(name, loaded.hooks)}: expected hooks/{name}.yml")
    request = Request(body=_body(payload), headers=_headers(headers))
    verified = _verified(known, request)
    try:
        found = _found(loaded.catalog or Catalog(), known, request)
        for one in found:
            if isinstance(one, Published):
                message_of(one.fact)
    except MessageRejected as rejected:
        raise Misconfigured(f"hook {name} rejects it: {rejected}") from rejected
    facts = [outcome_of(one) for one in found if isinstance(one, Published)]
    ignored = [one for one in found if isinstance(one, Ignored)]
    body = {
        "hook": name,
        "type": known.type,
        "verified": verified,
        "facts": facts,
        "ignored": msgspec.to_builtins(ignored),
    }
    if not is_shown(output, body, lambda: [fact["id"] for fact in facts]):
        show_line(f"verified  {verified}")
        for fact in facts:
            show_line(f"becomes   {fact['type']}")
            for key, value in fact.items():
                if key not in ("type", "note"):
                    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
                    show_line(f"  {key:<12} {text}")
            if "note" in fact:
                show_line(f"  is unmatched until then: {fact['note']}")
        for one in ignored:
            lacks = f"; a rule may give {', '.join(one.lacks)}" if one.lacks else ""
            show_line(f"ignored   {one.reason}{lacks}")
    if not facts:
        sys.exit(ExitCode.FAILED)


def _loaded(directory: Path | None) -> Loaded:
    folder = directory or from_environment().config
    loaded = load(folder)
    if loaded.problems:
        raise Misconfigured("\n".join(map(str, loaded.problems)))
    return loaded


def _body(path: str) -> bytes:
    try:
        with click.open_file(path, "rb") as file:
            body: bytes = file.read(MAX_BODY_BYTES + 1)
    except OSError as error:
        raise NotFound(f"--payload: cannot read {path}: {error.strerror}") from error
    if len(body) > MAX_BODY_BYTES:
        raise Misconfigured(f"--payload: {path} has more than {MAX_BODY_BYTES} bytes, which the gateway does not take")
    return body


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for line in given:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter(f"expected 'Name: value', found {line!r}", param_hint="--header")
        found[name.strip().lower()] = value.strip()
    return found


def _verified(known: Hook, request: Request) -> str:
    """Whether the gateway would take the request, by the headers that are given."""
    try:
        verify(known_tools()[known.type].schemes, request, secret_of(known))
    except (Misconfigured, Unverified) as error:
        return f"no: {error}"
    return "yes"


def _found(catalog: Catalog, known: Hook, request: Request) -> list[Published | Ignored]:
    try:
        with opened("hook test", absent="no release is known") as engine, reading(engine) as connection:
            return translated(connection, catalog, known, request)
    except Misconfigured:
        return facts_of(known, request, catalog, lambda _commit: [])
