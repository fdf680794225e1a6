"""All-reduces on composed machines: whole messages where none meet, one crossing in half of two, and bounded time."""

from time import process_time

import pytest

import collsim


def test_rails_that_never_meet_run_as_trains_at_their_closed_form():
    run = collsim.simulate("nvl8x4", "hierarchical:group=rack", size="8MiB", network={"routing": "up-down"})
    assert run.result.train_fraction == 1
    assert run.closed_form is not None
    assert run.closed_form.exact
    assert run.result.time == run.closed_form.time


def test_one_crossing_is_half_the_time_of_two():
    settings = {"routing": "up-down", "packet_payload": "64KiB"}
    ring, swap = (
        collsim.simulate("nvl4x2x2", f"hierarchical:group=all,outer={outer}", size="1MiB", network=settings)
        for outer in ("ring", "swap")
    )
    assert ring.bound.time == swap.bound.time
    assert 49 < ring.percent_of_bound < 50
    assert 99 < swap.percent_of_bound <= 100


@pytest.mark.slow
def test_two_sites_of_fourteen_racks_take_less_than_twenty_seconds():
    """Processor time, which other work on the machine does not lengthen; kernels compiled by a small run before."""
    network, algorithm = {"packet_payload": "1MiB"}, "hierarchical:group=all"
    collsim.simulate("nvl8x2x2", algorithm, size="64MiB", network=network)
    before = process_time()
    run = collsim.simulate("nvl72x14x2", algorithm, size="1GiB", network=network)
    assert process_time() - before < 20
    assert run.schedule.ranks == 2016
    assert run.percent_of_bound > 45
