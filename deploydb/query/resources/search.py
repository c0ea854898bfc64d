"""Search: `/api/search?q=`, services, environments, versions, commits and acts by a part of their names.

Names are looked for in the catalog, versions among those that run and by their whole text, commits by the index of
commits: the cost does not grow with the history.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Literal
from urllib.parse import quote

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.catalog import Catalog, Service
from deploydb.http.errors import bad_request
from deploydb.query.environment_sequence import environments_in_order
from deploydb.query.request_context import RequestContext
from deploydb.query.resources.where import meant
from deploydb.store.queries.artifact_places import LONGEST_PURL, FoundView, by_commit
from deploydb.store.queries.lane_summary import live_lanes
from deploydb.store.queries.search import RunsView, running_artifacts, running_by_version

Kind = Literal["service", "environment", "lane", "version", "commit", "act"]
_MOST: dict[Kind, int] = {"service": 8, "environment": 5, "lane": 6, "version": 8, "commit": 5, "act": 6}
_MOST_COMPARED = 2000
"""Names that a misspelt one is compared with: comparing takes some microseconds a name."""
_SHORTEST_COMMIT = 4
_HEXADECIMAL = frozenset("0123456789abcdef")
_ACTS = {
    "promote": "Promote",
    "rollback": "Roll back",
    "freeze": "Freeze",
    "pause": "Pause",
    "pin": "Pin",
    "veto": "Veto",
    "lift": "Lift a hold of",
}


class Hit(Struct, frozen=True, kw_only=True):
    """Something that a text means, the address of its page, and a few words about it."""

    kind: Kind
    name: str
    about: str
    address: str


class Search(Struct, frozen=True, kw_only=True):
    """What a text means, the best of each kind first. `nearest`: where there is nothing, names that are like it."""

    q: str
    hits: list[Hit]
    nearest: list[Hit]


def search(asked: RequestContext) -> Search:
    """Services, environments, versions that run, commits (4 digits or more) and acts (`promote SERVICE ENVIRONMENT`) by
    a text: a part of a name, or the beginning of a version or a commit."""
    text = (asked.option("q") or "").strip()
    if len(text) > LONGEST_PURL:
        raise bad_request(f"q has {len(text)} characters, at most {LONGEST_PURL} are taken")
    if not text:
        return Search(q="", hits=[], nearest=[])
    catalog, words = asked.catalog, text.lower().split()
    known = catalog.every_service()
    with asked.store() as connection:
        found = [
            *(_service(catalog, known[name]) for name in islice(_matching(text, known), _MOST["service"])),
            *(
                _environment(catalog, name)
                for name in islice(_matching(text, catalog.environments), _MOST["environment"])
            ),
            *_lanes(connection, catalog, words),
            *_released(connection, catalog, text),
        ]
    hits = [hit for kind in _MOST for hit in islice((one for one in found if one.kind == kind), _MOST[kind])]
    return Search(q=text, hits=hits, nearest=[] if hits else list(_nearest(catalog, known, words)))


def _lanes(connection: sa.Connection, catalog: Catalog, words: Sequence[str]) -> Iterator[Hit]:
    """Of several words: an act, a service, an environment or the beginning of a version, of which each may lack."""
    acts = [act for act in _ACTS if len(words) > 1 and act.startswith(words[0])]
    rest = words[1:] if acts else words
    services = list(islice(_matching(rest[0], catalog.services), 3)) if len(words) > 1 else []
    more = rest[1] if len(rest) > 1 else ""
    running = {(one.service, one.environment) for one in live_lanes(connection, services)} if services else ()
    for service in services:
        for environment in catalog.environments_of(service):
            if not environment.lower().startswith(more):
                continue
            lane = f"{quote(service, safe='')}/{quote(environment, safe='')}"
            name = f"{service} in {environment}"
            if not acts:
                runs = (service, environment) in running
                address = f"/why/{lane}" if runs else _page(service)
                yield Hit(
                    kind="lane", name=name, about="what runs, and why" if runs else "runs nothing", address=address
                )
            for act in acts:
                yield Hit(kind="act", name=f"{_ACTS[act]} {name}", about=act, address=f"/orders/{lane}")
    if services and more and not acts:
        yield from _versions(running_by_version(connection, more, services))


def _released(connection: sa.Connection, catalog: Catalog, text: str) -> Iterator[Hit]:
    found = list(meant(connection, catalog, text))
    small = text.lower()
    if not found and len(small) >= _SHORTEST_COMMIT and _HEXADECIMAL.issuperset(small):
        found = by_commit(connection, small)
    known = found[: max(_MOST.values())]
    lanes: dict[int, list[RunsView]] = defaultdict(list)
    rank = {name: index for index, name in enumerate(environments_in_order(catalog))}
    running = running_artifacts(connection, [view.id for view in known])
    for one in sorted(running, key=lambda lane: (lane.service, rank.get(lane.environment, len(rank)))):
        lanes[one.artifact].append(one)
    yield from (_artifact(view, small, lanes[view.id]) for view in known)
    if not found and any(letter.isdigit() for letter in text):
        yield from _versions(running_by_version(connection, text))


def _artifact(view: FoundView, text: str, lanes: Iterable[RunsView]) -> Hit:
    where = _listed(f"{one.service} in {one.environment}" for one in lanes) or "runs nowhere"
    if view.commit is not None and len(text) >= _SHORTEST_COMMIT and view.commit.startswith(text):
        address = f"/where?what={quote(view.commit, safe='')}"
        return Hit(kind="commit", name=view.commit, about=f"{view.module} {view.version}: {where}", address=address)
    return Hit(kind="version", name=view.version, about=f"{view.module}: {where}", address=f"/artifacts/{view.id}")


def _versions(running: Iterable[RunsView]) -> Iterator[Hit]:
    lanes: dict[tuple[int, str, str], list[str]] = defaultdict(list)
    for one in running:
        lanes[one.artifact, one.service, one.version].append(one.environment)
    for (artifact, service, version), environments in lanes.items():
        about = f"{service}: runs in {_listed(environments)}"
        yield Hit(kind="version", name=version, about=about, address=f"/artifacts/{artifact}")


def _nearest(catalog: Catalog, services: Mapping[str, Service], words: Sequence[str]) -> Iterator[Hit]:
    known = {name.lower(): name for name in islice(services, _MOST_COMPARED)}
    places = {name.lower(): name for name in catalog.environments}
    names = [*known, *places]
    close = [name for word in words[:4] for name in get_close_matches(word, names, n=3)]
    for name in dict.fromkeys(close):
        yield _environment(catalog, places[name]) if name in places else _service(catalog, services[known[name]])


def _service(catalog: Catalog, known: Service) -> Hit:
    goes = f"goes to {_listed(catalog.environments_of(known.ident)) or 'no environment'}"
    about = known.known_metadata.team or known.description[:100] or goes
    return Hit(kind="service", name=known.ident, about=about, address=_page(known.ident))


def _page(service: str) -> str:
    return f"/services/{quote(service, safe='')}"


def _environment(catalog: Catalog, name: str) -> Hit:
    about = catalog.environments[name].description[:100]
    return Hit(kind="environment", name=name, about=about, address=f"/environments/{quote(name, safe='')}")


def _matching(text: str, names: Collection[str]) -> Iterator[str]:
    """The names with the text in them: the whole name first, then those that begin with it, then by their names."""
    small = text.lower()
    found = ((name.lower(), name) for name in names)
    ranked = sorted((folded != small, not folded.startswith(small), name) for folded, name in found if small in folded)
    return (name for _, _, name in ranked)


def _listed(names: Iterable[str]) -> str:
    """The first four, and how many more there are."""
    known = list(dict.fromkeys(names))
    more = f" and {len(known) - 4} more" if len(known) > 4 else ""
    return ", ".join(known[:4]) + more
