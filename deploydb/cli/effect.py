"""The effect of a person's word or order, checked before it is published, and afterwards."""

import json
import time
from collections.abc import Callable

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.known_names import require_known
from deploydb.cli.options import fact_output, waits
from deploydb.cli.output import is_shown, show_line
from deploydb.cli.publisher import publish_one
from deploydb.domain.model.errors import NotFound, Permanent, Transient
from deploydb.domain.model.facts import Fact
from deploydb.exit_codes import ExitCode
from deploydb.wire.native import encode_fact

WAIT_SECONDS = 10.0
"""How long a command waits for the effect of what it has published."""
_FIRST_SECONDS, _MOST_SECONDS = 0.05, 0.5


def require_effect(fact: Fact) -> Body | None:
    """Wait until a published fact is recorded and evaluated, and print it where the act has `-o`. Returns its effect;
    None with `--no-wait`.

    Raises: Permanent where it does not count; Exit with `TOO_LONG`, and the reason on stderr, where that is not known
    within `WAIT_SECONDS`.
    """
    if not waits():
        show_fact(fact, fact_output())
        return None
    effect, reason = _awaited(fact)
    if effect is None:
        look = f"look with `deploydb events --source {fact.source}`"
        show_line(f"published as {fact.source}/{fact.id}; {reason}: {look}", err=True)
        raise click.exceptions.Exit(ExitCode.TOO_LONG)
    if not effect["counts"]:
        raise Permanent(f"recorded as event {effect['number']}, and it does not count: {effect['why']}")
    show_fact(fact, fact_output())
    return effect


def show_fact(fact: Fact, output: str | None) -> None:
    """Print a fact as `-o` has it; nothing without."""
    is_shown(output or "table", json.loads(encode_fact(fact)), lambda: [f"fact/{fact.id}"])


def publish_and_show(fact: Fact, output: str, text: str, *, publish: Callable[[Fact], None] = publish_one) -> None:
    """Publish one fact and say so once it counts, with `-o` as data: the fact itself. Raises: as `publish` and
    `require_effect`."""
    publish(fact)
    require_effect(fact)
    show_fact(fact, output)
    show_line(text, err=True)


def _awaited(fact: Fact) -> tuple[Body | None, str]:
    """The effect of a fact once it is known; else None, with what is known by then."""
    until, pause = time.monotonic() + WAIT_SECONDS, _FIRST_SECONDS
    while True:
        try:
            effect = ask("effect", source=fact.source, id=fact.id)
        except Transient as error:
            reason = f"its effect is not known: {error}"
        except Permanent as error:
            return None, f"its effect is not known: {error}"
        else:
            if effect["counts"] is not None:
                return effect, ""
            recorded = f"recorded as event {effect['number']}; {effect['why']}"
            reason = recorded if effect["number"] is not None else "not recorded yet"
        if time.monotonic() + pause > until:
            return None, reason
        time.sleep(pause)
        pause = min(2 * pause, _MOST_SECONDS)


def require_counts(
    order: str, service: str, environment: str, version: str, *, early: bool = False, **given: str | None
) -> Body | None:
    """The answer of a word or an order that counts; None without an answer, and for an `early` one.

    Raises: NotFound where there is no such version in the lane; Permanent where it would not count.
    """
    try:
        answer = ask("check", service, environment, order=order, version=version, **given)
    except Transient:
        return None
    except NotFound as error:
        if early:
            return None
        raise NotFound(f"{error}; --early keeps it for a version that is still to come") from error
    if not answer["counts"]:
        raise Permanent(f"it would not count: {answer['why']}")
    return answer


def require_version(service: str, version: str, environment: str | None = None) -> None:
    """Raises: NotFound where the service has no such version in an environment, or without one in any of its stages;
    Transient without an answer."""
    require_known(service=service, environment=environment, version=version)
