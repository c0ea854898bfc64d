"""`access explain`: what a publisher may say, by access.yml."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from deploydb.broker.open import user_of
from deploydb.cli.output import is_shown, output_option, show_line, show_table
from deploydb.configuration import load
from deploydb.domain.formatting import listed
from deploydb.domain.model.access import (
    EVERYTHING,
    OF_HOOKS,
    PROGRAMS,
    RESERVED_SOURCES,
    Grant,
    grants_of_user,
    matches_name,
)
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.person_names import person_name
from deploydb.domain.suggestions import close_match
from deploydb.exit_codes import ExitCode
from deploydb.query.column import Column
from deploydb.settings import from_environment

_COLUMNS = (
    Column("FACTS", "text"),
    Column("SERVICES", "text"),
    Column("ENVIRONMENTS", "text"),
    Column("PROMOTIONS", "text"),
    Column("SOURCES", "text", gives_way=1),
    Column("FOR PEOPLE", gives_way=2),
)


@click.group()
def access() -> None:
    """Who may say what: `publishers` of access.yml.

    \b
    Example:
      deploydb access explain ci-storefront
    """


@access.command()
@click.argument("publisher")
@click.option("--token", "by_token", is_flag=True, help="It is the name of a token, not a user of the broker.")
@click.option(
    "--config", "directory", type=click.Path(path_type=Path), help="The configuration; by default DEPLOYDB_CONFIG."
)
@output_option
def explain(publisher: str, by_token: bool, directory: Path | None, output: str) -> None:
    """Show which facts PUBLISHER may say, and by which entries of access.yml.

    PUBLISHER is a user of the broker, with --token the name of a token, v1@ADDRESS, or hooks/NAME. A fact is taken
    where one row permits it. The user of DEPLOYDB_BROKER_URL counts as that of ingest. Exits with 1 where it may say
    nothing.

    \b
    Examples:
      deploydb access explain ci-storefront
      deploydb access explain release-bot --token -o json
    """
    catalog = _catalog(directory or from_environment().config)
    name, known = person_name(publisher), catalog.access.publishers
    own = user_of(from_environment().broker_url)
    grants, why = _granted(catalog, name, own, by_token=by_token)
    body = {
        "publisher": name,
        "limited": known is not None,
        "why": why,
        "grants": msgspec.to_builtins(grants or ()),
        "groups": sorted(group for group, people in catalog.groups.items() if name in people),
    }
    if not is_shown(output, body, lambda: [one for grant in grants or () for one in grant.facts]):
        show_line(f"{name}: {why}")
        if grants:
            show_table(_COLUMNS, [_row(grant) for grant in grants], empty="")
    if not grants:
        sys.exit(ExitCode.FAILED)


def _granted(catalog: Catalog, name: str, own: str, *, by_token: bool) -> tuple[Sequence[Grant] | None, str]:
    """The grants of a publisher, and where they come from."""
    access, publishers = catalog.access, catalog.access.publishers
    if publishers is None:
        return EVERYTHING, "access.yml has no `publishers`, so that any publisher may say everything"
    entries = [entry for entry in publishers if matches_name(entry, name)]
    by_entries = f"by the entries {listed(entries)} of access.yml" if len(entries) > 1 else "by its entry in access.yml"
    by_entries = f"by the entry {entries[0]} of access.yml" if len(entries) == 1 and entries != [name] else by_entries
    if name.startswith(OF_HOOKS) and not access.lists(name):
        why = f"as a webhook, what {name}.yml makes of it; an entry {name} in access.yml would limit it"
        return (Grant(sources=(name,)),), why
    if by_token or "@" in name or "/" in name:
        grants = access.granted(name)
    else:
        grants = grants_of_user(access, name, "", own=own)
        if name == own and name in publishers:
            reserved = Grant(sources=RESERVED_SOURCES, vouches=True)
            return (*(grants or ()), reserved), f"{by_entries}, and as the user of ingest itself"
        if name == own:
            return grants, "as the user of ingest itself"
        if name in PROGRAMS and name not in publishers:
            return grants, f"as DeployDB's own {name}; an entry {name} in access.yml would replace it"
    if grants is None:
        return None, f"may say nothing: no entry of `publishers` in access.yml names it{close_match(name, publishers)}"
    return grants, by_entries


def _row(grant: Grant) -> list[str]:
    sources = ", ".join(grant.sources) if grant.sources is not None else "all but reserved"
    columns = (grant.facts, grant.services, grant.environments, grant.promotions)
    return [*(", ".join(names) for names in columns), sources, "yes" if grant.vouches else "no"]


def _catalog(directory: Path) -> Catalog:
    loaded = load(directory)
    if loaded.catalog is None:
        raise Misconfigured("\n".join(map(str, loaded.problems)))
    return loaded.catalog
