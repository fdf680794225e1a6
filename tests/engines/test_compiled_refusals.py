"""What the compiled engine refuses by name, the errors it shares with the reference, and imports left for later."""

import subprocess
import sys

import pytest
from engines.tiny import machine

from collsim.engines.engine import ENGINES
from collsim.errors import ClockOverflow, CollsimError, RoutingError, StallError, UsageError
from collsim.network.config import NetworkConfig
from collsim.network.schedulers import SCHEDULERS, scheduler
from collsim.program import Call, Program, Send
from collsim.topology import load


def run(engine, topology, *operations, observers=(), **settings):
    return ENGINES.get(engine)(topology, Program(operations), NetworkConfig().with_settings(settings), observers=observers)


def errors(topology, *operations, **settings):
    """The error of each engine, the reference's first; a run without error is a failure."""
    found = []
    for engine in ("simpy", "compiled"):
        with pytest.raises(CollsimError) as caught:
            run(engine, topology, *operations, **settings)
        found.append(caught.value)
    return found


def test_a_scheduler_in_python_is_refused_by_name():
    kept = dict(SCHEDULERS._entries), dict(SCHEDULERS._aliases)
    try:
        scheduler("by-far-the-largest")(lambda message: (-message.size,))
        with pytest.raises(UsageError, match=r"by-far-the-largest.*--engine simpy"):
            run("compiled", load("ring4"), Send(0, 1, 9), nic_scheduler="by-far-the-largest")
    finally:
        SCHEDULERS._entries, SCHEDULERS._aliases = kept


@pytest.mark.parametrize("method", ["on_grant", "on_complete"])
def test_an_observer_of_events_is_refused_by_name(method):
    watcher = type("Watcher", (), {method: lambda self, *args, **more: None})()
    with pytest.raises(UsageError, match=rf"Watcher wants {method}.*--engine simpy"):
        run("compiled", load("ring4"), Send(0, 1, 9), observers=[watcher])


def test_an_observer_of_progress_is_called():
    told = []
    watcher = type("Bar", (), {"on_progress": lambda self, *what: told.append(what)})()
    run("compiled", load("ring4"), Send(0, 1, 9), observers=[watcher])
    assert [what[:2] for what in told] == [(1, 1)]


def around(size):
    return [Send(a, (a + 3) % 8, size) for a in range(8)]


STALLS = [
    ({"virtual_channels": 1, "buffer": 4096}, "credit"),
    ({"virtual_channels": 2, "buffer": 4096, "vc_allocation": "most-room", "routing": "ecmp"}, "credit"),
    ({"virtual_channels": 1, "buffer": 8192, "flow_control": "message"}, "message"),
]


@pytest.mark.parametrize("settings, _", STALLS)
def test_a_stall_is_told_in_the_same_words(settings, _):
    one, other = errors(load("ring8"), *around(60_000), allow_deadlock=True, **settings)
    assert isinstance(other, StallError)
    assert (str(other), other.cycle) == (str(one), one.cycle)
    assert len(other.cycle) > 2


@pytest.mark.parametrize(
    "settings",
    [
        {"virtual_channels": 1, "routing": "ecmp"},
        {"virtual_channels": 1, "routing": "least-queued"},
        {"buffer": 64, "packet_payload": 64, "header": 1},
        {"routing": "up-down"},
        {"flow_control": "message", "routing": "least-queued"},
        {"lockstep_estimate": "schedul", "nic_scheduler": "lockstep"},
    ],
    ids=str,
)
def test_refusals_use_the_same_words(settings):
    try:
        one, other = errors(load("ring8"), Call(_ring(), 90_000), *around(60_000), **settings)
    except CollsimError:  # refused with the settings, before any engine
        return
    assert (type(other), str(other)) == (type(one), str(one))


def _ring():
    from collsim.collectives.algorithm import ALGORITHMS
    from collsim.collectives.collective import collective

    return ALGORITHMS.get("ring").schedule(load("ring8"), collective("all-reduce"))


def test_unknown_hosts_are_named():
    one, other = errors(load("ring4"), Send(0, 1, 5), Send(0, 9, 5))
    assert str(one) == str(other)


@pytest.mark.parametrize(
    "operations, settings",
    [
        ([Send(0, 1, 10**17)], {}),
        ([Send(0, 1, 10**17)], {"packet_payload": 10**17}),
        ([Send(0, 1, 5)], {"injection_latency": 2**63 - 1, "message_overhead": 9}),
        ([Send(0, 1, 5), Send(0, 1, 5)], {"ejection_latency": 2**63 - 2}),
        ([Send(0, 1, 5)], {"router_delay": 2**63 - 2}),
    ],
)
def test_overflow_of_the_clock_is_caught(operations, settings):
    topology = machine(2, 1, (0, 2, 5, 1000), (2, 1, 7, 1000))
    settings = {"packet_payload": 10**16} | settings
    for error in errors(topology, *operations, **settings):
        assert isinstance(error, ClockOverflow)


def test_a_routing_without_a_way_is_told():
    topology = load("ring8")
    with pytest.raises(RoutingError):
        run("compiled", topology, Send(0, 1, 9), routing="ugal")


def test_numba_waits_for_the_first_run():
    code = (
        "import sys; from collsim.engines.engine import ENGINES;"
        "from collsim.engines.compiled_engine import compiled_before;"
        "ENGINES.get('compiled'); compiled_before(); sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
