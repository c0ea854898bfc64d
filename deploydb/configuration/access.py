"""access.yml → the rights of groups and publishers; every name in it must exist."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_network

from msgspec.structs import replace

from deploydb.configuration.access_documents import AccessDocument, GrantDocument
from deploydb.configuration.building import Known
from deploydb.configuration.reading import read_document
from deploydb.configuration.source import Path, Source
from deploydb.domain.gates import Promotion
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.access import ANY, OPEN_CLIENT, Access, Grant, matches
from deploydb.domain.model.facts import fact_types, type_of
from deploydb.domain.model.promotions import RESERVED
from deploydb.domain.person_names import person_name
from deploydb.domain.suggestions import shown, suggestion

_RIGHTS = ("override_freeze", "override", "approve", "veto", "freeze")
MOST_GRANTS = 1000


def read_access(source: Source | None) -> AccessDocument:
    """The document, empty where there is none. Groups that do not exist are problems."""
    document = read_document(source, AccessDocument) if source is not None else None
    if source is None or document is None:
        return AccessDocument()
    for right in _RIGHTS:
        for index, name in enumerate(getattr(document, right)):
            if name not in document.groups:
                message = f"there is no group {name}{suggestion(name, document.groups)}"
                source.problem((right, index), message)
    return document


def with_groups(promotion: Promotion, approve: Sequence[str]) -> Promotion:
    """The promotion; a manual one without groups of its own with those that may `approve`."""
    if isinstance(promotion, ManualPromotion) and not promotion.groups and approve:
        return replace(promotion, groups=tuple(approve))
    return promotion


def build_access(source: Source | None, document: AccessDocument, known: Known) -> Access:
    """What publishers may say. Names that do not exist are problems."""
    rights = Access(veto=tuple(document.veto), freeze=tuple(document.freeze))
    if source is None or document.publishers is None:
        return rights
    names: dict[str, Iterable[str]] = {
        "facts": [type_of(kind) for kind in fact_types()],
        "services": known.services,
        "environments": known.environments,
        "promotions": {*known.promotions, *RESERVED},
    }
    publishers: dict[str, tuple[Grant, ...]] = {}
    count = 0
    for publisher, written in document.publishers.items():
        at: Path = ("publishers", publisher)
        _check_publisher(source, at, publisher)
        several = isinstance(written, list)
        grants = []
        for index, grant in enumerate(written if isinstance(written, list) else [written]):
            if isinstance(grant, GrantDocument):  # else a problem
                grants.append(_grant(source, (*at, index) if several else at, grant, names))
        count += len(grants)
        name = person_name(publisher)
        if name in publishers:
            source.problem(at, f"{shown(name)} has an entry already, in other characters: keep one", key=True)
        publishers[name] = tuple(grants)
    if count > MOST_GRANTS:
        source.problem(("publishers",), f"has {count} grants; there may be {MOST_GRANTS}")
    return replace(rights, publishers=publishers)


def _grant(source: Source, at: Path, document: GrantDocument, names: dict[str, Iterable[str]]) -> Grant:
    for key, known in names.items():
        for index, pattern in enumerate(getattr(document, key) or ()):
            if "*" not in pattern and pattern not in known:
                what = "type of fact" if key == "facts" else key.removesuffix("s")
                source.problem((*at, key, index), f"there is no {what} {shown(pattern)}{suggestion(pattern, known)}")
            elif pattern != "*" and "*" in pattern and not any(matches((pattern,), name) for name in known):
                source.warn((*at, key, index), f"{shown(pattern)} matches none of the {key} that there are")
    return Grant(
        facts=_patterns(document.facts),
        services=_patterns(document.services),
        environments=_patterns(document.environments),
        promotions=_patterns(document.promotions),
        sources=tuple(document.sources) if document.sources is not None else None,
        vouches=document.vouches,
    )


def _patterns(written: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(written) if written is not None else ANY


def _check_publisher(source: Source, at: Path, publisher: str) -> None:
    if publisher.startswith(OPEN_CLIENT) and "/" in publisher:
        try:
            ip_network(publisher.removeprefix(OPEN_CLIENT), strict=False)
        except ValueError:
            message = f"{shown(publisher)} is no network: write {OPEN_CLIENT}10.0.0.0/8, an address, or {OPEN_CLIENT}*"
            source.problem(at, message, key=True)
