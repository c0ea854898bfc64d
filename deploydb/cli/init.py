"""`deploydb init`: a configuration to begin with."""

import shlex
import shutil
from pathlib import Path

import click

from deploydb.domain.model.errors import Misconfigured
from deploydb.settings import from_environment

_PACKAGE = Path(__file__).parents[1]
_EXAMPLES = (_PACKAGE / "example" / "config", _PACKAGE.parent / "config")
"""The example configuration, as installed and in a clone."""


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False)
def init(folder: Path | None) -> None:
    """Write an example configuration into FOLDER (by default DEPLOYDB_CONFIG, which is config), and name what to do
    next.

    It has three services, three environments, one pipeline, and a smoke test, a soak and an approval. A folder with
    files in it is refused.

    \b
    Examples:
      deploydb init
      deploydb init /etc/deploydb
    """
    into = folder or from_environment().config
    example = next((one for one in _EXAMPLES if (one / "services").is_dir()), None)
    if example is None:
        raise Misconfigured("the example configuration is not installed: install DeployDB again")
    try:
        if into.exists() and any(into.iterdir()):
            checked = f"`deploydb check-config {shlex.quote(str(into))}` checks them"
            raise Misconfigured(f"{into} has files already: name a folder that is to be made; {checked}")
        shutil.copytree(example, into, dirs_exist_ok=True, copy_function=shutil.copyfile)
    except OSError as error:
        raise Misconfigured(f"cannot write the example configuration to {into}: {error}") from error
    click.echo(f"Wrote an example configuration to {into}. Next:")
    named = shlex.quote(str(into))
    click.echo(f"  deploydb check-config {named}\n  deploydb up --config {named}")
