"""The parameters of the network model (docs/network-model.md), composed of packet format, router, NIC and transport.

Every leaf field has a unique name, which is what `--set KEY=VALUE` and network files take. Values are validated once,
here; "auto" stays symbolic until a topology is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from collsim.errors import InvalidValue, UnknownName
from collsim.network.schedulers import ESTIMATES, SCHEDULERS
from collsim.units import (
    MAX_TIME,
    PER_BILLION,
    format_bandwidth,
    format_loss,
    format_size,
    format_time,
    parse_bandwidth,
    parse_count,
    parse_loss,
    parse_size,
    parse_time,
)

__all__ = ["LEAVES", "NetworkConfig", "Nic", "PacketFormat", "Router", "Transport", "parse_leaf"]

CHOICES: dict[str, tuple[str, ...]] = {
    "switching": ("cut-through", "store-and-forward"),
    "vc_allocation": ("static", "most-room"),
    "flow_control": ("credit", "message", "none"),
    "arbitration": ("round-robin", "oldest", "lowest-step"),
    "overhead_mode": ("parallel", "serial"),
    "recovery": ("selective-repeat", "go-back-n"),
    "delivery": ("placement", "in-order"),
    "routing": (
        "auto",
        "dimension-order",
        "e-cube",
        "up-down",
        "minimal",
        "valiant",
        "ugal",
        "ecmp",
        "widest",
        "spray",
        "least-queued",
        "feedback",
        "up-star-down-star",
    ),
}


@dataclass(frozen=True, slots=True)
class PacketFormat:
    """`packet_payload` bytes (>= 1) a full packet carries, `header` bytes (>= 0) added to each (rules 2, 21)."""

    packet_payload: int = 4096
    header: int = 0


@dataclass(frozen=True, slots=True)
class Router:
    """How nodes pass packets on: `buffer` bytes a channel or "auto" (rule 10), `router_delay` fs (rule 9)."""

    switching: str = "cut-through"
    router_delay: int = 0
    buffer: int | Literal["auto"] = "auto"
    virtual_channels: int | Literal["auto"] = "auto"
    vc_allocation: str = "static"
    arbitration: str = "round-robin"
    routing: str = "auto"
    allow_deadlock: bool = False

    def __post_init__(self) -> None:
        _check_times(router_delay=self.router_delay)


@dataclass(frozen=True, slots=True)
class Nic:
    """`nic_scheduler` is a registered name (rule 12), `ports` 0 for all (rule 14), delays in fs (rules 4, 6).

    `lockstep_estimate`: "schedule", "oracle", the name of a preset's formula, or a time in fs (rule 13).
    `reduction_rate` bytes/s or None (free); `reduction_units` servers a host, 0 for pure delay; `reduction_quantum`
    bytes that a reduction is rounded up to.
    """

    nic_scheduler: str = "lowest-step"
    lockstep_estimate: str | int = "schedule"
    ports: int = 0
    message_overhead: int = 0
    overhead_mode: str = "parallel"
    injection_latency: int = 0
    ejection_latency: int = 0
    reduction_rate: int | None = None
    reduction_units: int = 0
    reduction_quantum: int = 1

    def __post_init__(self) -> None:
        _check_times(
            message_overhead=self.message_overhead,
            injection_latency=self.injection_latency,
            ejection_latency=self.ejection_latency,
        )
        if isinstance(self.lockstep_estimate, int):
            _check_times(lockstep_estimate=self.lockstep_estimate)


@dataclass(frozen=True, slots=True)
class Transport:
    """`flow_control`: "credit" (default), "message" (rule 21) or "none" (infinite buffers).

    `loss`: the share of packets, 0 <= p < 1 in parts of 10^-9, lost by each link whose topology states none (rule 28).
    `recovery`: "selective-repeat" or "go-back-n" (rule 30). `retransmit_timeout`: fs from a packet's grant at the NIC, or
    "auto" for the receiver's notice (rule 29). `delivery`: "placement" or "in-order" (rule 31).
    """

    flow_control: str = "credit"
    loss: float = 0.0
    recovery: str = "selective-repeat"
    retransmit_timeout: int | Literal["auto"] = "auto"
    delivery: str = "placement"

    def __post_init__(self) -> None:
        parse_loss(self.loss)
        if self.retransmit_timeout != "auto":
            _check_times(retransmit_timeout=self.retransmit_timeout)


_PARTS: dict[str, type] = {"packet": PacketFormat, "router": Router, "nic": Nic, "transport": Transport}
LEAVES: dict[str, str] = {f.name: part for part, kind in _PARTS.items() for f in fields(kind)}


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """All parameters of the network model; immutable. `with_settings` changes leaves by name."""

    packet: PacketFormat = field(default_factory=PacketFormat)
    router: Router = field(default_factory=Router)
    nic: Nic = field(default_factory=Nic)
    transport: Transport = field(default_factory=Transport)

    @classmethod
    def preset(cls, name: str) -> NetworkConfig:
        """Return the network of a published study by name, such as "multitree-isca21"; UnknownName names the nearest."""
        # The reader of presets makes configurations, so it cannot be imported before this class exists.
        from collsim.network.preset import preset

        return preset(name).network()

    def with_settings(self, settings: Mapping[str, object]) -> NetworkConfig:
        """Return a copy with leaves replaced; values are text as on the command line, or of the field's type.

        Raises UnknownName (a misspelt key or choice) and InvalidValue (a value out of range, or a combination refused).
        """
        config = self
        for key, value in settings.items():
            parsed = parse_leaf(key, value)
            part = LEAVES[key]
            config = replace(config, **{part: replace(getattr(config, part), **{key: parsed})})
        _validate(config)
        return config

    def leaves(self) -> dict[str, Any]:
        """Return {leaf name: value}; times in fs, sizes in bytes, rates in bytes/s."""
        return {key: value for part in asdict(self).values() for key, value in part.items()}

    def changed(self) -> dict[str, Any]:
        """Return the leaves that differ from the defaults, for reports."""
        defaults = NetworkConfig().leaves()
        return {key: value for key, value in self.leaves().items() if value != defaults[key]}

    def describe_changes(self) -> list[str]:
        """Return "key=value" for every changed leaf, with units."""
        return [f"{key}={_shown(key, value)}" for key, value in self.changed().items()]


def parse_leaf(key: str, value: object) -> Any:
    """Return the value of the leaf `key` as a configuration holds it, of text as on the command line or of its own type.

    Raises UnknownName (a misspelt key or choice) and InvalidValue (a value out of range).
    """
    if key not in LEAVES:
        raise UnknownName("network setting", key, LEAVES)
    try:
        return _parse(key, value)
    except InvalidValue as error:
        raise InvalidValue(f"The setting {key} cannot be '{value}'. {error}") from None


_TIMES = ("router_delay", "message_overhead", "injection_latency", "ejection_latency", "retransmit_timeout")
_SIZES = ("header", "buffer", "packet_payload", "reduction_quantum")
_COUNTS = {"virtual_channels": 1, "ports": 0, "reduction_units": 0}
MOST_CHANNELS = 1024
"""More virtual channels a link than any router has; every one of them costs an engine a buffer at every link."""


def _check_times(**times: int) -> None:
    for key, time in times.items():
        if not 0 <= time <= MAX_TIME:
            raise InvalidValue(
                f"The setting {key} cannot be {time} fs; a time is 0 or more and within the clock of 2.56 hours."
            )


_AUTO = ("buffer", "virtual_channels", "retransmit_timeout")


def _parse(key: str, value: object) -> object:
    text = str(value).strip() if not isinstance(value, int | float) else value
    if key in CHOICES:
        if text not in CHOICES[key]:
            raise UnknownName(key, str(text), CHOICES[key])
        return text
    if key in ("loss", "allow_deadlock"):
        return parse_loss(text) / PER_BILLION if key == "loss" else _parse_bool(key, text)
    if text == "auto" and key in _AUTO:
        return text
    if key in _SIZES:
        least = 0 if key == "header" else 1
        return parse_count(parse_size(text if isinstance(text, int) else str(text)), key, least)
    if key in _TIMES:
        return text if isinstance(text, int) and not isinstance(text, bool) else parse_time(str(text))
    if key in _COUNTS:
        count = parse_count(str(text), key, _COUNTS[key])
        if key == "virtual_channels" and count > MOST_CHANNELS:
            raise InvalidValue(f"A link has up to {MOST_CHANNELS:,} virtual channels, or auto.")
        return count
    if key == "reduction_rate":
        return None if value is None or text in ("free", "none") else _parse_rate(str(text))
    if key == "nic_scheduler":
        return SCHEDULERS.get(str(text)).name
    if str(text)[:1].isdigit():
        return text if isinstance(text, int) else parse_time(str(text))
    if text not in ESTIMATES and text != "oracle":
        raise UnknownName("lockstep estimate", str(text), [*ESTIMATES, "oracle"])
    return str(text)


def _parse_rate(text: str) -> int:
    try:
        return parse_bandwidth(text)
    except InvalidValue:
        raise InvalidValue("Write a rate like 10GB/s, or free for reductions that take no time.") from None


def _parse_bool(key: str, value: object) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if str(value).lower() not in words:
        raise InvalidValue(f"Set {key} to true or false, not '{value}'.")
    return words[str(value).lower()]


def _validate(config: NetworkConfig) -> None:
    router, transport = config.router, config.transport
    if transport.flow_control == "message" and router.routing in ("spray", "feedback"):
        raise InvalidValue(
            "flow_control=message keeps a message on one path, so it cannot be combined with per-packet routing; "
            "use flow_control=credit or another routing."
        )
    if transport.flow_control == "message" and transport.loss:
        raise InvalidValue(
            "flow_control=message reserves channels from the first packet of a message to its last, which may be lost; "
            "use flow_control=credit, or loss=0."
        )
    packet = config.packet.packet_payload + config.packet.header
    if router.buffer != "auto" and transport.flow_control != "none" and router.buffer < packet:
        raise InvalidValue(
            f"The buffer of {format_size(router.buffer)} is smaller than a packet of {format_size(packet)}; "
            "raise buffer or lower packet_payload."
        )


def _shown(key: str, value: Any) -> str:
    if key == "loss":
        return format_loss(parse_loss(value))
    if (key in _TIMES and value != "auto") or (key == "lockstep_estimate" and isinstance(value, int)):
        return format_time(value)
    if key == "reduction_rate" and value is not None:
        return format_bandwidth(value)
    if key == "allow_deadlock":
        return str(value).lower()
    return format_size(value) if key in _SIZES and isinstance(value, int) else str(value)
