"""How kernels reach records and tables: by address, from the one root record that every kernel is handed.

Handing fifty arrays from kernel to kernel would be the usual way. Each is seven words to numba, at every call, and the
kernels took 90 s to compile; reached through addresses they take a fifth of that and run no slower. The price is that
nothing keeps an array alive or its bounds but `layout.Arrays` and the tests.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from collsim.engines.compiled import layout
from collsim.engines.compiled.layout import ROOT

WORD, BYTE = ir.IntType(64), ir.IntType(8)


def _element(builder: Any, base: Any, index: Any, size: int) -> Any:
    """Return the address of element `index` of an array of elements of `size` bytes that begins at `base`."""
    return builder.add(base, builder.mul(index, WORD(size)))


def _address(builder: Any, root: Any, name: str) -> Any:
    """Load the address of table `name` from the root record."""
    assert ROOT.fields is not None
    offset = ROOT.fields["at_" + name][1]
    here = builder.gep(builder.bitcast(root, BYTE.as_pointer()), [WORD(offset)])
    return builder.load(builder.bitcast(here, WORD.as_pointer()))


def _wide(context: Any, builder: Any, index: Any, kind: Any) -> Any:
    return context.cast(builder, index, kind, types.int64)


def _records(name: str, dtype: np.dtype[Any]) -> Any:
    """Return the kernel (root, index) -> record of the array `name`."""
    record = numba.from_dtype(dtype)

    def at(typing: Any, s: Any, index: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = _wide(context, builder, arguments[1], signature.args[1])
            here = _element(builder, _address(builder, arguments[0], name), place, dtype.itemsize)
            return builder.inttoptr(here, context.get_value_type(record))

        return record(s, index), code

    return intrinsic(at)


def _numbers(name: str, dtype: Any) -> Any:
    """Return the kernel (root, index) -> int64 that reads the table `name`."""

    def of(typing: Any, s: Any, index: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = _wide(context, builder, arguments[1], signature.args[1])
            size = np.dtype(dtype).itemsize
            here = _element(builder, _address(builder, arguments[0], name), place, size)
            value = builder.load(builder.inttoptr(here, ir.IntType(8 * size).as_pointer()))
            return value if size == 8 else builder.sext(value, WORD)

        return types.int64(s, index), code

    return intrinsic(of)


def _list() -> Any:
    """Return the kernel (address of a list, index) -> record of one number."""
    record = numba.from_dtype(layout.NUMBER)

    def at(typing: Any, base: Any, index: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = _wide(context, builder, arguments[1], signature.args[1])
            return builder.inttoptr(_element(builder, arguments[0], place, 8), context.get_value_type(record))

        return record(base, index), code

    return intrinsic(at)


number_at = _list()
change_at = _records("change", layout.CHANGE)
event_at = _records("event", layout.EVENT)
link_at = _records("link", layout.LINK)
lane_at = _records("lane", layout.LANE)
packet_at = _records("packet", layout.PACKET)
credit_at = _records("credit", layout.CREDIT)
message_at = _records("message", layout.MESSAGE)
flow_at = _records("flow", layout.FLOW)
task_at = _records("task", layout.TASK)
host_at = _records("host", layout.HOST)
job_at = _records("job", layout.JOB)
counter_at = _records("counter", layout.COUNTER)
opening_at = _records("opening", layout.OPENING)
grant_at = _records("grant", layout.GRANT)
queue_at = _records("queue", layout.QUEUED)
gate_at = _records("gate", layout.GATE)
hop_at = _records("hop", layout.HOP)
note_at = _records("note", layout.NOTE)
parcel_at = _records("parcel", layout.PARCEL)
score_at = _records("score", layout.SCORE)

cut_of = _numbers("cut", np.int64)
dead_of = _numbers("dead", np.int64)
flow_packets_of = _numbers("flow_packets", np.int32)
port_first_of = _numbers("port_first", np.int64)
port_links_of = _numbers("port_links", np.int32)
task_first_of = _numbers("task_first", np.int64)
task_full_of = _numbers("task_full", np.int8)
duration_of = _numbers("duration", np.int64)
released_first_of = _numbers("released_first", np.int64)
released_of = _numbers("released", np.int32)
follower_first_of = _numbers("follower_first", np.int64)
followers_of = _numbers("followers", np.int32)
gate_first_of = _numbers("gate_first", np.int64)
plan_gates_of = _numbers("plan_gates", np.int64)
plan_set_first_of = _numbers("plan_set_first", np.int64)
plan_sets_of = _numbers("plan_sets", np.int32)
plan_waiting_first_of = _numbers("plan_waiting_first", np.int64)
plan_waiting_of = _numbers("plan_waiting", np.int32)
message_first_of = _numbers("message_first", np.int64)
capacity_of = _numbers("capacity", np.int64)
estimates_of = _numbers("estimates", np.int64)
forwards_of = _numbers("forwards", np.int8)
class_first_of = _numbers("class_first", np.int32)
class_span_of = _numbers("class_span", np.int32)
row_first_of = _numbers("row_first", np.int64)
row_links_of = _numbers("row_links", np.int32)
turn_first_of = _numbers("turn_first", np.int64)
turn_links_of = _numbers("turn_links", np.int32)
turn_home_of = _numbers("turn_home", np.int32)
stage_of = _numbers("stage", np.int32)
bump_of = _numbers("bump", np.int32)
