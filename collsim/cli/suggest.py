"""A command group that answers a misspelt command with the nearest one, whatever click's version."""

from __future__ import annotations

import click

from collsim.errors import nearest

__all__ = ["SuggestingGroup"]


class SuggestingGroup(click.Group):
    """A click group whose error for an unknown command names the nearest valid one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return what click does; a UsageError with a suggestion for a name that does not exist."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            visible = [known for known, command in self.commands.items() if not command.hidden]
            guess = nearest(name, visible)
            hint = f"Did you mean '{guess}'?" if guess else f"Known: {', '.join(sorted(visible))}."
            raise click.UsageError(f"No such command '{name}'. {hint}", ctx)
        return super().resolve_command(ctx, args)
