"""Placing and lifting holds: what is published, and what is shown of the holds beside it."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from deploydb.cli.client import Body, ask, where_answered
from deploydb.cli.effect import require_effect
from deploydb.cli.known_names import require_known
from deploydb.cli.output import show_line
from deploydb.cli.publisher import new_id, publish_order, signed_order
from deploydb.domain.formatting import instant
from deploydb.domain.model.errors import NotFound, Permanent
from deploydb.domain.model.facts import HoldLifted, HoldPlaced
from deploydb.domain.model.overrides import Kind

ID_LENGTH = 8
"""Of the id of a hold that is placed here; shorter ones are beginnings. A pin's id is the name of its owner."""


def place(kind: Kind, placed: str, given: Mapping[str, Any], *, early: bool = False, **scope: str | None) -> None:
    """Publish that a hold stands, and show which others stand beside it. `early`: its version may be still to come.

    Raises: NotFound where its service or environment does not exist.
    """
    wanted = {name: value for name, value in scope.items() if name != "version" and value is not None}
    times = {"begins": given["begins"], "until": given["until"]}
    if None not in times.values() and times["until"] <= times["begins"]:
        raise click.UsageError("--until is not after --from: give a later end")
    fields = signed_order(given["by"])
    beside: list[Body] = []
    with where_answered(f"whether {' in '.join(wanted.values()) or 'another hold'} exists"):
        beside = _of_scope(ask("holds", **wanted)["holds"], kind, scope)
    hold = None if kind == "pin" else new_id()[:ID_LENGTH]
    fact = HoldPlaced(**fields | scope | times, kind=kind, reason=given["reason"], hold=hold)
    publish_order(fact, *(["early"] if early else []))
    require_effect(fact)
    show_line(placed, err=True)
    if given["begins"] is not None:
        show_line(f"it begins at {instant(given['begins'])}", err=True)
    for other in beside:
        own = kind == "pin" and other["id"] == fields["by"]
        beside_it = f"in place of: {other['text']}" if own else f"beside it: {other['text']} (hold {other['id']})"
        show_line(beside_it, err=True)


def lift(kind: Kind, lifted: str, given: Mapping[str, Any], **scope: str | None) -> None:
    """Publish that a hold is over, or each of its scope. Raises: NotFound, with those that stand, where none does;
    Permanent where it is not clear which is meant: where several do, or none is known for want of an answer."""
    ids: list[str | None] = []
    left: list[Body] = []
    with where_answered(f"whether the {kind} stands"):
        found = ask("holds")["holds"]
        there = _of_scope(found, kind, scope)
        if not there:
            require_known(**scope)
            others = [hold for hold in found if hold["kind"] == kind]
            raise NotFound(f"there is no {kind}{_named(scope)}: {_listed(kind, others)}")
        meant = there if given["every"] else [_meant(kind, there, given["hold"])]
        ids = [hold["id"] for hold in meant]
        left = [hold for hold in there if hold not in meant]
    seen = bool(ids)
    ids = ids or [_unseen(kind, given)]
    fields = {"kind": kind, "reason": given["reason"], **scope}
    signed = signed_order(given["by"])
    lifts = [HoldLifted(**(signed | fields | {"id": new_id()}), hold=hold) for hold in ids]
    for lift_ in lifts:
        publish_order(lift_, *(["all"] if lift_.hold is None else []))
    for lift_ in lifts:
        require_effect(lift_)
    by_id = left or (not seen and ids[0] is not None)
    show_line(f"hold {ids[0]} is lifted" if by_id else lifted, err=True)
    for other in left:
        show_line(f"still: {other['text']} (hold {other['id']})", err=True)


def _unseen(kind: Kind, given: Mapping[str, Any]) -> str | None:
    """The id to lift where it is not known which holds stand; None for each of the scope.

    Raises: Permanent without `--all` and a whole id.
    """
    if given["every"]:
        return None
    id_: str | None = given["hold"]
    if id_ is None or (kind != "pin" and len(id_) < ID_LENGTH):
        raise Permanent("nothing is lifted: without an answer of the query service, pass the whole --hold ID, or --all")
    return id_


def _of_scope(holds: Iterable[Body], kind: Kind, scope: Mapping[str, str | None]) -> list[Body]:
    """The holds of a kind and scope. Of pins, those of the lane, whatever their version."""
    same = {name: value for name, value in scope.items() if kind != "pin" or name != "version"}
    return [hold for hold in holds if hold["kind"] == kind and hold | same == hold]


def _meant(kind: Kind, there: list[Body], id_: str | None) -> Body:
    """The hold of an id, or of its beginning; without an id, the only one. Asks on a terminal."""
    if id_ is None and len(there) > 1 and sys.stdin.isatty():
        for hold in there:
            show_line(f"{hold['id']}: {hold['text']}", err=True)
        id_ = str(click.prompt("Which one", type=click.Choice([hold["id"] for hold in there]), err=True))
    exact = [hold for hold in there if hold["id"] == id_]
    found = exact or [hold for hold in there if id_ is None or hold["id"].startswith(id_)]
    if len(found) == 1:
        return found[0]
    ids = "; ".join(f"{hold['id']}: {hold['text']}" for hold in there)
    problem = f"{len(found)} holds match" if found else f"there is no {kind} {id_} there"
    raise Permanent(f"{problem}: choose one with --hold ID, or --all: {ids}")


def _named(scope: Mapping[str, str | None]) -> str:
    service, environment = scope["service"], scope["environment"]
    of = f" of {' '.join(filter(None, (service, scope.get('version'))))}" if service else ""
    return of + (f" in {environment}" if environment else " everywhere")


def _listed(kind: Kind, holds: Sequence[Body]) -> str:
    texts = "; ".join(hold["text"] for hold in holds)
    return f"what stands is: {texts}" if texts else f"no {kind} stands anywhere"
