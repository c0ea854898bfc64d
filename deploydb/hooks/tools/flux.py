"""Flux: reconciliations of Kustomizations and HelmReleases as deployments. The same revision is reported again.

Source: https://fluxcd.io/flux/components/notification/events/
"""

from deploydb.domain.suggestions import shown
from deploydb.hooks.image import digest_of
from deploydb.hooks.payload import COMMIT, Payload, Request, named
from deploydb.hooks.schemes import BEARER_OR_BASIC, Signature
from deploydb.hooks.signal import Outcome, Signal
from deploydb.hooks.tool import Report, Tool, ignored

_KINDS = ("Kustomization", "HelmRelease")
_ENDS: dict[str, Outcome] = {"Succeeded": "succeeded", "Failed": "failed"}
_RELEASED: dict[str, Outcome] = {
    f"{action}{end}": outcome for action in ("Install", "Upgrade") for end, outcome in _ENDS.items()
}
"""Each is another deployment, also of an earlier revision; the others say time and again what runs."""
_REASONS: dict[str, Outcome] = {
    **_RELEASED,
    **{f"Reconciliation{end}": outcome for end, outcome in _ENDS.items()},
    "HealthCheckFailed": "failed",
    "BuildFailed": "failed",
    "ValidationFailed": "failed",
}


def _read(request: Request) -> list[Report]:
    payload = Payload.of(request)
    about = payload.part("involvedObject")
    kind, name, reason = about.text("kind"), about.text("name"), payload.text("reason")
    if kind not in _KINDS or reason not in _REASONS:
        return ignored(f"{shown(reason)} of the {shown(kind)} {shown(name)} is no end of a deployment")
    metadata = payload.get("metadata")
    found = metadata if isinstance(metadata, dict) else {}
    revision = _of_object(found, "revision")
    if revision is None:
        return ignored(f"{shown(reason)} of {shown(name)} names no revision")
    outcome = _REASONS[reason]
    version, commit, digest = _revision(revision)
    chart = digest_of(_of_object(found, "oci-digest"))
    if version is not None and chart is not None:
        version, digest = version.removesuffix(f"+{chart.partition(':')[2][:_OF_CHART]}"), chart
    commit = commit or _revision(_of_object(found, "originRevision") or "")[1]
    again = f"/{payload.text('timestamp')}" if reason in _RELEASED else ""
    id_ = about.maybe("uid") or f"{about.maybe('namespace') or ''}/{name}"
    return [
        Signal(
            kind="deployment",
            key=f"{kind}/{id_}/{revision}/{outcome}{again}",
            names=named(object=kind, name=name, namespace=about.maybe("namespace"), cluster=_text(found, "cluster")),
            outcome=outcome,
            version=version,
            moves=True,
            part=True,
            commit=commit,
            digest=digest,
            reason=payload.maybe("message") if outcome == "failed" else None,
            time=payload.time("timestamp"),
        )
    ]


_OF_CHART = 12
"""Digits of the digest of its file that a chart from an OCI registry has after its version: `1.2.0+9fceb02d0ae5`."""


def _of_object(metadata: dict[str, object], name: str) -> str | None:
    """The value of a key, which Flux sends with the group of the object before it, or without."""
    keys = (key for key in sorted(metadata) if key == name or key.endswith(f"/{name}"))
    return next((value for key in keys if (value := _text(metadata, key))), None)


def _revision(text: str) -> tuple[str | None, str | None, str | None]:
    """Version, commit and digest of `main@sha1:9fceb02…`, `main/9fceb02…`, `sha1:9fceb02…`, `1.2.0@sha256:…`,
    `sha256:…` or `1.2.0`."""
    reference, _, hashed = text.rpartition("@")
    algorithm, colon, value = hashed.partition(":")
    if colon and algorithm == "sha1":
        return None, value, None
    if colon and algorithm.startswith("sha"):
        return reference or None, None, digest_of(hashed)
    tail = text.rpartition("/")[2]
    return (None, tail, None) if COMMIT.fullmatch(tail) and len(tail) >= 40 else (text, None, None)


def _text(found: dict[str, object], name: str) -> str | None:
    value = found.get(name)
    return value if isinstance(value, str) else None


TOOL = Tool(
    schemes=(Signature(header="X-Signature", prefix="sha256="), *BEARER_OR_BASIC),
    names={
        "object": "Kustomization or HelmRelease",
        "name": "the name of the object",
        "namespace": "its namespace",
        "cluster": "the key cluster of the event's metadata",
    },
    read=_read,
)
