"""`collsim reference`: the help of every command as one Markdown page, from which docs/cli.md is made."""

from __future__ import annotations

from collections.abc import Iterator

import click

__all__ = ["reference", "reference_text"]

WIDTH = 100


@click.command(hidden=True)
@click.option("-o", "--output", metavar="FILE", help="File to write, such as docs/cli.md; printed without it.")
@click.pass_context
def reference(ctx: click.Context, output: str | None) -> None:
    """Write the command line reference as Markdown."""
    text = reference_text(ctx.find_root().command)
    if output is None:
        click.echo(text, nl=False)
        return
    from collsim.report.output import write_text

    write_text(output, text)


def reference_text(root: click.Command) -> str:
    """Return docs/cli.md: the help of `root` and of everything below it that is not hidden."""
    head = (
        "# The command line\n\nMade from the program's own help by `collsim reference -o docs/cli.md`.\n\n"
        "Exit codes: 0 done, 1 a run failed, 2 the request was wrong, 130 interrupted. Errors are one sentence on stderr; "
        "set COLLSIM_DEBUG=1 to see where an error came from.\n"
    )
    return head + "".join(f"\n## {path}\n\n```text\n{help_}\n```\n" for path, help_ in _pages(root, None, "collsim"))


def _pages(command: click.Command, parent: click.Context | None, name: str) -> Iterator[tuple[str, str]]:
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    yield context.command_path, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            if not command.commands[child].hidden:
                yield from _pages(command.commands[child], context, child)
