"""What Perfetto makes of a JSON trace, by the rules of its importer (src/trace_processor/importers/json and common).

Starts and durations are doubles of microseconds, each rounded to nanoseconds by itself. Events are sorted by that, stably.
A slice that begins inside another one of its track and ends behind it is dropped. An arrow binds to the innermost slice
open on its track; one that comes before it has left, or finds no slice, is dropped.
"""

import json
from collections import Counter, defaultdict
from math import floor


def nanoseconds(microseconds):
    """Return llround(value * 1000), as for the doubles of the importer; values are not negative."""
    return floor(microseconds * 1000.0 + 0.5)


def imported(path):
    """Return (dropped: Counter of reasons, flows: list of (args of the slice left, args of the slice come to))."""
    events = json.loads(path.read_text())["traceEvents"]
    timed = [(nanoseconds(event["ts"]), event) for event in events if event["ph"] != "M"]
    timed.sort(key=lambda item: item[0])
    dropped, flows = Counter(), []
    stacks, left = defaultdict(list), {}
    for at, event in timed:
        stack = stacks[event["pid"], event["tid"]]
        if event["ph"] == "X":
            end = at + nanoseconds(event["dur"])
            while stack and (stack[-1][0] < at or (stack[-1][0] == at and not (stack[-1][0] == stack[-1][1] and end == at))):
                stack.pop()
            if stack and at < stack[-1][0] < end:
                dropped["overlap"] += 1
                continue
            stack.append((end, at, event["args"]))
        elif not stack:
            dropped["no slice"] += 1
        elif event["ph"] == "s":
            left[event["id"]] = stack[-1][2]
        elif event["id"] not in left:
            dropped["end without start"] += 1
        else:
            flows.append((left[event["id"]], stack[-1][2]))
    return dropped, flows
