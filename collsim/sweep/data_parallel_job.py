"""A data-parallel job from words: what `collsim workload dp` and sweeps of it are given, checked and joined."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

from collsim.errors import InvalidValue, UnknownName
from collsim.sweep.data_parallel_place import Job
from collsim.units import parse_bandwidth, parse_size, parse_time
from collsim.workloads.jitter import Jitter, parse_late, parse_straggler
from collsim.workloads.training_step import StepRequest

__all__ = ["USUAL", "WORDS", "check_update", "job_from_words", "job_of", "parse_eta"]

WORDS = {"fp32": 4, "bf16": 2, "fp16": 2}
"""Bytes of a gradient on the wire."""
USUAL: dict[str, Any] = {
    "model": "resnet50",
    "accelerator": "a100",
    "batch": None,
    "global_batch": None,
    "gradient": "fp32",
    "bucket": "25MiB",
    "streams": 9,
    "memory_bandwidth": None,
    "compute_time": None,
    "update_time": None,
    "payload": None,
    "jitter": 0.0,
    "jitter_distribution": "lognormal",
    "straggler": (),
    "late": (),
    "seed": 0,
    "iterations": 20,
    "warmup": None,
    "eta": "1",
    "local_steps": 4,
    "delay": 0,
    "servers": 1,
    "rendezvous": False,
}
"""What a job is unless it is said otherwise, by the names of the options of `collsim workload dp`."""


def job_from_words(words: Mapping[str, Any]) -> Job:
    """Return the job of some options, such as {"iterations": 12, "jitter": 0.1}. Raises InvalidValue and UnknownName."""
    for name in words:
        if name not in USUAL:
            raise UnknownName("word of a data-parallel job", name, USUAL)
    check_update([name for name, value in words.items() if value is not None])
    return job_of({**USUAL, **words, "eta": str(words.get("eta", USUAL["eta"]))})


def check_update(given: Collection[str]) -> None:
    """Raise InvalidValue where the options `given`, by name, say twice how long an update takes."""
    for name in ("streams", "memory_bandwidth"):
        if name in given and "update_time" in given:
            raise InvalidValue(
                f"--update-time and --{name.replace('_', '-')} both say how long an update takes; give one of them."
            )


def job_of(options: Mapping[str, Any]) -> Job:
    """Return the job that the options of `collsim workload dp` ask for, by name. Raises InvalidValue and UnknownName."""
    if options["gradient"] not in WORDS:
        raise UnknownName("type of gradients", options["gradient"], WORDS)
    if options["batch"] is not None and options["global_batch"] is not None:
        raise InvalidValue("--batch and --global-batch both say how many samples; give one of them.")

    def given(name: str, parse: Any) -> Any:
        return None if options[name] is None else parse(options[name])

    step = StepRequest(
        model=options["model"],
        accelerator=options["accelerator"],
        samples=64 if options["batch"] is None else options["batch"],
        word=WORDS[options["gradient"]],
        bucket=parse_size(options["bucket"]),
        streams=options["streams"],
        memory_bandwidth=given("memory_bandwidth", parse_bandwidth),
        compute=given("compute_time", parse_time),
        update=given("update_time", parse_time),
        size=given("payload", parse_size),
    )
    jitter = Jitter(
        options["jitter"],
        options["jitter_distribution"],
        options["seed"],
        tuple(map(parse_straggler, options["straggler"])),
        tuple(map(parse_late, options["late"])),
    )
    warmup = min(2, max(options["iterations"] - 1, 0)) if options["warmup"] is None else options["warmup"]
    return Job(
        step,
        options["global_batch"],
        options["iterations"],
        warmup,
        jitter,
        parse_eta(options["eta"]),
        options["local_steps"],
        options["delay"],
        options["servers"],
        options["rendezvous"],
    )


def parse_eta(text: str) -> Fraction:
    """Return an overlap efficiency, 0 to 1. Raises InvalidValue."""
    try:
        share = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise InvalidValue(f"Cannot read the overlap efficiency '{text}'; write a number from 0 to 1, like 0.8.") from None
    if not 0 <= share <= 1:
        raise InvalidValue(f"The overlap efficiency {text} is not in 0..1; 1 overlaps fully, 0 not at all.")
    return share
