"""Services by what their files say of them: their team and their labels."""

from collections.abc import Iterable

from deploydb.domain.model.catalog import Catalog, Service
from deploydb.domain.model.service_metadata import NO_METADATA, ServiceMetadata
from deploydb.http.errors import bad_request, nearest, not_found, shown

TEAM = "team"
_LABEL = "label:"


def metadata_of(catalog: Catalog, service: str) -> ServiceMetadata:
    """None of it for a service that is not configured."""
    configured = catalog.services.get(service)
    return configured.known_metadata if configured is not None else NO_METADATA


def about(service: Service) -> str:
    """What is searched for words: the name, the team, and the labels (`tier=web`) of a service."""
    return _searched(service.ident, service.known_metadata)


def about_name(catalog: Catalog, service: str) -> str:
    """As `about`; of a service that is not configured, its name."""
    return _searched(service, metadata_of(catalog, service))


def _searched(name: str, metadata: ServiceMetadata) -> str:
    labels = [f"{label}={value}" for label, value in metadata.labels.items()]
    return "\n".join([name, metadata.team or "", *labels]).casefold()


def belongs(catalog: Catalog, service: str, team: str | None, label: str | None) -> bool:
    """Whether a service is of a team, and has a label: `tier:web`, or `tier` with any value. None: of any."""
    if team is None and label is None:
        return True
    known = metadata_of(catalog, service)
    if team is not None and team != known.team:
        return False
    name, mark, value = (label or "").partition(":")
    return label is None or (known.labels.get(name) == value if mark else name in known.labels)


def require_group(catalog: Catalog, team: str | None, label: str | None) -> None:
    """Raises: HTTPException 404 where no service is of a team, or none has a label."""
    known = [one.known_metadata for one in catalog.services.values()]
    teams = {one.team for one in known if one.team is not None}
    if team is not None and team not in teams:
        raise not_found(f"no service is of team {shown(team)}{nearest(team, teams)}")
    labels = {f"{name}:{value}" for one in known for name, value in one.labels.items()}
    if label is not None and label not in {*labels, *(one.partition(":")[0] for one in labels)}:
        raise not_found(f"no service has the label {shown(label)}{nearest(label, labels)}")


def group_of(catalog: Catalog, service: str, by: str) -> str | None:
    """The team (`team`) or the value of a label (`label:tier`) of a service; None where it has none."""
    known = metadata_of(catalog, service)
    return known.team if by == TEAM else known.labels.get(by.removeprefix(_LABEL))


def checked_grouping(by: str | None) -> str | None:
    """`team` or `label:NAME`. Raises: HTTPException 400 for another one."""
    if by is not None and by != TEAM and not (by.startswith(_LABEL) and by != _LABEL):
        raise bad_request(f"group={shown(by)} is not known: team, or label:NAME such as label:tier")
    return by


def groupings(catalog: Catalog, services: Iterable[str]) -> list[str]:
    """By what some services can be grouped."""
    known = [metadata_of(catalog, one) for one in services]
    labels = sorted({f"{_LABEL}{name}" for one in known for name in one.labels})
    return [*([TEAM] if any(one.team for one in known) else ()), *labels]
