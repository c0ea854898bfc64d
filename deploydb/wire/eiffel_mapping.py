"""What an Eiffel event says here with the events that it links to.

ArtifactPublished          artifact.published of the ArtifactCreated that it links to (ARTIFACT), with commit and
                           author of the source change of its composition
ArtifactDeployed           deployment.finished, succeeded, or deployment.observed, of the ArtifactCreated (ARTIFACT)
                           in the EnvironmentDefined (ENVIRONMENT) that it links to
ConfidenceLevelModified    verification.finished, of each SUBJECT
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

from deploydb.domain.model.errors import MessageRejected
from deploydb.wire.custom_data import Fields, runs_there
from deploydb.wire.eiffel_event import (
    CHANGE,
    COMPOSITION,
    CONFIDENCE,
    CREATED,
    DEPLOYED,
    ENVIRONMENT,
    PUBLISHED,
    SUBMITTED,
    EiffelEvent,
)
from deploydb.wire.error_messages import shortened

_FOLLOWED = {
    PUBLISHED: ("ARTIFACT",),
    DEPLOYED: ("ARTIFACT", "ENVIRONMENT"),
    CREATED: ("COMPOSITION",),
    COMPOSITION: ("ELEMENT",),
    SUBMITTED: ("CHANGE",),
}
"""The links by which `meaning` goes on from an event, by its type."""
FURTHEST = 4
"""Links from an event to the farthest one that says something about it: artifact, composition, submission, change."""
_MOST_FOLLOWED = 100
_OUTCOMES = {"SUCCESS": "passed", "FAILURE": "failed", "INCONCLUSIVE": "errored"}
_LONGEST_ID = 255

Known = Mapping[str, EiffelEvent]
"""Events by their ids."""


class Unlinked(Exception):
    """An event needs others that are not there, or of no use. `links`: the ids of those that may still come."""

    def __init__(self, why: str, *links: str) -> None:
        super().__init__(why)
        self.links = links


def followed(event: EiffelEvent) -> tuple[str, ...]:
    """The ids of the events that say something about it, or about those that do."""
    found = event.linked(*_FOLLOWED.get(event.meta.type, ()))
    return found if len(found) <= _MOST_FOLLOWED else ()


def meaning(
    event: EiffelEvent, known: Known, services_of: Callable[[str, str], Iterable[str]]
) -> list[tuple[list[Fields], str]]:
    """The facts of an event with those that it links to: of each the fields of those that it may be, the first one that
    fits, but for `source` and `time`; and the id of the event that it is named by.

    `known`: the events that `followed` leads to, so far; `services_of`: the services that list a module, by its group
    and name. Raises: Unlinked where it is none yet.
    """
    if event.meta.type == CONFIDENCE:
        found = verification(event) or {}
        subjects = event.linked("SUBJECT")
        return [([found | {"id": _id(event.id, one), "links": [one]}], event.id) for one in subjects]
    needed = [event.linked("ARTIFACT")[0]]
    if event.meta.type == DEPLOYED and event.custom.environment is None:
        needed.append(event.linked("ENVIRONMENT")[0])
    missing = [id_ for id_ in needed if id_ not in known]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise Unlinked(f"the event {' and '.join(missing)} that it links to {verb} not known", *missing)
    created = known[needed[0]]
    file = _file(created)
    id_ = _id(event.id, created.id)
    if event.meta.type == PUBLISHED:
        given = {"url": _location(event), **_source_change(created, known)}
        file = {name: value for name, value in given.items() if value is not None} | file
        return [([{"type": "artifact.published", "id": id_, "artifact": file}], created.id)]
    environment = event.custom.environment or _environment(known[needed[1]])
    service = event.custom.service or _service(file, services_of)
    facts = runs_there(file, service, environment, reason=event.text("description"), url=event.text("uri"))
    return [([one | {"id": id_} for one in facts], event.id)]


def verification(event: EiffelEvent) -> Fields | None:
    """The fields of a confidence level; None where it is about nothing that can be found."""
    value, own, subjects = event.data.get("value"), event.custom, event.linked("SUBJECT")
    promotion = own.promotion or event.text("name")
    if promotion is None:
        raise MessageRejected("is missing", path="$.data.name")
    if not isinstance(value, str) or value not in _OUTCOMES:
        problem = f"unknown value {shortened(repr(value))}; expected one of {', '.join(_OUTCOMES)}"
        raise MessageRejected(problem, path="$.data.value")
    if len(subjects) > _MOST_FOLLOWED:
        raise MessageRejected(f"has {len(subjects)} subjects; at most {_MOST_FOLLOWED} are taken", path="$.links")
    names = ("deployment", "command", "service", "environment", "version", "artifact")
    named = {name: getattr(own, name) for name in names}
    lane = (own.service, own.environment, own.version)
    if not subjects and own.deployment is None and own.command is None and None in lane:
        return None
    outcome = {"promotion": promotion, "outcome": _OUTCOMES[value], "url": own.url}
    return {"type": "verification.finished", **outcome, **named, "links": list(subjects) or None}


def _file(created: EiffelEvent) -> Fields:
    if created.meta.type != CREATED:
        raise Unlinked(f"the event {created.id} that it links to is no {CREATED}")
    try:
        return created.file
    except MessageRejected as refused:
        raise Unlinked(f"the event {created.id} that it links to names no artifact: {refused}") from refused


def _environment(defined: EiffelEvent) -> str:
    found = defined.custom.environment or defined.text("name")
    if defined.meta.type != ENVIRONMENT or found is None:
        raise Unlinked(f"the event {defined.id} that it links to names no environment")
    return found


def _service(file: Fields, services_of: Callable[[str, str], Iterable[str]]) -> str:
    services = sorted(services_of(file["group"], file["name"]))
    if len(services) == 1:
        return services[0]
    found = f"is a part of {' and '.join(services)}" if services else "is a part of no service"
    raise Unlinked(f"{file['group']}:{file['name']} {found}: give customData.deploydb.service")


def _location(event: EiffelEvent) -> str | None:
    """Where the artifact is, the first of its locations."""
    given = event.data.get("locations")
    found = [one.get("uri") for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    return next((uri for uri in found if isinstance(uri, str) and uri), None)


def _source_change(created: EiffelEvent, known: Known) -> Fields:
    """Commit and author of the only source change of the composition that the artifact was built from."""
    compositions = [known[id_] for id_ in created.linked("COMPOSITION") if id_ in known]
    elements = [known[id_] for one in compositions for id_ in followed(one) if id_ in known]
    submissions = [one for one in elements if one.meta.type == SUBMITTED]
    changes = submissions or [one for one in elements if one.meta.type == CHANGE]
    if len(changes) != 1:
        return {}
    submitted = changes[0]
    origin = next((known[id_] for id_ in submitted.linked("CHANGE") if id_ in known), submitted)
    commit = submitted.text("gitIdentifier", "commitId") or origin.text("gitIdentifier", "commitId")
    return {"commit": commit, "author": _person(origin, "author"), "triggered_by": _person(submitted, "submitter")}


def _person(event: EiffelEvent, role: str) -> str | None:
    return next(filter(None, (event.text(role, name) for name in ("id", "name", "email"))), None)


def _id(*ids: str) -> str:
    id_ = "/".join(ids)
    return id_ if len(id_) <= _LONGEST_ID else sha256(id_.encode()).hexdigest()
