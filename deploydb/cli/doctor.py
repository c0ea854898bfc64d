"""`doctor`: everything that DeployDB needs, looked at, and what to do about what is wrong."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import click
from msgspec import Struct

from deploydb import __version__
from deploydb.cli.asking import ask
from deploydb.cli.showing import is_shown, output_option, show_table
from deploydb.domain.errors import DeployDBError, Misconfigured
from deploydb.settings import Settings, from_environment

APART_SECONDS = 2.0
"""So far two clocks may be apart."""
OLD_SECONDS = 60.0
"""What has waited longer in the outbox, or to be looked at, is stuck."""


class Finding(Struct, frozen=True, kw_only=True):
    """What one look found: `ok`, `warn` or `fail`, what was seen, and what to do."""

    check: str
    state: str
    seen: str
    advice: str = ""


Look = Callable[[Settings], Iterator[Finding]]


@click.command()
@output_option
def doctor(output: str) -> None:
    """Check the configuration, the database, the broker and its queues, the query service and the clocks, from here.

    Makes nothing and changes nothing. Exits with 1 where anything fails.

    \b
    Example:
      deploydb doctor
    """
    given = from_environment()
    found = [finding for name, look in _LOOKS.items() for finding in _looked(name, look, given)]
    body = [{"check": one.check, "state": one.state, "seen": one.seen, "advice": one.advice} for one in found]
    if not is_shown(output, body, lambda: (f"check/{one.check}" for one in found)):
        rows = [[one.check, one.state, one.seen, one.advice] for one in found]
        show_table(["CHECK", "STATE", "SEEN", "WHAT TO DO"], rows, empty="")
    if any(one.state == "fail" for one in found):
        raise click.exceptions.Exit(1)


def _looked(name: str, look: Look, given: Settings) -> list[Finding]:
    """What a look found; an error of ours says itself what to do."""
    found: list[Finding] = []
    try:
        found += look(given)
    except DeployDBError as error:
        found.append(Finding(check=name, state="fail", seen=str(error), advice=_ADVICE[name]))
    return found


def _configuration(given: Settings) -> Iterator[Finding]:
    from deploydb.configuration import load

    loaded = load(given.config)
    if loaded.catalog is None:
        seen = f"{given.config}: {len(loaded.problems)} problems, the first: {loaded.problems[0]}"
        yield Finding(check="configuration", state="fail", seen=seen, advice=f"deploydb check-config {given.config}")
        return
    catalog = loaded.catalog
    seen = f"{given.config}: {len(catalog.services)} services, {len(catalog.environments)} environments"
    empty = not catalog.services
    advice = "services/NAME.yml says what a service is made of" if empty else ""
    yield Finding(check="configuration", state="warn" if empty else "ok", seen=seen, advice=advice)


def _database(given: Settings) -> Iterator[Finding]:
    import sqlalchemy as sa

    from deploydb.store.engine import open_engine, reading
    from deploydb.store.schema import require_current
    from deploydb.telemetry import redacted

    path = Path(given.database_url.removeprefix("sqlite:///"))
    if given.database_url.startswith("sqlite:///") and not path.exists():  # which opening it would make
        raise Misconfigured(f"there is no database {path}")
    engine = open_engine(given.database_url, name="doctor")
    try:
        require_current(engine)
        yield Finding(check="database", state="ok", seen=f"{redacted(given.database_url)}: there, and current")
        if engine.dialect.name == "postgresql":
            with reading(engine) as connection:
                theirs = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            yield _clock("database's clock", theirs)
    finally:
        engine.dispose()


def _broker(given: Settings) -> Iterator[Finding]:
    from deploydb.broker.open import check, open_dead_letters
    from deploydb.broker.topology import topology_of
    from deploydb.configuration import LiveCatalog
    from deploydb.telemetry import redacted

    wanted = topology_of(LiveCatalog(given.config).catalog)
    check(given.broker_url, wanted)
    seen = f"{redacted(given.broker_url)}: {len(wanted.exchanges)} exchanges and {len(wanted.queues)} queues are there"
    yield Finding(check="broker", state="ok", seen=seen)
    with open_dead_letters(given.broker_url, name="doctor") as dead:
        letters = len(dead.look(100))
    if letters:
        many = f"{letters} or more" if letters == 100 else str(letters)
        yield Finding(
            check="dead letters", state="warn", seen=f"{many} could not be taken", advice="deploydb dead list"
        )
    else:
        yield Finding(check="dead letters", state="ok", seen="none")


def _service(given: Settings) -> Iterator[Finding]:
    token = {"Authorization": f"Bearer {given.token}"} if given.token else {}
    request = Request(f"{given.url}/readyz", headers=token)  # noqa: S310  # `ask` says what is wrong with the address
    told = ask("operations")
    try:
        with urlopen(request, timeout=5) as answer:  # noqa: S310
            date = answer.headers["Date"]
    except (HTTPError, URLError, OSError) as error:
        yield Finding(
            check="query service", state="fail", seen=f"{given.url}: {error}", advice=_ADVICE["query service"]
        )
        return
    yield Finding(check="query service", state="ok", seen=f"{given.url} answers; this is {__version__}")
    if date:
        yield _clock("query service's clock", parsedate_to_datetime(date))
    for name, member in (("outbox", "outbox"), ("evaluations", "evaluations")):
        yield _waiting(name, told.get(member) or {})


def _waiting(name: str, told: dict[str, float | int | None]) -> Finding:
    count, age = told.get("count") or 0, told.get("oldestAgeSeconds") or 0
    if age > OLD_SECONDS:
        who = "relay" if name == "outbox" else "promote"
        seen = f"{count} wait, the first for {age:.0f} s"
        return Finding(check=name, state="fail", seen=seen, advice=f"does a {who} worker run? look at its log")
    return Finding(check=name, state="ok", seen=f"{count} wait" if count else "nothing waits")


def _clock(name: str, theirs: datetime) -> Finding:
    apart = abs((theirs - datetime.now(UTC)).total_seconds())
    if apart > APART_SECONDS + 1:  # a `Date` has whole seconds
        advice = "have both machines keep time by NTP: soaks and windows go by it"
        return Finding(check=name, state="fail", seen=f"{apart:.0f} s apart from ours", advice=advice)
    return Finding(check=name, state="ok", seen="as ours")


_LOOKS: dict[str, Look] = {
    "configuration": _configuration,
    "database": _database,
    "broker": _broker,
    "query service": _service,
}
_ADVICE = {
    "configuration": "DEPLOYDB_CONFIG is where the files are",
    "database": "DEPLOYDB_DATABASE_URL; `deploydb db migrate` brings the schema up to date",
    "broker": "DEPLOYDB_BROKER_URL; `deploydb broker provision` makes what is missing",
    "query service": "DEPLOYDB_URL; `deploydb up`, or `python -m workers web`, answers there",
}
