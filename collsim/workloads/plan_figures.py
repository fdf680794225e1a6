"""Every number of a plan with its formula, the numbers put in: `given` is what went in and why, `figures` what came out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from collsim.units import FS_PER_SECOND
from collsim.workloads import plan_text as t
from collsim.workloads.plan_request import Request
from collsim.workloads.planner import DAY, PARAMETERS, SITES, Plan

__all__ = ["Figure", "Given", "figures", "given"]

Value = int | Fraction | tuple[Fraction, Fraction] | str


@dataclass(frozen=True, slots=True)
class Given:
    """An input: the field of Request, its value in `unit`, `text` for people, and where it comes from."""

    name: str
    value: Value
    unit: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Figure:
    """An output: `value` in `unit` (a pair for a range), `text` for people, `formula` with the numbers put in."""

    name: str
    label: str
    value: Value
    unit: str
    text: str
    formula: str

    @property
    def line(self) -> str:
        """The number and its formula: "1,677,600 = 23,300 x 72"; what was taken as it is follows a comma."""
        return f"{self.text}{', ' if self.formula.startswith('as ') else ' = '}{self.formula}"


def given(request: Request) -> tuple[Given, ...]:
    """Return what a plan rests on, each input with its source or "given"."""
    return tuple(Given(*row, _source(request, row[0])) for row in _inputs(request))


def figures(request: Request, plan: Plan) -> tuple[Figure, ...]:
    """Return what `plan` says, in the order in which one number needs another."""
    return (*_machine(request, plan), *_training(request, plan), *_exchange(request, plan))


def _source(request: Request, name: str) -> str:
    if name == "precision":
        return "given" if request.precision != "bf16" else "assumed"
    if name in ("peak", "gradient_bytes") and getattr(request, name) is None:
        return "hardware" if name == "peak" else f"of {request.precision}"
    return request.source(name)


def _inputs(r: Request) -> Iterator[tuple[str, Value, str, str]]:
    if r.gpus is None:
        yield "budget", r.budget, "$", t.dollars(r.budget)
    else:
        yield "gpus", r.gpus, "", t.gpus(r.gpus)
    yield "compute_share", r.compute_share, "", f"{t.percent(r.compute_share)} of the budget for racks"
    yield "rack_price", r.rack_price, "$", f"{t.dollars(r.rack_price)} a rack"
    yield "rack_power", r.rack_power, "W", f"{t.watts(r.rack_power)} a rack"
    yield "rack_gpus", r.rack_gpus, "", f"{t.gpus(r.rack_gpus)} a rack"
    yield "rack_memory", r.rack_memory, "B", f"{t.each(r.rack_memory)} a rack"
    yield "pue", r.pue, "", f"PUE {t.span(r.pue, t.plain)}"
    if r.site_power is None:
        yield "sites", r.sites or SITES, "", t.sites(r.sites or SITES)
    else:
        yield "site_power", r.site_power, "W", f"{t.watts(r.site_power)} a site at most"
    yield "precision", r.precision, "", f"computing in {r.precision}"
    yield "peak", r.gpu_peak, "FLOP/s", f"{t.flop(r.gpu_peak)}/s a GPU"
    yield "utilisation", r.utilisation, "", f"{t.percent(r.utilisation)} of it used"
    if r.days is None:
        yield "parameters", r.parameters or PARAMETERS, "", f"{t.count(r.parameters or PARAMETERS)} parameters"
    else:
        yield "days", r.days, "day", f"{t.days(r.days)} of training"
    yield "tokens_per_parameter", r.tokens_per_parameter, "", f"{t.plain(r.tokens_per_parameter)} tokens a parameter"
    yield "state_bytes", r.state_bytes, "B", f"{t.plain(r.state_bytes)} B of memory a parameter"
    yield "gradient_bytes", r.gradient_size, "B", f"{t.plain(r.gradient_size)} B a gradient"
    yield "step_time", Fraction(r.step_time, FS_PER_SECOND), "s", f"a step every {t.seconds(r.step_time)}"
    yield "round_trip", Fraction(r.round_trip, FS_PER_SECOND), "s", f"{t.seconds(r.round_trip)} round trip"
    if r.wan_rate is not None:
        yield "wan_rate", 8 * r.wan_rate, "bit/s", f"{t.bits(r.wan_rate)} a direction"


def _machine(r: Request, p: Plan) -> Iterator[Figure]:
    price, share, rack = t.dollars(r.rack_price), t.percent(r.compute_share), t.watts(r.rack_power)
    if r.gpus is None:
        racks, gpus = f"{share} of {t.dollars(r.budget)} / {price}, rounded down", f"{p.racks:,} x {r.rack_gpus}"
    else:
        racks, gpus = f"{t.gpus(r.gpus)} / {r.rack_gpus}, rounded up", "as given"
    yield Figure("racks", "Racks", p.racks, "", f"{p.racks:,}", racks)
    yield Figure("gpus", "GPUs", p.gpus, "", f"{p.gpus:,}", gpus)
    yield Figure("cost", "Cost", p.cost, "$", t.dollars(p.cost), f"{p.racks:,} x {price} / {share}")
    yield Figure("it_power", "IT power", p.it_power, "W", t.watts(p.it_power), f"{p.racks:,} x {rack}")
    total, pue = t.span(p.total_power, t.watts), t.span(r.pue, t.plain)
    yield Figure("total_power", "Total power", p.total_power, "W", total, f"{t.watts(p.it_power)} x PUE {pue}")
    limit = "as given" if r.sites else "as in the overview, east and west coast"
    if r.site_power is not None:
        limit = f"{t.watts(p.total_power[1])} / {t.watts(r.site_power)}, rounded up"
    yield Figure("sites", "Sites", p.sites, "", f"{p.sites:,}", limit)
    of_site = t.span(p.site_power, t.watts)
    yield Figure("site_power", "Site power", p.site_power, "W", of_site, f"{total} / {p.sites}")


def _training(r: Request, p: Plan) -> Iterator[Figure]:
    speed, ratio, model = f"{t.flop(p.throughput)}/s", t.plain(r.tokens_per_parameter), t.count(p.parameters)
    used = f"{p.gpus:,} x {t.flop(r.gpu_peak)}/s x {t.percent(r.utilisation)}"
    yield Figure("throughput", "Speed", p.throughput, "FLOP/s", speed, used)
    why = "as given" if r.parameters else "as in v1, the smaller of 50 T and 100 T"
    if r.days is not None:
        why = f"square root of {t.days(r.days)} x {DAY:,} s x {speed} / (6 x {ratio})"
    yield Figure("parameters", "Model", p.parameters, "", f"{model} parameters", why)
    yield Figure("tokens", "Tokens", p.tokens, "", t.count(p.tokens), f"{ratio} x {model}")
    yield Figure("work", "Work", p.work, "FLOP", t.flop(p.work), f"6 x {model} x {t.count(p.tokens)}")
    yield Figure("days", "Training", p.days, "day", t.days(p.days), f"{t.flop(p.work)} / {speed} / {DAY:,} s")
    step = f"{speed} x {t.seconds(r.step_time)} / (6 x {model})"
    yield Figure("tokens_a_step", "Step", p.tokens_a_step, "", f"{t.count(p.tokens_a_step)} tokens", step)
    yield Figure("memory", "Memory", p.memory, "B", t.each(p.memory), f"{model} x {t.plain(r.state_bytes)} B")
    floor = f"{t.each(p.memory)} / {t.each(r.rack_memory)}, rounded up"
    yield Figure("memory_racks", "Memory floor", p.memory_racks, "", f"{p.memory_racks:,} racks", floor)


def _exchange(r: Request, p: Plan) -> Iterator[Figure]:
    size, step = t.each(p.exchange), t.seconds(r.step_time)
    share = f"2 x ({p.sites} - 1) / {p.sites} x {t.count(p.parameters)} x {t.plain(r.gradient_size)} B"
    yield Figure("exchange", "Exchange", p.exchange, "B", f"{size} a site, direction and step", share)
    yield Figure(
        "wan_rate", "WAN rate", 8 * p.wan_rate, "bit/s", f"{t.bits(p.wan_rate)} a site and direction", f"{size} x 8 / {step}"
    )
    rate = t.bits(p.wan_rate if r.wan_rate is None else r.wan_rate)
    flying = f"{rate} x {t.seconds(r.round_trip)} / 8"
    yield Figure("in_flight", "In flight", p.in_flight, "B", t.each(p.in_flight), flying)
    if p.exchange_time is not None:
        taken = Fraction(p.exchange_time, FS_PER_SECOND)
        yield Figure("exchange_time", "Exchanged in", taken, "s", t.seconds(p.exchange_time), f"{size} x 8 / {rate}")
