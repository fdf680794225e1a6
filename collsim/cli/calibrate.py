"""`collsim calibrate`: fit a machine to a measured table of nccl-tests."""

from __future__ import annotations

import sys
from typing import Any

import click

from collsim.cli.options import machine_options, network_options, placement_option, root_option, seed_option
from collsim.cli.progress import progress
from collsim.cli.settings import settings_of

__all__ = ["calibrate"]


@click.command()
@click.argument("table", metavar="FILE", type=click.Path())
@machine_options
@click.option(
    "--algo",
    default="ring",
    show_default=True,
    metavar="A",
    help="Algorithm that the table was measured with, as 'collsim run' takes it.",
)
@click.option("--collective", metavar="C", help="Collective that was measured. [what the table says, else all-reduce]")
@root_option
@click.option("--in-place", is_flag=True, help="Fit the times measured in place. [those out of place]")
@click.option("--from", "least", metavar="SIZE", help="Fit the rows from this size on.")
@click.option("--to", "most", metavar="SIZE", help="Fit the rows up to this size.")
@placement_option
@click.option("--parts", is_flag=True, help="Fit each range of sizes that behaves in its own way, such as each protocol's.")
@network_options
@click.option(
    "--engine", metavar="E", help="Engine that the fit is made with and for, as 'collsim run' takes it. [compiled]"
)
@seed_option
@click.option("-o", "--output", metavar="FILE", help="Write the fitted machine as a native YAML file.")
@click.option("--plot", "plot_path", metavar="FILE", help="Draw measured and fitted times (.png, .svg or .pdf).")
@click.option("--json", "json_path", metavar="FILE", help="Write the fit as JSON; '-' prints it instead of the report.")
def calibrate(table: str, topo: str, algo: str, least: str | None, most: str | None, in_place: bool, **options: Any) -> None:
    """Fit message overhead and link efficiency to FILE, a table that nccl-tests printed (or its JSON report).

    The fit is made with the simulator itself: simulating with the settings it ends with gives the fitted times. Says what
    was measured and what is fitted at each size, how good the fit is, and where one fit will not do.

    \b
    Examples:
      collsim calibrate nccl-output.txt --topo hgx-h100
      collsim calibrate nccl-output.txt --topo hgx-h100 --from 1MiB -o my-h100.yaml
      collsim calibrate nccl-output.txt --topo hgx-h100 --parts
      collsim calibrate nccl-output.txt --topo switch8 --bandwidth 450GB/s --latency 1us --algo double-binary-tree
    """
    from collsim.cli.calibrate_rows import COLUMN_HEADS, columns, part_rows, parts_value, rows, value
    from collsim.errors import InvalidValue
    from collsim.interop.nccl_tests_read import read_nccl_tests
    from collsim.report.output import check_drawable, check_writable, to_json, write_text
    from collsim.report.table import print_columns, print_rows
    from collsim.simulate import prepare
    from collsim.sweep.calibrate import calibrate as one_fit
    from collsim.sweep.calibrate import calibrate_parts
    from collsim.topology.write import to_yaml
    from collsim.units import parse_size

    paths = {kind: options.pop(f"{kind}_path") for kind in ("plot", "json")}
    output, parted = options.pop("output"), options.pop("parts")
    if parted and output is not None:
        raise InvalidValue("Each part has links of its own, and a file one machine; leave out --parts, or --output.")
    for path in (output, paths["json"]):
        if path not in (None, "-"):
            check_writable(path)
    if paths["plot"] is not None:
        check_drawable(paths["plot"])
    measured = read_nccl_tests(table)
    if in_place:
        measured = measured.measured_in_place()
    options["collective"] = options["collective"] or measured.collective or "all-reduce"
    low, high = parse_size(least) if least else 0, parse_size(most) if most else None
    case = prepare(topo, **settings_of(options))
    with progress(f"fitting {algo} on {case.topology.name}") as show:

        def tell(made: int) -> None:
            show(made, None, "simulations")

        fit = calibrate_parts if parted else lambda *given, **limits: (one_fit(*given, **limits),)
        fits = fit(case, measured, algo, least=low, most=high, progress=tell)
    found = fits[0]
    if output is not None:
        write_text(output, to_yaml(found.fitted.topology))
    what = parts_value(fits, measured) if parted else value(found, measured)
    if paths["json"] == "-":
        click.echo(to_json(what), nl=False)
    else:
        print_rows(part_rows(fits, measured) if parted else rows(found, measured, output), sys.stdout)
        click.echo()
        print_columns(COLUMN_HEADS, [row for each in fits for row in columns(each)], sys.stdout)
        if paths["json"] is not None:
            write_text(paths["json"], to_json(what))
    if paths["plot"] is not None:
        from collsim.report.calibration_plot import plot_calibration

        about = f"{case.collective.text}, {algo} on {case.topology.name}, {len(case.hosts)} ranks"
        plot_calibration([row for each in fits for row in each.records()], about, paths["plot"])
