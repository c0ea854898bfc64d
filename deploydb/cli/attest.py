"""`attest`: a signer vouches for a file."""

import click

from deploydb.cli.client import ask, where_answered
from deploydb.cli.effect import publish_and_show
from deploydb.cli.options import arguments, by_option, no_wait_option
from deploydb.cli.output import output_option
from deploydb.cli.publisher import signed
from deploydb.domain.model.artifact import Artifact, split_module
from deploydb.domain.model.errors import NotFound, Permanent
from deploydb.domain.model.facts import ArtifactAttested


@click.command()
@arguments("module", "version")
@click.option("--digest", metavar="DIGEST", help="Of the file that was verified; by default the published one.")
@click.option("--signer", metavar="NAME", help="Who vouches for it; by default who attests.")
@click.option("--kind", metavar="KIND", default="signature", show_default=True, help="What of: signature, sbom, ….")
@click.option("--url", metavar="URL", help="Where the attestation is.")
@by_option("Who attests, and has verified it", over_http=False)
@no_wait_option
@output_option
def attest(
    module: str,
    version: str,
    digest: str | None,
    signer: str | None,
    kind: str,
    url: str | None,
    by: str | None,
    output: str,
) -> None:
    """Vouch for VERSION of MODULE (GROUP:NAME), by its digest. A ProvenancePromotion asks for it.

    Verify the file first: DeployDB stores the attestation, and verifies no signature. An early one is kept, and counts
    once the version is published with that digest.

    \b
    Examples:
      deploydb attest com.example:storefront 1.4.0 --signer cosign@example.com
      deploydb attest com.example:storefront 1.4.0 --digest sha256:9f86d081 --kind sbom -o json
    """
    group, name = split_module(module)
    if not group:
        raise click.UsageError(f"{module} is no module: write GROUP:NAME")
    if digest is None:
        digest = _published(module, version)
    else:
        with where_answered(f"whether {digest} is the digest of {module} {version}"):
            _require(module, version, digest)
    who = signed(by)
    artifact = Artifact(group=group, name=name, version=version, digest=digest)
    fact = ArtifactAttested(**who, artifact=artifact, signer=signer or who["by"], kind=kind, url=url)
    publish_and_show(fact, output, f"{module} {version} has a {kind} of {digest} by {fact.signer}")


def _published(module: str, version: str) -> str:
    """The digest of a published version. Raises: NotFound, Permanent where it has none."""
    digest: str | None = ask("where", f"{module}:{version}")["artifacts"][0]["digest"]
    if digest is None:
        raise Permanent(f"{module} {version} was published without a digest: no attestation counts for it")
    return digest


def _require(module: str, version: str, digest: str) -> None:
    """Raises: Permanent where the version was published with another digest, or none."""
    try:
        published = _published(module, version)
    except NotFound:
        return  # it may come later
    if published != digest:
        raise Permanent(f"{module} {version} was published with {published}: an attestation of {digest} does not count")
