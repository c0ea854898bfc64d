"""The publication of a version that is known with another file."""

import click

from deploydb.cli.client import ask
from deploydb.domain.model.artifact import Artifact, contradicts
from deploydb.domain.model.errors import DeployDBError


def warn_of_contradiction(published: Artifact) -> None:
    """Say on stderr that a version is known with another digest or URL. Silent where no query service answers."""
    name = f"{published.module}:{published.version}"
    try:
        found = ask("where", name)["artifacts"]
        known = [one | {"url": ask("artifacts", str(one["id"])).get("url")} for one in found]
    except (DeployDBError, click.ClickException):
        return
    for one in known:
        stored = Artifact(
            group=published.group,
            name=published.name,
            version=published.version,
            digest=one["digest"],
            url=one["url"],
        )
        if contradicts(stored, published):
            what = "digest" if stored.digest and published.digest else "url"
            click.echo(
                f"contradiction: {name} is known with {what} {getattr(stored, what)}, which stands; publish the other "
                "file as another version",
                err=True,
            )
