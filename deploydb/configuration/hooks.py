"""`hooks/NAME.yml`: which webhook is which tool's, and what its names mean."""

import re
from typing import Annotated, Any

from msgspec import Meta, Struct

from deploydb.configuration.building import Known
from deploydb.configuration.reading import read_document
from deploydb.configuration.source import Path, Source
from deploydb.domain.gates.promotion import Description
from deploydb.domain.suggestions import shown, suggestion
from deploydb.hooks.hook import FIELD, MOVING_TAGS, PART, PLACEHOLDER, Hook, Rule, Secret, part_of
from deploydb.hooks.tool import Tool, known_tools

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIELD = re.compile(r"\$(\.[^.\s{}]+)+")
_REFERRED = ("service", "environment", "promotion")
_VALUES = ("artifact", *_REFERRED, "version", "commit", "digest", "author", "triggered_by", "url", "incident")
Value = Annotated[str, Meta(min_length=1, max_length=8192)]


class SecretDocument(Struct, kw_only=True, frozen=True):
    """Where the secret of a webhook is. It never stands in the file itself."""

    env: Annotated[str | None, Meta(description="The variable of the gateway's environment that holds it.")] = None
    file: Annotated[str | None, Meta(description="The path of the file that holds it.")] = None


class RuleDocument(Struct, kw_only=True, frozen=True):
    """What the payloads mean whose names match. Of several rules that match, the first one with a key gives it."""

    when: Annotated[
        dict[str, str],
        Meta(
            description="Globs by name: of the tool (see docs/how-to), `kind` (artifact, deployment, verification, "
            "incident), or a field of the payload, such as `$.repository.name`. By default each payload matches."
        ),
    ] = {}
    ignore: Annotated[bool, Meta(description="Whether they are ignored.")] = False
    artifact: Annotated[Value | None, Meta(description="The module, `group:name`.")] = None
    service: Annotated[Value | None, Meta(description="The service; by default the only one with the artifact.")] = None
    environment: Annotated[Value | None, Meta(description="The environment; by default one of the same name.")] = None
    promotion: Annotated[Value | None, Meta(description="The promotion that a job answers.")] = None
    version: Annotated[Value | None, Meta(description="The version, in the place of the tool's.")] = None
    commit: Annotated[Value | None, Meta(description="The commit, in the place of the tool's.")] = None
    digest: Annotated[Value | None, Meta(description="The digest, in the place of the tool's.")] = None
    author: Annotated[Value | None, Meta(description="The author of the commit, in the place of the tool's.")] = None
    triggered_by: Annotated[Value | None, Meta(description="Who started the build, in the place of the tool's.")] = None
    url: Annotated[Value | None, Meta(description="The URL, in the place of the tool's.")] = None
    incident: Annotated[Value | None, Meta(description="The name of an incident, in the place of the tool's.")] = None


class HookDocument(Struct, kw_only=True, frozen=True):
    """hooks/NAME.yml: webhooks of a tool, which `POST /hooks/NAME` takes.

    Values of rules may have `{name}` of the tool and `{$.path.of.a.field}` of the payload in them, and `{name*}`: what
    the `*` in the rule's glob for the name stands for.
    """

    type: Annotated[str, Meta(description="The tool.", extra_json_schema={"enum": sorted(known_tools())})]
    secret: Annotated[SecretDocument, Meta(description="The secret by which its requests are verified.")]
    description: Description = ""
    rules: Annotated[list[RuleDocument], Meta(description="What the names of the tool mean.")] = []
    moving_tags: Annotated[
        list[str] | None,
        Meta(description="Globs of tags that move from image to image, and so are no versions; by default `latest`."),
    ] = None
    deployments: Annotated[
        str,
        Meta(
            description="`reported`: deployments of the tool are those that DeployDB commands. `observed`: they are "
            "the tool's own, and recorded as `deployment.observed`.",
            extra_json_schema={"enum": ["reported", "observed"]},
        ),
    ] = "reported"


def build_hook(source: Source, name: str, known: Known) -> Hook | None:
    """The hook of a file. None where it cannot be built; its problems are in `source.problems`."""
    document = read_document(source, HookDocument)
    if document is None:
        return None
    tool = known_tools().get(document.type)
    if tool is None:
        message = f"expected a tool's type, found {shown(document.type)}{suggestion(document.type, known_tools())}"
        source.problem(("type",), message)
        return None
    if document.deployments not in ("reported", "observed"):
        source.problem(("deployments",), f"expected reported or observed, found {shown(document.deployments)}")
    _check_secret(source, document.secret)
    rules = tuple(_rule(source, index, rule, tool, known) for index, rule in enumerate(document.rules))
    return Hook(
        name=name,
        type=document.type,
        secret=Secret(env=document.secret.env, file=document.secret.file),
        rules=rules,
        moving_tags=MOVING_TAGS if document.moving_tags is None else tuple(document.moving_tags),
        observed=document.deployments == "observed",
    )


def _check_secret(source: Source, secret: SecretDocument) -> None:
    if (secret.env is None) is (secret.file is None):
        source.problem(("secret",), "expected either env: VARIABLE or file: PATH")
    elif secret.env is not None and not _VARIABLE.fullmatch(secret.env):
        source.problem(("secret", "env"), "expected the name of a variable, not the secret itself")


def _rule(source: Source, index: int, document: RuleDocument, tool: Tool, known: Known) -> Rule:
    at: Path = ("rules", index)
    for name in document.when:
        _check_name(source, (*at, "when", name), name, tool, key=True)
    given: dict[str, Any] = {key: getattr(document, key) for key in _VALUES}
    values = {key: str(value) for key, value in given.items() if value is not None}
    if not values and not document.ignore:
        source.problem(at, f"says nothing: give {', '.join(_VALUES)}, or ignore: true")
    for key, value in values.items():
        placeholders = PLACEHOLDER.findall(value)
        for name in placeholders:
            bare = name.removesuffix(PART)
            if bare != name and part_of(document.when.get(bare, "")) is None:
                source.problem((*at, key), f"{{{name}}} needs {bare} in when, with one * and neither ? nor [")
            else:
                _check_name(source, (*at, key), bare, tool)
        names = getattr(known, f"{key}s", None)
        if not placeholders and key in _REFERRED and names is not None and value not in names:
            source.problem((*at, key), f"there is no {key} {shown(value)}{suggestion(value, names)}")
        if key == "artifact" and not placeholders and not re.fullmatch(r"[^:\s]+:[^\s]+", value):
            source.problem((*at, key), f"expected group:name, found {shown(value)}")
    return Rule(when=document.when, ignore=document.ignore, values=values)


def _check_name(source: Source, at: Path, name: str, tool: Tool, *, key: bool = False) -> None:
    if name.startswith(FIELD):
        if not _FIELD.fullmatch(name):
            source.problem(at, f"{shown(name)} is no path of a field: expected $.name.name", key=key)
        return
    open_ended = [known.removesuffix("*") for known in tool.names if known.endswith("*")]
    if name in tool.names or name == "kind" or name.startswith(tuple(open_ended)):
        return
    source.problem(at, f"the tool has no name {shown(name)}{suggestion(name, tool.names)}", key=key)
