"""Assembles the command line from the command files, and turns every error into one sentence and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from collsim import __version__
from collsim.cli.algo import algo
from collsim.cli.bound import bound
from collsim.cli.calibrate import calibrate
from collsim.cli.compare import compare
from collsim.cli.completion import completion
from collsim.cli.diff import diff
from collsim.cli.doctor import doctor
from collsim.cli.net import net
from collsim.cli.notices import compile_notice
from collsim.cli.plan import plan
from collsim.cli.preset import preset
from collsim.cli.reference import reference
from collsim.cli.report import report
from collsim.cli.results import results
from collsim.cli.run import run_command
from collsim.cli.schedule import schedule
from collsim.cli.suggest import SuggestingGroup
from collsim.cli.sweep import sweep
from collsim.cli.topo import topo
from collsim.cli.traffic import traffic
from collsim.cli.workload import workload
from collsim.errors import CollsimError
from collsim.jit.notice import listening

__all__ = ["cli", "invoke", "run"]

EPILOG = "Sizes: 1 KiB = 1024 B, 1 kB = 1000 B. Rates: GB/s are 10^9 bytes/s, Gb/s are bits. Times: fs, ps, ns, us, ms, s."


class Interrupted(click.ClickException):
    """Ctrl-C during a command: an error like others, before click answers it with an empty line."""

    exit_code = 130


class ReaderLeft(Exception):
    """Whoever read our output has closed the pipe, as `head` does: not an error, and told before click makes it one."""


class Root(SuggestingGroup):
    """The program itself."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; Interrupted on Ctrl-C, ReaderLeft when nobody reads any more."""
        try:
            with listening(compile_notice):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("Interrupted; nothing was left half-written.") from None
        except BrokenPipeError:
            raise ReaderLeft from None


@click.group(cls=Root, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="collsim")
def cli() -> None:
    """Simulate collective communication on a machine: proved schedules, exact times, bounds, and what to improve.

    Start with: collsim run --topo torus4x4 --algo multitree
    """


COMMANDS: tuple[click.Command, ...] = (
    *(run_command, compare, calibrate, traffic, workload),
    *(sweep, results, diff, report),
    *(topo, algo, net, preset, plan, bound, schedule),
    *(doctor, completion, reference),
)
for command in COMMANDS:
    cli.add_command(command)


def run() -> None:
    """Entry point of the program `collsim`."""
    sys.exit(invoke(sys.argv[1:]))


def invoke(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code: 0 done, 1 a run failed, 2 a wrong request, 130 interrupted."""
    debug = bool(os.environ.get("COLLSIM_DEBUG"))
    for name in ("stdout", "stderr"):
        # Python has None for a stream that was closed before the start, as by `>&-`; what goes there goes nowhere.
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    try:
        code = cli.main(list(arguments), prog_name="collsim", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _fail("Interrupted before anything ran.", 130)
    except click.ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            # A command group alone: older versions of click print its help and leave with 0.
            click.echo(error.format_message())
            return 0
        context = getattr(error, "ctx", None)
        where = f" See '{context.command_path} --help'." if context else ""
        return _fail(_sentence(error.format_message()) + where, error.exit_code)
    except (BrokenPipeError, ReaderLeft):
        _give_up_output()
        return 0
    except CollsimError as error:
        if debug:
            traceback.print_exc()
        return _fail(str(error), error.exit_code)
    except OSError as error:
        _give_up_output()
        return _fail(f"Cannot read or write: {error.strerror or error}; check the disk and the paths given.", 1)
    except MemoryError:
        return _fail("Not enough memory for this run; use fewer ranks, a larger packet_payload or --engine analytic.", 1)
    except Exception as error:
        if debug:
            traceback.print_exc()
        text = f"collsim failed unexpectedly ({type(error).__name__}: {error}); this is a fault of collsim, please report it"
        return _fail(f"{' '.join(text.split())} with the command and the output of COLLSIM_DEBUG=1.", 1)


def _sentence(text: str) -> str:
    """Return what click says as a sentence, with the cure for words that belong to no option."""
    if text.startswith("Got unexpected extra argument"):
        return (
            f"{text.rstrip('.')}; a list has commas and no blanks, like ring,multitree, and other values follow an option."
        )
    return text if text.endswith((".", "?", ")", "!")) else f"{text}."


def _give_up_output() -> None:
    """Send what is still unwritten to nowhere: whoever read our output has left, or its disk is full."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(sentence: str, code: int) -> int:
    click.echo(f"Error: {sentence}", err=True)
    return code
