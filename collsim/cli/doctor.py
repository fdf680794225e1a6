"""`collsim doctor`: what is installed, whether kernels are compiled, and whether the engines agree on this machine."""

from __future__ import annotations

import sys

import click

from collsim.cli.progress import progress

__all__ = ["doctor"]


@click.command()
@click.option("--warm", "warms", is_flag=True, help="Compile every kernel now, so that no later run waits for it.")
@click.option("--json", "json_path", metavar="FILE", help="Write the findings as JSON; '-' prints them instead.")
def doctor(warms: bool, json_path: str | None) -> int:
    """Say what is installed, whether the cache of compiled kernels is warm, and whether the engines agree here.

    Exit code 1 if something is wrong, each such line with its cure. A cold cache is not: the first run fills it.

    \b
    Examples:
      collsim doctor
      collsim doctor --warm
    """
    from collsim.cli import doctor_checks as checks
    from collsim.report.output import check_writable, to_json, write_text
    from collsim.report.table import print_rows

    if json_path not in (None, "-"):
        check_writable(json_path)
    if warms:
        with progress("compiling") as show:
            checks.warm(lambda work: show(0, None, f"kernels for {work}"))
    findings = [*checks.careful("Packages", checks.package_findings), *checks.careful("Extras", checks.extra_findings)]
    findings += checks.careful("Cache", checks.cache_findings)
    cold = not any(f.what.startswith("Kernels") for f in findings) or any(
        f.text.startswith("cold") for f in findings if f.what.startswith("Kernels")
    )
    findings += checks.careful("Plug-ins", checks.plugin_findings)
    findings += checks.careful("Self-check", lambda: [checks.agreement(compiled=not cold)])
    wrong = sum(finding.wrong for finding in findings)
    if json_path is not None:
        value = {"findings": [{"what": f.what, "text": f.text, "wrong": f.wrong} for f in findings], "wrong": wrong}
        text = to_json(value)
        if json_path == "-":
            click.echo(text, nl=False)
        else:
            write_text(json_path, text)
    if json_path != "-":
        rows = [(finding.what, f"WRONG: {finding.text}" if finding.wrong else finding.text) for finding in findings]
        print_rows([*rows, ("Verdict", f"{wrong} things are wrong" if wrong else "all is well")], sys.stdout)
    return 1 if wrong else 0
