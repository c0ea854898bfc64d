"""`/status`: the matrix, a row a service, a column an environment."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from deploydb.query.lane_state import STATES
from deploydb.query.matrix_sections import groups_in, listing
from deploydb.query.pages.cells import ALERT, LOOKS, cells_of, legend_of, own_holds, several, tint
from deploydb.query.pages.filters import State, held, moment
from deploydb.query.pages.page import Answer, Page, choices, options_of, stream_of
from deploydb.query.pages.time_slider import slider_of
from deploydb.query.pages.versions import cut
from deploydb.query.request_context import RequestContext
from deploydb.query.resources import matrix, status

_SORTS = {"name": "Name", "age": "Latest change", "drift": "Most drift", "trouble": "Worst first"}
_EXPLAINED = {
    "completed": "deployed, not verified yet",
    "will not come": "it failed or was refused, there or before",
    "drift": "should run another version",
    "changed": "runs another version now",
}
_KEPT = ("view", "wall", "pageNumber", "open", "closed")
"""The parameters that filter nothing."""
_FIELDS = ("match", "environment", "sort", "group", "at", "known_at")
"""The parameters that the form has fields for."""
_PAST = ("at", "known_at", "compare")
_OF_NOW = ("team", "label")
_NARROWED = (*_OF_NOW, *_PAST)
_JSON = status.RESOURCES[0]

_LONGEST_SERVICE = 34
_LONGEST_HEAD = ((8, 14), (0, 26))
"""From so many columns on, how long the name of an environment is at most."""
_WHOLE = 1000
"""Longer than a version that anybody reads."""


def _drawn(asked: RequestContext, answer: Answer) -> Mapping[str, Any]:
    given = {name: asked.request.query_params.get(name) for name in asked.parameters}
    reference = answer["at"] or answer["knownAt"]
    if reference is None:
        given["compare"] = None  # of a form whose times were cleared
    address = partial(_address, {**given, "pageNumber": None, "open": None})
    counted = moment(reference) if reference is not None else asked.now
    columns = [one["environment"] for one in answer["columns"]]
    starved = {(one["service"], one["environment"]): one["text"] for one in answer.get("starved", ())}
    set_aside = {one["service"]: one["text"] for one in answer.get("setAside", ())}
    rows = {
        row["service"]: cells_of(row, columns, starved, counted)
        for section in answer["sections"]
        for row in section["rows"]
    }
    is_dense = given["view"] is None
    cleared = {name: None for name in given if name not in ("view", "wall")}
    return {
        **choices(asked),
        "stream": stream_of(**answer["exact"]) if reference is None else None,
        "reference": moment(reference) if reference is not None else None,
        "is_compared": given["compare"] is not None,
        "slider": slider_of(answer["starts"], moment(reference) if reference is not None else None, asked.now, address),
        "json": _with(_JSON.path, {**answer["exact"], **{name: given[name] for name in _NARROWED}}),
        "is_dense": is_dense,
        "is_filtered": any(given[name] for name in given if name not in _KEPT),
        "cleared": address(**cleared),
        "is_wall": asked.option("wall") is not None,
        "cells": rows,
        "moved": any(one.place for row in rows.values() for one in row if one is not None),
        "legend": legend_of(rows.values(), _beside(answer), dense=is_dense),
        "explained": _EXPLAINED,
        "first_module": next((one for each in asked.catalog.services.values() for one in each.artifacts), "GROUP:NAME"),
        "lanes_of": partial(_aligned, columns=columns),
        "looked_at": list(_looked_at(answer["troubled"], starved, set_aside, counted)),
        "several": several,
        "tint": tint,
        "own_holds": own_holds,
        "set_aside": set_aside,
        "closing": partial(_closing, address, groups_in(given["closed"])),
        "chips": _chips(address, answer["counts"], given["show"]),
        "sorts": _SORTS,
        "looks": LOOKS,
        "names": cut([row["service"] for section in answer["sections"] for row in section["rows"]], _LONGEST_SERVICE),
        "heads": cut(columns, next(most for least, most in _LONGEST_HEAD if len(columns) >= least)),
        "altered": address,
        "opened": given["open"],
        "kept": {
            name: value for name, value in given.items() if value and name not in (*_FIELDS, "pageNumber", "open")
        },
        "all_kept": {name: value for name, value in given.items() if value and name != "open"},
        "pages": _pages(partial(_address, {**given, "open": None}), answer["page"], answer["pages"]),
    }


def _beside(answer: Answer) -> Iterator[State]:
    """The marks over columns and beside services."""
    for one in (*answer["columns"], *(row for section in answer["sections"] for row in section["rows"])):
        yield from (held(hold["kind"]) for hold in one["holds"])
    if answer.get("setAside"):
        yield ALERT


def _address(given: Mapping[str, str | None], **changes: str | None) -> str:
    """This page with other parameters; None takes one away."""
    return _with("/status", {**given, **changes})


def _with(path: str, given: Mapping[str, str | None]) -> str:
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{path}?{query}" if query else path


def _chips(address: Callable[..., str], counts: Mapping[str, int], chosen: str | None) -> Sequence[Mapping[str, Any]]:
    """One for all services and one for each state that any is in, or that is chosen."""
    everything = {"state": None, "count": counts["all"], "address": address(show=None), "chosen": chosen is None}
    return [
        everything,
        *(
            {
                "state": LOOKS[name],
                "count": counts[name],
                "address": address(show=None if chosen == name else name),
                "chosen": chosen == name,
            }
            for name in STATES
            if counts[name] or chosen == name
        ),
    ]


def _closing(address: Callable[..., str], closed: Sequence[str | None], group: str | None) -> str:
    """This page with a group closed that is open, or the other way round."""
    others = [one for one in closed if one != group]
    return address(closed=listing(others if group in closed else [*others, group]) or None)


def _pages(address: Callable[..., str], page: int, pages: int) -> Sequence[tuple[str, str]]:
    """The pages before and after this one."""
    near = [("Previous", page - 1), ("Next", page + 1)]
    return [(name, address(pageNumber=str(one) if one else None)) for name, one in near if 0 <= one < pages]


def _looked_at(
    troubled: Sequence[Any], starved: Mapping[tuple[str, str], str], set_aside: Mapping[str, str], reference: datetime
) -> Iterator[tuple[Any, Any]]:
    """Each of some lanes with its cell. `set_aside`: by service why it is."""
    for one in troubled:
        lane = one["lane"]
        service, environment = lane["service"], lane["environment"]
        row = {"service": service, "lanes": [one]}
        still = {**starved, (service, environment): set_aside[service]} if service in set_aside else starved
        yield from ((lane, cell) for cell in cells_of(row, [environment], still, reference, _WHOLE))


def _aligned(row: Any, columns: Sequence[str]) -> Sequence[Any]:  # noqa: ANN401  # of the body
    """By column the lanes of a row with their states, None where the service has none."""
    found = {one["lane"]["environment"]: one for one in row["lanes"]}
    return [found.get(column) for column in columns]


def _command(asked: RequestContext, answer: Answer) -> Sequence[str]:
    names = _NARROWED if answer["at"] or answer["knownAt"] else _OF_NOW
    exact = [word for name, value in answer["exact"].items() for word in (f"--{name}", value)]
    return ["status", *exact, *options_of(asked, *names)]


PAGES = (
    Page(
        path="/status",
        read=matrix.matrix,
        lasts=_JSON.lasts,
        parameters=matrix.PARAMETERS,
        template="status.html",
        command=_command,
        json=_JSON,
        drawn=_drawn,
        title="Status",
    ),
)
