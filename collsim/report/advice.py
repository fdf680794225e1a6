"""One line of advice a run: names the bottleneck that was measured and the command to try next.

Every rule reads measured quantities (shares of the critical path, link use, percent of bound); none knows an algorithm's
reputation. What to try is a comparison of algorithms that could be faster and fit the finding, never a promise.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from collsim.collectives.algorithm import ALGORITHMS
from collsim.collectives.bounds import LATENCY
from collsim.errors import UsageError
from collsim.network.config import NetworkConfig
from collsim.report.candidates import EVERYWHERE, MOST_RANKS, Candidate, candidates
from collsim.result import Outcome
from collsim.units import FS_PER_SECOND, format_size, format_time

__all__ = ["Advice", "advise"]

AT_BOUND, SATURATED, LEAST_LOAD = 97.0, 0.8, Fraction(102, 100)
NONE_FASTER = (
    "No other algorithm here, nor a variant that 'collsim algo show' lists, could be 1 % faster: of each, some link or some "
    "chain of messages alone takes as long. A faster network or a new algorithm is left."
)
NONE_FITS = "None of the other algorithms here does better in that; those to try could still be faster."
MANY_RANKS = f"Above {MOST_RANKS} ranks the others are not judged beforehand."
MOST_NAMES = 3
WAITS = ("link_wait", "credit_wait", "port_wait", "step_wait", "loss_wait")
DELAYS = {"latency": "latency", "router": "router delay", "overhead": "message overhead"}
CLASSES = 4
"""Channels to try for each packet that a fast link should pass at a time: they are divided among the classes of routing."""
LATENCY_SHARE, WAIT_SHARE, LOCAL_SHARE = 0.4, 0.15, 0.25


@dataclass(frozen=True, slots=True)
class Advice:
    """`finding`: the bottleneck with its measure, a sentence; `command`: what to run next."""

    finding: str
    command: str


def advise(outcome: Outcome) -> Advice:
    """Return the advice of the first rule that holds, waits or delays first as either is longer; the last always holds."""
    waits, delays = [_waits], [_local_work, _latency]
    shares = outcome.critical_shares()
    longest = max(shares.get("reduction", 0.0), sum(shares.get(part, 0.0) for part in DELAYS))
    causes = [*delays, *waits] if longest > max(shares.get(part, 0.0) for part in WAITS) else [*waits, *delays]
    for rule in (_nothing_sent, _at_bound, _unknown_path, *causes, _least_load, _few_links):
        if (advice := rule(outcome)) is not None:
            return advice
    return _volume(outcome)


def _nothing_sent(o: Outcome) -> Advice | None:
    if o.schedule.transfers:
        return None
    return Advice("Nothing is sent, so there is nothing to make faster.", _bound(o))


def _at_bound(o: Outcome) -> Advice | None:
    if o.percent_of_bound < AT_BOUND:
        return None
    left = 10000 / o.percent_of_bound - 100
    text = (
        f"The run reaches {o.percent_of_bound:.1f} % of the bound ({o.bound.kind}): no algorithm could be more than "
        f"{left:.1f} % faster, so only a faster network helps."
    )
    return Advice(text, _bound(o))


def _unknown_path(o: Outcome) -> Advice | None:
    if o.result.critical_path:
        return None
    text = f"{_busiest(o)}; the {o.result.engine} engine keeps no critical path, a packet engine tells where the time goes."
    return Advice(text, _run(o, engine="compiled"))


def _waits(o: Outcome) -> Advice | None:
    shares = o.critical_shares()
    waits = {part: shares.get(part, 0.0) for part in WAITS}
    worst = max(waits, key=lambda k: waits[k])
    if waits[worst] < WAIT_SHARE:
        return None
    share = f"{100 * waits[worst]:.0f} % of the critical path"
    if worst in ("credit_wait", "link_wait") and (trunk := _trunk(o, share, worst)) is not None:
        return trunk
    if worst == "credit_wait":
        return Advice(f"{share} waits for room in the next buffer: buffers are too small.", _run(o, "flow_control=none"))
    if worst == "port_wait":
        return Advice(f"{share} waits for a free port of the NIC: the host injects through too few.", _run(o, "ports=0"))
    if worst == "step_wait":
        return Advice(f"{share} waits for a step to open: lockstep costs it.", _run(o, "nic_scheduler=lowest-step"))
    if worst == "loss_wait":
        cure = "recovery=selective-repeat" if o.network.transport.recovery == "go-back-n" else "loss=0"
        return Advice(f"{share} waits for news of lost packets: losses cost it.", _run(o, cure))
    if (least := _least_load(o)) is not None:
        return least
    if float(o.link_use.max()) >= SATURATED:
        text = f"{_busiest(o)} and {share} waits for links in use: the bytes over the busiest links are the bottleneck."
    else:
        text = f"{share} waits for links that other messages hold, {_at_link(o)}, though no link is busy all the time."
    return _compare(o, text, lambda other: other.least.load < _busiest_time(o))


def _trunk(o: Outcome, share: str, part: str) -> Advice | None:
    """A link between switches that is faster than one behind it: each of its channels goes at the slower rate (rule 10)."""
    t, used = o.topology, np.flatnonzero(o.result.link_bytes)
    slowest = np.full(t.nodes, np.iinfo(np.int64).max)
    np.minimum.at(slowest, t.source[used], t.bandwidth[used])
    ways = np.bincount(t.source[used], minlength=t.nodes)
    inner = used[t.forwards[t.source[used]] & t.forwards[t.target[used]]]
    # No more of the slower links can be kept busy at once than there are.
    ratio = np.minimum(t.bandwidth[inner] // slowest[t.target[inner]], ways[t.target[inner]])
    channels, most = o.network.router.virtual_channels, int(ratio.max(initial=0))
    if most < 2 or float(o.link_use.max()) >= SATURATED or (channels != "auto" and int(channels) >= CLASSES * most):
        return None
    link = int(inner[int(np.argmax(ratio))])
    text = (
        f"{share} is {part.replace('_', ' ')}, though no link is busy all the time: {t.link_name(link)} is faster than "
        "links behind it, and each of its channels passes one packet at a time, at the rate of the slower link."
    )
    return Advice(text, _run(o, f"virtual_channels={CLASSES * most}"))


def _local_work(o: Outcome) -> Advice | None:
    shares = o.critical_shares()
    if shares.get("reduction", 0.0) >= LOCAL_SHARE:
        text = f"Reducing is {100 * shares['reduction']:.0f} % of the critical path: hosts add too slowly."
        return Advice(text, _run(o, "reduction_rate=free"))
    if shares.get("overhead", 0.0) >= LOCAL_SHARE:
        text = f"Message overhead is {100 * shares['overhead']:.0f} % of the critical path: fewer, larger messages help."
        return _compare(o, text, lambda other: other.steps < o.schedule.steps)
    return None


def _latency(o: Outcome) -> Advice | None:
    shares = o.critical_shares()
    share = sum(shares.get(part, 0.0) for part in DELAYS)
    if share < LATENCY_SHARE:
        return None
    named = " and ".join(word for part, word in DELAYS.items() if part in shares)
    text = (
        f"{named.capitalize()} make{'' if ' and ' in named else 's'} {100 * share:.0f} % of the critical path over "
        f"{o.schedule.steps} steps: fewer steps help at this size."
    )
    return _compare(o, text, lambda other: other.steps < o.schedule.steps)


def _least_load(o: Outcome) -> Advice | None:
    """The busiest link carries what some link has to under any algorithm, and delays keep it from doing so all the time."""
    least = next((part.seconds for part in o.bound.parts if part.kind != LATENCY), None)
    if least is None or _busiest_time(o) > LEAST_LOAD * least * FS_PER_SECOND:
        return None
    shares, idle = o.critical_shares(), 100 - 100 * float(o.link_use.max())
    delay = 100 * sum(shares.get(part, 0.0) for part in (*DELAYS, "reduction"))
    if delay < idle / 2:
        return None
    text = (
        f"{_busiest(o)}, with no more than some link carries under any algorithm; it idles {idle:.0f} %, and delays make "
        f"{delay:.0f} % of the critical path: larger messages, lower latency or fewer messages in a row help."
    )
    return _compare(o, text, lambda other: other.least.chain < o.result.time)


def _few_links(o: Outcome) -> Advice | None:
    use = o.link_use
    if float(use.mean()) > 0.5 or float(use.max()) < 0.5:
        return None
    idle = int((use < 0.01).sum())
    spare = f"{idle} of {o.topology.links} links never send" if idle else f"mean link use is {100 * use.mean():.0f} %"
    text = f"{_busiest(o)} while {spare}: an algorithm that uses more links helps."
    return _compare(o, text, lambda other: other.least.load < _busiest_time(o))


def _volume(o: Outcome) -> Advice:
    parts = o.critical_shares()
    part = next(iter(parts), "serialisation")
    text = (
        f"{part.replace('_', ' ').capitalize()} is {100 * parts.get(part, 1.0):.0f} % of the critical path at a mean link "
        f"use of {100 * float(o.link_use.mean()):.0f} %: fewer bytes over the busiest links help, {_at_link(o)}."
    )
    return _compare(o, text, lambda other: other.least.load < _busiest_time(o))


def _busiest_time(o: Outcome) -> int:
    return int(o.result.link_busy.max())


def _busiest(o: Outcome) -> str:
    link = o.bottleneck
    return f"Link {o.topology.link_name(link)} is busy {100 * float(o.link_use[link]):.0f} % of the time"


def _at_link(o: Outcome) -> str:
    links = o.result.critical_links
    if not links:
        return f"most of all on {o.topology.link_name(o.bottleneck)}"
    link = max(links, key=lambda k: (links[k], -k))
    return f"most of all at {o.topology.link_name(link)} ({format_time(links[link])})"


def _compare(o: Outcome, finding: str, fits: Callable[[Candidate], bool]) -> Advice:
    """Return the advice to compare this algorithm with others that could be faster, those that fit the finding first.

    Or with its bound, where no other could.
    """
    others = candidates(o)
    if others is None:
        own = o.algorithm.partition(":")[0]
        able = [n for n in EVERYWHERE if n != own and ALGORITHMS.get(n).serves(o.schedule.collective)]
        return Advice(f"{finding} {MANY_RANKS}", _comparison(o, able[:MOST_NAMES]))
    if not others:
        return Advice(f"{finding} {NONE_FASTER}", _bound(o))
    fitting = [other for other in others if fits(other)]
    if not fitting:
        finding = f"{finding} {NONE_FITS}"
    best = [other for other in fitting or others if other.built][:MOST_NAMES]
    best += [other for other in fitting or others if not other.built]
    return Advice(finding, _comparison(o, [other.name for other in best]))


def _comparison(o: Outcome, others: list[str]) -> str:
    names = ",".join([o.algorithm, *others])
    return shlex.join(["collsim", "compare", *o.request, "--algos", names, "--sizes", _size(o), *_tail(o)])


def _run(o: Outcome, *changes: str, engine: str | None = None) -> str:
    """Return the command of this run with network settings changed, or on another engine."""
    changed = frozenset(change.partition("=")[0] for change in changes)
    words = ["collsim", "run", *o.request, "--algo", o.algorithm, "--size", _size(o), *_tail(o, engine, changed)]
    return shlex.join([*words, *(word for change in changes for word in ("--set", change))])


def _bound(o: Outcome) -> str:
    # Links that change in a run mean nothing to a bound.
    kept = [word for k, word in enumerate(o.request) if "--at" not in o.request[max(k - 1, 0) : k + 1]]
    words = ["collsim", "bound", *kept, "--collective", o.schedule.collective.text, "--size", _size(o)]
    return shlex.join(words)


def _tail(o: Outcome, engine: str | None = None, without: frozenset[str] = frozenset()) -> list[str]:
    """Return the words that keep collective, root, engine, seed and settings (those `without` aside) as they were."""
    wanted, name = o.schedule.collective, engine or o.result.engine
    words = ["--collective", wanted.text] if wanted.name != "all-reduce" else []
    words += ["--root", str(wanted.root)] if wanted.root else []
    words += _network(o.network, without)
    return [*words, "--engine", name, *(["--seed", str(o.seed)] if o.seed else [])]


def _network(network: NetworkConfig, without: frozenset[str]) -> list[str]:
    """Return the options that make `network` again, settings `without` aside: a preset where that says it in fewer words."""
    ways = [(list[str](), settings_words(network))]
    if len(ways[0][1]) > 1:
        # Presets are YAML, which the start of a run at the default settings does not wait for.
        from collsim.network.preset import presets

        ways += [(["--preset", name], settings_words(network, NetworkConfig.preset(name))) for name in presets()]
    start, changes = min(ways, key=lambda way: len(way[0]) + 2 * len(way[1]))
    kept = [change for change in changes if change.partition("=")[0] not in without]
    return [*start, *(word for change in kept for word in ("--set", change))]


def settings_words(network: NetworkConfig, base: NetworkConfig | None = None) -> list[str]:
    """Return "key=value" for every setting that differs from `base` (the defaults), as text that reads back exactly."""
    known = (base or NetworkConfig()).leaves()
    shown = dict(change.replace(" ", "").split("=", 1) for change in network.describe_changes())
    words = []
    for key, value in network.leaves().items():
        if value != known[key]:
            texts = (shown.get(key, str(value)), str(value), f"{value}fs")
            words += [f"{key}={text}" for text in texts if _reads_as(network, key, text)][:1]
    return words


def _reads_as(network: NetworkConfig, key: str, text: str) -> bool:
    try:
        return bool(network.with_settings({key: text}).leaves()[key] == network.leaves()[key])
    except UsageError:
        return False


def _size(o: Outcome) -> str:
    return format_size(o.size).replace(" ", "") if o.size % 1024 == 0 else f"{o.size}B"
