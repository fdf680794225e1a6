"""What `collsim doctor` looks at: packages, compiled kernels, plug-ins, and whether the engines agree on this machine."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from pathlib import Path

__all__ = [
    "Finding",
    "agreement",
    "cache_findings",
    "careful",
    "extra_findings",
    "package_findings",
    "plugin_findings",
    "warm",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `wrong` where collsim cannot work as it should, and then `text` names the cure."""

    what: str
    text: str
    wrong: bool = False


def careful(what: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield what `check` finds; one that breaks is a finding too, since a doctor is asked where things are broken."""
    try:
        yield from check()
    except Exception as error:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        yield Finding(what, f"cannot be looked at ({told}); reinstall collsim and what it needs", wrong=True)


def package_findings() -> Iterator[Finding]:
    """Yield this program, Python, the machine, and the packages that collsim needs."""
    import collsim
    from collsim.sweep.executors import cores

    yield Finding("collsim", f"{collsim.__version__} in {Path(collsim.__file__).parent}")
    yield Finding("Python", f"{platform.python_version()} in {sys.executable}")
    yield Finding("Machine", f"{platform.system()} {platform.machine()}, {cores()} cores to use")
    found, lacking = _packages(None)
    yield Finding("Packages", ", ".join(found))
    for name in lacking:
        yield Finding("Packages", f"{name}; run: pip install --upgrade '{name.split(' ')[0]}'", wrong=True)


def extra_findings() -> Iterator[Finding]:
    """Yield for each extra whether it is installed; one that lacks something is no fault."""
    named = (re.search(r"extra == ['\"]([\w.-]+)['\"]", text) for text in requires("collsim") or ())
    extras = {match[1] for match in named if match}
    for extra in sorted(extras):
        found, lacking = _packages(extra)
        state = f"not installed ({', '.join(lacking)}); pip install 'collsim[{extra}]'" if lacking else ", ".join(found)
        yield Finding(f"Extra {extra}", state)


def cache_findings() -> Iterator[Finding]:
    """Yield where compiled kernels are kept, whether that place lasts, and which kernels are there."""
    from collsim.cli.notices import KERNELS
    from collsim.jit.cache import is_temporary, looked_at, user_root

    places = _kernel_folders()
    if any(map(is_temporary, places)):
        cure = "set XDG_CACHE_HOME to a folder that can be written, or every machine start compiles anew"
        yield Finding("Cache", f"{user_root()} cannot be written; {cure}", wrong=True)
    else:
        yield Finding("Cache", str(user_root()))
    for sources in places:
        work, seconds = KERNELS[sources.name]
        whole, damaged = looked_at(sources)
        cold = f"cold: the first run compiles them, about {seconds} s; collsim doctor --warm does it now"
        text = f"warm, {whole} compiled" if whole else cold
        if damaged:
            more = f", {damaged} damaged: compiled anew when they are needed; collsim doctor --warm does it now"
            text = f"{'warm' if whole else 'cold'}, {whole} compiled{more}"
        yield Finding(f"Kernels, {work}", text)


def plugin_findings() -> Iterator[Finding]:
    """Yield what other packages register with collsim, and what of it does not load."""
    known = entry_points()
    groups = sorted(group for group in known.groups if group.startswith("collsim."))
    for point in (point for group in groups for point in sorted(known.select(group=group), key=lambda p: p.name)):
        try:
            point.load()
        except Exception as error:
            told = " ".join(f"{type(error).__name__}: {error}".split())
            cure = f"repair or remove the package that names {point.value}"
            yield Finding("Plug-in", f"{point.group}: {point.name} does not load ({told}); {cure}", wrong=True)
        else:
            yield Finding("Plug-in", f"{point.group}: {point.name} from {point.value}")


def agreement(compiled: bool) -> Finding:
    """Run one all-reduce on the engines and compare: the tick is the same on every machine, or something is broken.

    The compiled engine takes part if `compiled`, which may compile its kernels first.
    """
    from collsim.simulate import prepare

    names = ("simpy", "compiled") if compiled else ("simpy",)
    times = {name: prepare("torus4x4", engine=name).run("ring", 65_536).result.time for name in names}
    # 30 steps of 4,096 B at 16 GB/s (256 ns) and 150 ns, by the closed form of a ring.
    right = 30 * (256_000_000 + 150_000_000)
    if set(times.values()) == {right}:
        subject = "the engines simpy and compiled give" if compiled else "the engine simpy gives"
        return Finding("Self-check", f"{subject} the closed form of a ring to the femtosecond")
    told = ", ".join(f"{name} {time} fs" for name, time in times.items())
    return Finding("Self-check", f"{told}, but {right} fs is right; reinstall collsim and numba", wrong=True)


def warm(tell: Callable[[str], None]) -> None:
    """Run what needs each kernel, so that all of them lie in the cache; `tell` hears what is next."""
    from collsim.engines.engine import ENGINES
    from collsim.simulate import prepare

    ENGINES.get("compiled")
    for topology, algorithm, routing, work in (
        ("torus4x4", "ring", "auto", "message trains"),
        ("switch4", "ring", "auto", "message trains over several links"),
        ("torus4x4", "direct", "auto", "packets"),
        ("torus4x4", "direct", "spray", "packets of a message that part"),
    ):
        tell(work)
        prepare(topology, network={"routing": routing}).run(algorithm, 65_536)
    for topology, algorithm, work in (
        ("torus32x32", "multitree", "trees on direct links, and large proofs"),
        ("fattree10", "multitree", "trees through switches"),
        ("switch1024", "halving-doubling", "proofs by runs of chunks"),
        ("dgx-a100-x2", "forest", "packings of trees"),
    ):
        tell(work)
        prepare(topology).plan(algorithm, 65_536)


def _kernel_folders() -> tuple[Path, ...]:
    import collsim

    package = Path(collsim.__file__).parent
    return tuple(package / part for part in ("engines/compiled/trains", "engines/compiled", "collectives/kernels"))


def _packages(extra: str | None) -> tuple[list[str], list[str]]:
    """Return "name version" of the packages that collsim or its extra needs, and of those missing or too old, why."""
    found, lacking = [], []
    for text in requires("collsim") or ():
        named = re.search(r"extra == ['\"]([\w.-]+)['\"]", text)
        if (named[1] if named else None) != extra:
            continue
        name = re.match(r"[\w.-]+", text)
        least = re.search(r">=\s*([\d.]+)", text)
        assert name is not None  # every requirement begins with a name
        try:
            have = version(name[0])
        except PackageNotFoundError:
            lacking.append(f"{name[0]} is missing")
            continue
        if least and _numbers(have) < _numbers(least[1]):
            lacking.append(f"{name[0]} {have} is older than {least[1]}")
        else:
            found.append(f"{name[0]} {have}")
    return sorted(found, key=str.lower), lacking


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
