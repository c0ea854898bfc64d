"""Signals → facts, by the rules of a hook, the catalog, and the releases that are known by a commit."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from deploydb.domain.formatting import listed
from deploydb.domain.model.artifact import Artifact, split_module
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.facts import (
    ArtifactPublished,
    DeploymentFinished,
    DeploymentObserved,
    DeploymentStarted,
    Fact,
    IncidentDetected,
    IncidentResolved,
    VerificationFinished,
)
from deploydb.hooks.hook import Hook
from deploydb.hooks.image import is_of_manifest
from deploydb.hooks.payload import Payload, Request
from deploydb.hooks.signal import Ignored, Signal
from deploydb.hooks.tool import known_tools

_LONGEST_ID = 255
_LONGEST_REASON = 2000
_LONGEST_URL = 8192


class Release(Struct, frozen=True, kw_only=True):
    """A known artifact of a commit or a digest."""

    module: str
    version: str


Releases = Callable[[str], Sequence[Release]]
"""The artifacts that are known by a commit, which may be short, or by a digest."""


class Published(Struct, frozen=True, kw_only=True):
    """A fact. `note`: why it matches nothing yet, where that is known."""

    fact: Fact
    note: str | None = None


def facts_of(hook: Hook, request: Request, catalog: Catalog, releases: Releases) -> list[Published | Ignored]:
    """What each report of a request becomes. The same request and knowledge give the same facts, with the same ids.

    Raises: MessageRejected for a payload that is not as the tool documents it.
    """
    reports = known_tools()[hook.type].read(request)
    if all(isinstance(report, Ignored) for report in reports):
        return [report for report in reports if isinstance(report, Ignored)]
    payload = Payload.of(request)
    return [
        report if isinstance(report, Ignored) else _Meaning(hook, report, payload, catalog, releases).fact()
        for report in reports
    ]


class _Lacking(Exception):
    """No fact can be made of it."""

    def __init__(self, reason: str, *lacks: str) -> None:
        super().__init__(reason)
        self.ignored = Ignored(reason=reason, lacks=lacks)


class _Meaning:
    """One signal, and what rules and catalog say about its names."""

    def __init__(self, hook: Hook, signal: Signal, payload: Payload, catalog: Catalog, releases: Releases) -> None:
        self._hook = hook
        self._signal = signal
        self._catalog = catalog
        self._releases = releases
        self._ignored = (given := hook.meaning(signal, payload)) is None
        self._given = given or {}

    def fact(self) -> Published | Ignored:
        """The fact, or why it is none."""
        if self._ignored:
            return Ignored(reason=f"a rule of {self._hook.file} ignores it ({self._names()})")
        try:
            match self._signal.kind:
                case "artifact":
                    return Published(fact=self._artifact())
                case "deployment":
                    return self._deployment()
                case "verification":
                    return self._verification()
                case "incident":
                    return Published(fact=self._incident())
        except _Lacking as lacking:
            return lacking.ignored

    def _artifact(self) -> Fact:
        signal = self._signal
        version = self._value("version")
        if version is None:
            raise _Lacking("it names no version", "version")
        if signal.moves and "version" not in self._given:
            if self._hook.moves(version):
                raise _Lacking(f"the tag {version} moves from version to version, and is none", "version")
            if is_of_manifest(version):
                raise _Lacking(f"the tag {version} is of a manifest or of its signature, and is no version")
        return ArtifactPublished(**self._base(version), artifact=self._file(self._module(), version))

    def _deployment(self) -> Published:
        service, environment = self._lane()
        release, note = self._release(service)
        outcome = self._signal.outcome
        about = {**self._base(release.version), "service": service, "environment": environment}
        about["url"] = self._value("url")
        if self._hook.observed and note is None and release.module:
            if outcome != "succeeded":
                raise _Lacking(f"a deployment of the tool's own that has {outcome} puts nothing there")
            file = self._file(release.module, release.version)
            return Published(fact=DeploymentObserved(**about, artifact=file, reason=self._reason()))
        named: dict[str, Any] = {**about, **self._named(release, note)}
        if outcome == "started":
            return Published(fact=DeploymentStarted(**named), note=note)
        return Published(fact=DeploymentFinished(**named, **self._result()), note=note)

    def _verification(self) -> Published:
        promotion = self._given.get("promotion")
        if promotion is None:
            raise _Lacking(self._no_rule("a promotion"), "promotion")
        service, environment = self._lane()
        release, note = self._release(service)
        fact = VerificationFinished(
            **self._base(release.version),
            service=service,
            environment=environment,
            **self._named(release, note),
            promotion=promotion,
            **self._result(),
            url=self._value("url"),
        )
        return Published(fact=fact, note=note)

    @staticmethod
    def _named(release: Release, note: str | None) -> dict[str, Any]:
        """Which release a fact is about. With a `note` the commit stands in the place of the version."""
        return {"version" if note is None else "commit": release.version, "artifact": release.module or None}

    def _incident(self) -> Fact:
        service, environment = self._lane()
        kind = IncidentDetected if self._signal.outcome == "detected" else IncidentResolved
        return kind(
            **self._base(),
            service=service,
            environment=environment,
            version=self._value("version"),
            incident=self._value("incident"),
            reason=self._reason(),
            url=self._value("url"),
        )

    def _base(self, version: str = "") -> dict[str, Any]:
        """Id, source and time. A version is part of the id: a report whose commit was resolved since is another one."""
        id_ = "/".join(part for part in (self._signal.key, version) if part)
        if len(id_) > _LONGEST_ID or not (id_.isascii() and id_.isprintable()):
            id_ = hashlib.sha256(id_.encode()).hexdigest()
        return {"id": id_, "source": self._hook.publisher, "time": self._signal.time}

    def _value(self, name: str) -> str | None:
        value: str | None = self._given.get(name) or getattr(self._signal, name)
        unfit = name == "url" and value is not None and (len(value) > _LONGEST_URL or "\0" in value)
        return None if unfit else value

    def _result(self) -> dict[str, Any]:
        return {"outcome": self._signal.outcome, "reason": self._reason()}

    def _reason(self) -> str | None:
        return (self._signal.reason or "").replace("\0", "")[:_LONGEST_REASON] or None

    def _file(self, module: str, version: str) -> Artifact:
        group, name = split_module(module)
        details = {key: self._value(key) for key in ("url", "digest", "commit", "author", "triggered_by")}
        if self._signal.kind != "artifact":
            details = {"digest": self._value("digest"), "commit": self._value("commit")}
        return Artifact(group=group, name=name, version=version, **details)

    def _module(self) -> str:
        module = self._given.get("artifact")
        if module is None:
            raise _Lacking(self._no_rule("an artifact"), "artifact")
        if ":" not in module.strip(":"):
            raise _Lacking(f"{module} is no artifact: expected group:name", "artifact")
        return module

    def _lane(self) -> tuple[str, str]:
        return self._service(), self._environment()

    def _environment(self) -> str:
        given = self._given.get("environment") or self._signal.names.get("environment")
        known = self._catalog.environments
        renamed = {old for one in known.values() for old in one.renamed_from}
        if given in known or given in renamed:
            return str(given)
        if given is None:
            raise _Lacking(self._no_rule("an environment"), "environment")
        raise _Lacking(f"there is no environment {given}, and no rule gives another ({self._names()})", "environment")

    def _service(self) -> str:
        given = self._given.get("service")
        if given is not None:
            if given not in self._catalog.services:
                raise _Lacking(f"there is no service {given}", "service")
            return given
        module = self._given.get("artifact")
        services = self._catalog.services_of(module) if module is not None else ()
        if len(services) == 1:
            return services[0]
        if services:
            raise _Lacking(f"{module} is a part of {listed(services)}: a rule must name one", "service")
        own = self._signal.names.get("service", "")
        if own in self._catalog.services:
            return own
        raise _Lacking(self._no_rule("a service"), "service")

    def _release(self, service: str) -> tuple[Release, str | None]:
        """The release that is meant: by its version, else its digest, else its commit. Where the commit is that of no
        known one, or of several, it stands in the place of the version, so that the fact is kept until there is one;
        and why."""
        module = self._given.get("artifact", "")
        if not module and "version" not in self._given and (self._signal.part or self._signal.version):
            raise _Lacking(self._no_rule("an artifact"), "artifact")
        version = self._value("version")
        if version is not None and not (self._signal.moves and self._hook.moves(version)):
            return Release(module=module or self._only_module(service), version=version), None
        modules = (module,) if module else self._catalog.services[service].artifacts
        digest, commit = self._value("digest"), self._value("commit")
        for known in filter(None, (digest, commit)):
            named = {(one.module, one.version) for one in self._releases(known.lower()) if one.module in modules}
            found = sorted(named)
            if len(found) == 1:
                return Release(module=found[0][0], version=found[0][1]), None
        if commit is None and digest is not None:
            raise _Lacking(f"no release of {service} has the digest {digest}, or several have it", "version")
        if commit is None:
            raise _Lacking("it names no version and no commit", "version")
        problem = f"no release of {service} has the commit {commit}"
        if found:
            names = listed([f"{one} {number}" for one, number in found])
            problem = f"the commit {commit} is that of {names}: a rule must name the artifact"
        return Release(module=module, version=commit), problem

    def _only_module(self, service: str) -> str:
        modules = self._catalog.services[service].artifacts
        return modules[0] if len(modules) == 1 else ""

    def _no_rule(self, what: str) -> str:
        return f"no rule of {self._hook.file} gives {what} for it ({self._names()})"

    def _names(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self._signal.names.items())
