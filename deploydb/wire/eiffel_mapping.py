"""What an Eiffel event says here with the events that it links to.

ArtifactPublished          artifact.published of the ArtifactCreated that it links to (ARTIFACT), with commit and
                           author of the source change of its composition
ArtifactDeployed           deployment.finished, succeeded, or deployment.observed, of the ArtifactCreated (ARTIFACT)
                           in the EnvironmentDefined (ENVIRONMENT) that it links to
ConfidenceLevelModified    verification.finished, of each SUBJECT
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

from msgspec import Struct

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
    url_of,
)
from deploydb.wire.error_messages import shortened

_ONE_LINK = {CREATED: ("COMPOSITION",), SUBMITTED: ("CHANGE",)}
FURTHEST = 4
"""Links from an event to the farthest one that says something about it: artifact, composition, submission, change."""
MOST_ELEMENTS = 1000
"""Of a composition with more, none is looked at."""
_MOST_SUBJECTS = 100
_OUTCOMES = {"SUCCESS": "passed", "FAILURE": "failed", "INCONCLUSIVE": "errored"}
_LONGEST_ID, _LONGEST_TEXT = 255, 8192

Known = Mapping[str, EiffelEvent]
"""Events by their ids."""


class Unlinked(Exception):
    """An event needs others that are not there, or of no use. `links`: the ids of those that may still come."""

    def __init__(self, why: str, *links: str) -> None:
        super().__init__(why)
        self.links = links


class Meaning(Struct, frozen=True, kw_only=True):
    """A fact: the fields of those that it may be, the first one that fits, but for `source` and `time`. `named`: the id
    of the event that it is named by; `others`: of those that say something of it, beside the one that links to them."""

    facts: list[Fields]
    named: str
    others: tuple[str, ...] = ()


def needed(event: EiffelEvent) -> tuple[str, ...]:
    """The ids of the events without which it is no fact; of a confidence level, of its subjects. Raises: Unlinked where
    it names none."""
    subjects, artifacts, environments = map(event.linked, ("SUBJECT", "ARTIFACT", "ENVIRONMENT"))
    if event.meta.type == CONFIDENCE:
        return subjects
    if not artifacts:
        raise Unlinked("names no artifact: link one (ARTIFACT)")
    if event.meta.type != DEPLOYED or event.custom.environment is not None:
        return artifacts[:1]
    if not environments:
        raise Unlinked("names no environment: link one (ENVIRONMENT)")
    return artifacts[0], environments[0]


def followed(event: EiffelEvent) -> tuple[str, ...]:
    """The ids of the events that say something about it, or about those that do."""
    kind = event.meta.type
    if kind in (PUBLISHED, DEPLOYED):
        return needed(event)
    if kind == COMPOSITION:
        elements = event.linked("ELEMENT")
        return elements if len(elements) <= MOST_ELEMENTS else ()
    return event.linked(*_ONE_LINK.get(kind, ()))[:1]


def meaning(event: EiffelEvent, known: Known, services_of: Callable[[str, str], Iterable[str]]) -> list[Meaning]:
    """The facts of an event with those that it links to.

    `known`: the events that `followed` leads to, so far; `services_of`: the services that list a module, by its group
    and name. Raises: Unlinked where it is none yet.
    """
    if event.meta.type == CONFIDENCE:
        found = verification(event)
        own = [found | {"id": _id(event.id, one), "links": [one]} for one in needed(event)]
        return [Meaning(facts=[one], named=event.id) for one in own]
    needs = needed(event)
    missing = [id_ for id_ in needs if id_ not in known]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise Unlinked(f"the event {' and '.join(missing)} that it links to {verb} not known", *missing)
    created = known[needs[0]]
    file = _file(created)
    id_ = _id(event.id, created.id)
    if event.meta.type == PUBLISHED:
        change, others = _source_change(created, known)
        given = {"url": _location(event), **change}
        file = {name: value for name, value in given.items() if value is not None} | file
        published = {"type": "artifact.published", "id": id_, "artifact": file}
        return [Meaning(facts=[published], named=created.id, others=(created.id, *others))]
    environment = event.custom.environment or _environment(known[needs[1]])
    service = event.custom.service or _service(file, services_of)
    reason = (event.text("description") or "")[:_LONGEST_TEXT] or None
    facts = runs_there(file, service, environment, reason=reason, url=event.url)
    return [Meaning(facts=[one | {"id": id_} for one in facts], named=event.id, others=needs)]


def verification(event: EiffelEvent) -> Fields:
    """The fields of a confidence level. Raises: Unlinked where it is of no use; MessageRejected."""
    value, own, subjects = event.data.get("value"), event.custom, event.linked("SUBJECT")
    if not isinstance(value, str) or value not in _OUTCOMES:
        problem = f"unknown value {shortened(repr(value))}; expected one of {', '.join(_OUTCOMES)}"
        raise MessageRejected(problem, path="$.data.value")
    promotion = own.promotion or event.name("name")
    if promotion is None:
        raise Unlinked("data.name is no name of a promotion: give customData.deploydb.promotion")
    if len(subjects) > _MOST_SUBJECTS:
        raise Unlinked(f"has {len(subjects)} subjects; at most {_MOST_SUBJECTS} are taken")
    names = ("deployment", "command", "service", "environment", "version", "artifact")
    named = {name: getattr(own, name) for name in names}
    lane = (own.service, own.environment, own.version)
    if not subjects and own.deployment is None and own.command is None and None in lane:
        raise Unlinked("names no subject: link one (SUBJECT), or give customData.deploydb")
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
    return next(filter(None, map(url_of, found)), None)


def _source_change(created: EiffelEvent, known: Known) -> tuple[Fields, list[str]]:
    """Commit and author of the only source change of the composition that the artifact was built from, and the events
    that say so."""
    composition = next((known[id_] for id_ in followed(created) if id_ in known), created)
    elements = [known[id_] for id_ in followed(composition) if id_ in known]
    submissions = [one for one in elements if one.meta.type == SUBMITTED]
    changes = submissions or [one for one in elements if one.meta.type == CHANGE]
    if len(changes) != 1:
        return {}, []
    submitted = changes[0]
    origin = next((known[id_] for id_ in followed(submitted) if id_ in known), submitted)
    author, commit = _person(origin, "author"), submitted.name("gitIdentifier", "commitId")
    of_origin = commit or origin.name("gitIdentifier", "commitId")
    fields = {"commit": of_origin, "author": author, "triggered_by": _person(submitted, "submitter")}
    if not any(fields.values()):
        return {}, []
    used = [composition.id, submitted.id, *([origin.id] if author or commit is None else [])]
    return fields, list(dict.fromkeys(used))


def _person(event: EiffelEvent, role: str) -> str | None:
    return next(filter(None, (event.name(role, name) for name in ("id", "name", "email"))), None)


def _id(*ids: str) -> str:
    id_ = "/".join(ids)
    return id_ if len(id_) <= _LONGEST_ID else sha256(id_.encode()).hexdigest()
