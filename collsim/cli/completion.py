"""`collsim completion`: the script that teaches a shell to complete collsim's commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    Examples:
      eval "$(collsim completion bash)"        # in ~/.bashrc
      eval "$(collsim completion zsh)"         # in ~/.zshrc
      collsim completion fish > ~/.config/fish/completions/collsim.fish
    """
    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"This version of click cannot complete for {shell}.")
    root = ctx.find_root()
    click.echo(script(root.command, {}, "collsim", "_COLLSIM_COMPLETE").source())
