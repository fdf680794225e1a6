"""Where every path is one link the analytic engine leaves nothing out, so any program must give the times of the packets."""

import numpy as np
from engines.tiny import run
from hypothesis import given, settings
from hypothesis import strategies as st

from collsim.program import Compute, Send
from collsim.topology.graph import Link, build

HOSTS = 4


@st.composite
def programs(draw):
    operations = []
    for index in range(draw(st.integers(1, 14))):
        deps = tuple(sorted(draw(st.sets(st.integers(0, index - 1), max_size=3)))) if index else ()
        if draw(st.integers(0, 3)) == 0:
            operations.append(Compute(draw(st.integers(0, HOSTS - 1)), draw(st.integers(0, 40)), deps))
        else:
            source, target = draw(st.permutations(range(HOSTS)))[:2]
            if draw(st.integers(0, 9)) == 0:
                target = source
            size = draw(st.sampled_from([0, 1, 7, 10, 25, 60]))
            operations.append(Send(source, target, size, deps, step=draw(st.integers(0, 3))))
    return operations


@st.composite
def machines(draw):
    pairs = [(a, b) for a in range(HOSTS) for b in range(HOSTS) if a != b]
    return build("any", HOSTS, [Link(a, b, 10**15 // draw(st.integers(1, 4)), draw(st.integers(0, 30))) for a, b in pairs])


@settings(max_examples=150)
@given(
    machines(),
    programs(),
    st.integers(0, 20),
    st.sampled_from(["credit", "message"]),
    st.sampled_from([0, 3]),
)
def test_any_program_of_single_hops_gives_the_times_of_the_packets(machine, operations, delay, control, header):
    common = {"message_overhead": delay, "ejection_latency": delay, "flow_control": control, "header": header}
    packets = run(machine, *operations, **common)
    arrays = run(machine, *operations, engine="analytic", **common)
    for field in ("message_ready", "message_finish", "operation_finish", "link_busy", "link_bytes", "host_exposed"):
        assert np.array_equal(getattr(arrays, field), getattr(packets, field)), field
    assert arrays.time == packets.time == sum(arrays.critical_path.values())
    assert (arrays.packets, arrays.packet_hops) == (packets.packets, packets.packet_hops)
