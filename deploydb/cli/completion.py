"""`completion`: for bash, zsh and fish."""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what completes `deploydb` in your shell.

    \b
    Examples:
      deploydb completion bash > ~/.local/share/bash-completion/completions/deploydb
      deploydb completion zsh > ~/.zfunc/_deploydb
      deploydb completion fish > ~/.config/fish/completions/deploydb.fish
    """
    from click.shell_completion import get_completion_class

    from deploydb.cli.commands import cli

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(found(cli, {}, "deploydb", "_DEPLOYDB_COMPLETE").source())
