"""Reading a directory: a catalog, or every problem in it."""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from deploydb.configuration.access import build_access, read_access, with_groups
from deploydb.configuration.building import (
    Known,
    build_defaults,
    build_environment,
    build_pipeline,
    build_service,
    check_lanes,
)
from deploydb.configuration.completeness import lacks
from deploydb.configuration.documents import (
    DefaultsDocument,
    EnvironmentDocument,
    PipelineDocument,
    ServiceDocument,
    WebhookFileDocument,
)
from deploydb.configuration.hooks import build_hook
from deploydb.configuration.orchestrators import build_orchestrator
from deploydb.configuration.problems import LONGEST_MESSAGE, Problem
from deploydb.configuration.promotions import read_promotion
from deploydb.configuration.reading import read_document
from deploydb.configuration.renames import check_renames
from deploydb.configuration.source import Source, read_source
from deploydb.configuration.warnings import warn
from deploydb.configuration.webhooks import build_endpoint, build_webhooks, merge_webhooks
from deploydb.domain.gates import Promotion
from deploydb.domain.model.access import Access
from deploydb.domain.model.catalog import Catalog, Environment, Incomplete, Pipeline, Service
from deploydb.domain.model.webhooks import Endpoint, Webhooks
from deploydb.domain.person_names import person_name
from deploydb.domain.suggestions import shown, suggestion
from deploydb.hooks.hook import Hook
from deploydb.orchestrators.orchestrator import Orchestrator

DEFAULTS = "_defaults"
_ENDINGS = (".yml", ".yaml")
_ACCESS = tuple(f"access{ending}" for ending in _ENDINGS)
# Names are words of routing keys and queue names, which AMQP bounds at 255 bytes: ENVIRONMENT.SERVICE.deploy fits.
_DOTTED = (re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"), "letters, digits, . - and _ only, at most 128")
_PLAIN = (re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"), "letters, digits, - and _ only, at most 64")
_IDENT = dict.fromkeys(("services", "pipelines", "promotions", "webhook"), _DOTTED) | dict.fromkeys(
    ("environments", "hooks", "orchestrators"), _PLAIN
)

D = TypeVar("D", bound=Struct)
T = TypeVar("T")


class Loaded(Struct, frozen=True, kw_only=True):
    """A catalog, or else problems, in the order of files and lines.

    `missing`: what services of the catalog lack, which take no releases without it (`Catalog.incomplete`).
    `warnings`: what is probably wrong in a catalog that can be used, where that was asked for. `files`: the text of
    each by its path. `hooks` and `orchestrators`: beside the catalog, since nothing is decided by them.
    """

    catalog: Catalog | None
    hooks: dict[str, Hook] = {}
    orchestrators: dict[str, Orchestrator] = {}
    problems: tuple[Problem, ...] = ()
    missing: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    files: dict[str, str] = {}


def load(directory: Path, *, warned: bool = False) -> Loaded:
    """Read a configuration directory. Its problems are returned, never raised. `warned`: with its warnings."""
    if not os.path.isdir(directory):  # Path.is_dir raises where a folder above may not be entered
        message = "is not a directory" if os.path.lexists(directory) else "there is no such directory"
        return Loaded(catalog=None, problems=(_problem(directory, message),))
    folders = _Folders(directory)
    parts = _build(folders)
    hooks, orchestrators = _hooks(folders), _orchestrators(folders)
    problems = sorted(folders.problems + [problem for source in folders.sources for problem in source.problems])
    missing = tuple(sorted(problem for source in folders.sources for problem in source.missing))
    files = {
        os.path.relpath(source.path, _printable(directory)): source.text
        for source in folders.sources
        if source.readable
    }
    if problems:
        return Loaded(catalog=None, problems=tuple(problems), missing=missing, files=files)
    catalog = _catalog(parts)
    if warned:
        warn(folders.by_kind, folders.access, catalog)
    warnings = sorted(warning for source in folders.sources for warning in source.warnings)
    return Loaded(
        catalog=catalog,
        hooks=hooks,
        orchestrators=orchestrators,
        missing=missing,
        warnings=tuple(warnings),
        files=files,
    )


class _Folders:
    """The files of each kind by name, and the problems of the directory itself."""

    def __init__(self, directory: Path) -> None:
        self.problems: list[Problem] = []
        self.sources: list[Source] = []
        self.by_kind: dict[str, dict[str, Source]] = {kind: {} for kind in _IDENT}
        self.access: Source | None = None
        found = False
        for path in self._entries(directory):
            if path.name in _ACCESS:
                self._read_access(path)
            elif os.path.isdir(path) and path.name in _IDENT:
                found = True
                self._read(path.name, path)
            elif path.suffix in _ENDINGS or os.path.isdir(path):
                message = f"is no folder of a configuration{suggestion(path.name, _IDENT)}"
                self.problems.append(
                    _problem(path, message if os.path.isdir(path) else "stands outside of the folders")
                )
        if not (found or self.access or self.problems):
            self.problems.append(_problem(directory, "has no file of a configuration: expected services/NAME.yml"))

    def documents(self, kind: str, read: Callable[[Source], T | None]) -> Iterator[tuple[str, Source, T]]:
        """The readable files of a kind by name, with their documents."""
        for name, source in self.by_kind[kind].items():
            if name != DEFAULTS and (document := read(source)) is not None:
                yield name, source, document

    def _entries(self, folder: Path) -> list[Path]:
        try:
            return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        except OSError as error:
            self.problems.append(_problem(folder, f"cannot be read: {error.strerror}"))
            return []

    def _read_access(self, path: Path) -> None:
        if self.access is not None:
            self.problems.append(_problem(path, "access is here with two endings: keep one of them"))
            return
        self.access = _read_file(path)
        self.sources.append(self.access)

    def _read(self, kind: str, folder: Path) -> None:
        shape, allowed = _IDENT[kind]
        for path in self._entries(folder):
            if path.suffix not in _ENDINGS:
                if os.path.isdir(path):
                    self.problems.append(_problem(path, f"is a folder: {kind}/ has files only"))
                continue
            ident = path.stem
            if ident in self.by_kind[kind]:
                self.problems.append(_problem(path, f"{ident} is here with two endings: keep one of them"))
                continue
            if not shape.fullmatch(ident) and not (kind == "services" and ident == DEFAULTS):
                message = f"{shown(ident)} is no name for it: {allowed}, a letter or digit first"
                self.problems.append(_problem(path, message))
                continue
            source = _read_file(path)
            self.sources.append(source)
            self.by_kind[kind][ident] = source


class _Parts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parts of a catalog. Where there are problems, a name in it may refer to nothing. An empty
    `incomplete` is no part of the digest."""

    services: dict[str, Service]
    incomplete: dict[str, Incomplete] = {}
    environments: dict[str, Environment]
    pipelines: dict[str, Pipeline]
    promotions: dict[str, Promotion]
    webhooks: Webhooks
    endpoints: dict[str, Endpoint]
    groups: dict[str, frozenset[str]]
    freeze_overriders: tuple[str, ...]
    access: Access


def _known(folders: _Folders, groups: Set[str] = frozenset()) -> Known:
    return Known(
        services=folders.by_kind["services"].keys() - {DEFAULTS},
        pipelines=folders.by_kind["pipelines"].keys(),
        environments=folders.by_kind["environments"].keys(),
        promotions=folders.by_kind["promotions"].keys(),
        groups=groups,
    )


def _hooks(folders: _Folders) -> dict[str, Hook]:
    known = _known(folders)
    built = {name: build_hook(source, name, known) for name, source in folders.by_kind["hooks"].items()}
    return {name: hook for name, hook in built.items() if hook is not None}


def _orchestrators(folders: _Folders) -> dict[str, Orchestrator]:
    built = {name: build_orchestrator(source, name) for name, source in folders.by_kind["orchestrators"].items()}
    return {name: orchestrator for name, orchestrator in built.items() if orchestrator is not None}


def _build(folders: _Folders) -> _Parts:
    access = read_access(folders.access)
    known = _known(folders, access.groups.keys())
    promotions = {
        ident: with_groups(promotion, access.approve)
        for ident, source in folders.by_kind["promotions"].items()
        if (promotion := read_promotion(source, ident, known)) is not None
    }
    environments = {
        ident: build_environment(source, ident, document, known, promotions)
        for ident, source, document in folders.documents("environments", _reader(EnvironmentDocument))
    }
    check_renames(folders.by_kind["environments"], environments)
    pipelines = {
        ident: build_pipeline(source, ident, document, known)
        for ident, source, document in folders.documents("pipelines", _reader(PipelineDocument))
    }
    defaults = _defaults(folders, known)
    services = {}
    for ident, source, document in folders.documents("services", _reader(ServiceDocument)):
        services[ident] = build_service(source, ident, document, defaults, known)
        check_lanes(source, services[ident], pipelines)
    files = list(folders.documents("webhook", _reader(WebhookFileDocument)))
    endpoints = {
        ident: endpoint
        for ident, source, document in files
        if (endpoint := build_endpoint(source, ident, document, known.services, known.environments)) is not None
    }
    lacking = {ident: lacks(one, environments, pipelines, promotions) for ident, one in services.items()}
    return _Parts(
        services={ident: one for ident, one in services.items() if not lacking[ident]},
        incomplete={
            ident: Incomplete(service=one, lacks=lacking[ident]) for ident, one in services.items() if lacking[ident]
        },
        environments=environments,
        pipelines=pipelines,
        promotions=promotions,
        webhooks=merge_webhooks([build_webhooks(source, document) for _, source, document in files]),
        endpoints=endpoints,
        groups={name: frozenset(map(person_name, people or ())) for name, people in access.groups.items()},
        freeze_overriders=tuple(dict.fromkeys((*access.override_freeze, *access.override))),
        access=build_access(folders.access, access, known),
    )


def _reader(kind: type[D]) -> Callable[[Source], D | None]:
    return lambda source: read_document(source, kind)


def _catalog(parts: _Parts) -> Catalog:
    encoded = msgspec.json.encode(parts, order="deterministic", enc_hook=_digested)
    return Catalog(**msgspec.structs.asdict(parts), digest=hashlib.sha256(encoded).hexdigest())


def _digested(value: object) -> str:
    """A compiled expression counts by its type: its text is beside it."""
    return type(value).__name__


def _defaults(folders: _Folders, known: Known) -> DefaultsDocument:
    source = folders.by_kind["services"].get(DEFAULTS)
    document = read_document(source, DefaultsDocument) if source is not None else None
    if source is None or document is None:
        return DefaultsDocument()
    build_defaults(source, document, known)
    return document


def _read_file(path: Path) -> Source:
    """The file's value, or the problem. A pipe or a device is not opened: reading it may never end."""
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return read_source(_printable(path), path.read_bytes())
        reason = "is not a file"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    return Source(path=_printable(path), readable=False, problems=[_problem(path, reason)])


def _problem(path: Path, message: str) -> Problem:
    return Problem(path=_printable(path), line=1, column=1, message=message)


def _printable(path: Path) -> str:
    """The path as text; bytes that are no text are escaped."""
    return shown(str(path).encode("utf-8", "backslashreplace").decode(), LONGEST_MESSAGE)
