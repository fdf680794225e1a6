"""How the kernels of a run reach records: by address, from the one root record that each is handed.

Handing all arrays from kernel to kernel would be the usual way. Each is seven words to numba at every call: two million
messages took 17 s that way, and take 0.3 s this way. Nothing but `layout.Trains` keeps an array alive, and nothing but
the sizes laid out by `tables` keeps an index within it.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from collsim.engines.compiled.trains import layout

WORD, BYTE = ir.IntType(64), ir.IntType(8)


def _records(name: str, dtype: np.dtype[Any]) -> Any:
    """Return the kernel (root, index) -> record `index` of the array `name`."""
    record = numba.from_dtype(dtype)
    assert layout.ROOT.fields is not None
    offset = layout.ROOT.fields[f"at_{name}"][1]

    def at(typing: Any, root: Any, index: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = context.cast(builder, arguments[1], signature.args[1], types.int64)
            field = builder.gep(builder.bitcast(arguments[0], BYTE.as_pointer()), [WORD(offset)])
            base = builder.load(builder.bitcast(field, WORD.as_pointer()))
            here = builder.add(base, builder.mul(place, WORD(dtype.itemsize)))
            return builder.inttoptr(here, context.get_value_type(record))

        return record(root, index), code

    return intrinsic(at)


message_at = _records("message", layout.MESSAGE)
row_at = _records("row", layout.ROW)
entry_at = _records("entry", layout.ENTRY)
set_at = _records("set", layout.SET)
place_at = _records("place", layout.PLACE)
operation_at = _records("operation", layout.OPERATION)
task_at = _records("task", layout.TASK)
path_at = _records("path", layout.PATH)
hop_at = _records("hop", layout.HOP)
shape_at = _records("shape", layout.SHAPE)
leg_at = _records("leg", layout.LEG)
link_at = _records("link", layout.LINK)
heap_at = _records("heap", layout.TICK)
bucket_at = _records("bucket", layout.BUCKET)
cache_at = _records("cache", layout.TICK)
list_at = _records("list", layout.LIST)
interval_at = _records("interval", layout.INTERVAL)
follow_at = _records("follow", layout.LONG)
followers_at = _records("followers", layout.NUMBER)
port_first_at = _records("port_first", layout.NUMBER)
port_at = _records("port", layout.NUMBER)
dirty_at = _records("dirty", layout.NUMBER)
gate_at = _records("gate", layout.NUMBER)
event_at = _records("event", layout.NUMBER)
queue_at = _records("queue", layout.QUEUED)
delay_at = _records("delay", layout.LONG)
