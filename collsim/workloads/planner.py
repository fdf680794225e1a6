"""How large a machine a budget buys, what it trains in which time, and what its sites have to exchange: plain formulas.

`plan` takes a `Request` (plan_request.py) and returns a `Plan`; plan_figures.py tells the formula of each number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from collsim.errors import InvalidValue
from collsim.units import FS_PER_SECOND
from collsim.workloads.plan_request import Request

__all__ = ["Plan", "exchanged", "plan", "training_days", "training_flop"]

DAY = 86_400
SITES, PARAMETERS = 2, 50 * 10**12
"""What is planned for when neither is given: the overview's sites on both coasts, v1's smaller model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What follows from a `Request`, in its units; pairs are the least and the most, as PUE.

    `cost`: the whole budget of these racks. `throughput`: FLOP/s in use. `tokens_a_step`: what the machine gets through
    between two optimiser steps. `memory_racks`: racks whose memory one copy of the model needs. `exchange`: bytes that a
    site sends, and receives, a step; `wan_rate` (bytes/s): what moves them in one step time. `in_flight`: bytes on the way
    at the rate given, else at that rate. `exchange_time`: fs at the rate given, None without.
    """

    racks: int
    gpus: int
    cost: Fraction
    it_power: Fraction
    total_power: tuple[Fraction, Fraction]
    sites: int
    site_power: tuple[Fraction, Fraction]
    throughput: Fraction
    parameters: int
    tokens: int
    work: Fraction
    days: Fraction
    tokens_a_step: Fraction
    memory: Fraction
    memory_racks: int
    exchange: Fraction
    wan_rate: Fraction
    in_flight: Fraction
    exchange_time: Fraction | None

    def notes(self, request: Request) -> tuple[str, ...]:
        """Return what does not go together, one sentence each."""
        found = []
        if self.memory_racks > self.racks:
            found.append(f"One copy of the model needs {self.memory_racks:,} racks and there are {self.racks:,}.")
        if self.exchange_time is not None and self.exchange_time > request.step_time:
            more = float(self.exchange_time / request.step_time)
            found.append(f"The exchange takes {more:.3g} step times: hidden under computing or not, sites fall behind.")
        return tuple(found)


def plan(request: Request) -> Plan:
    """Return what follows from `request`; InvalidValue when it has no rack for a site or trains no parameter."""
    gpus, racks = _bought(request)
    it = racks * request.rack_power
    total = (it * request.pue[0], it * request.pue[1])
    sites = request.sites or SITES
    if request.site_power is not None:
        sites = math.ceil(total[1] / request.site_power)
    if sites > racks:
        raise InvalidValue(f"{sites:,} sites would share {racks:,} racks; take fewer sites or allow more power at one.")
    throughput = gpus * request.gpu_peak * request.utilisation
    parameters = request.parameters or PARAMETERS
    if request.days is not None:
        parameters = math.isqrt(int(request.days * DAY * throughput / (6 * request.tokens_per_parameter)))
    tokens = round(request.tokens_per_parameter * parameters)
    if not tokens:
        raise InvalidValue("What this machine trains in that time has no parameter; give more days.")
    work = training_flop(parameters, tokens)
    memory = parameters * request.state_bytes
    exchange = exchanged(parameters, request.gradient_size, sites)
    rate = exchange * FS_PER_SECOND / request.step_time
    return Plan(
        racks=racks,
        gpus=gpus,
        cost=racks * request.rack_price / request.compute_share,
        it_power=it,
        total_power=total,
        sites=sites,
        site_power=(total[0] / sites, total[1] / sites),
        throughput=throughput,
        parameters=parameters,
        tokens=tokens,
        work=work,
        days=training_days(work, throughput),
        tokens_a_step=throughput * request.step_time / FS_PER_SECOND / (6 * parameters),
        memory=memory,
        memory_racks=math.ceil(memory / request.rack_memory),
        exchange=exchange,
        wan_rate=rate,
        in_flight=(rate if request.wan_rate is None else Fraction(request.wan_rate)) * request.round_trip / FS_PER_SECOND,
        exchange_time=None if request.wan_rate is None else exchange * FS_PER_SECOND / request.wan_rate,
    )


def _bought(request: Request) -> tuple[int, int]:
    """Return GPUs and racks."""
    if request.gpus is not None:
        return request.gpus, math.ceil(Fraction(request.gpus, request.rack_gpus))
    racks = math.floor(request.budget * request.compute_share / request.rack_price)
    if not racks:
        raise InvalidValue(
            f"A share of {float(request.compute_share):g} of ${float(request.budget):,.0f} buys no rack of "
            f"${float(request.rack_price):,.0f}; raise the budget or lower the price."
        )
    return racks * request.rack_gpus, racks


def training_flop(parameters: int, tokens: int) -> Fraction:
    """Return 6 N D: two FLOP a parameter and token forward, four backward (Hoffmann et al., 2022)."""
    return Fraction(6 * parameters * tokens)


def training_days(work: Fraction, throughput: Fraction) -> Fraction:
    """Return the days that `work` FLOP take at `throughput` FLOP/s."""
    return work / throughput / DAY


def exchanged(parameters: int, size: Fraction, sites: int) -> Fraction:
    """Return the bytes a site sends, and receives, when `sites` all-reduce gradients of `size` bytes: 2 (X-1)/X N G.

    No exchange of equal sites can do with less: their shares are reduced, then gathered.
    """
    return Fraction(2 * (sites - 1), sites) * parameters * size
