"""Whether a schedule is right, in the plainest words: Counters of contributors, sets of ancestors, links walked one by one.

Returns a sentence instead of raising, so that a test can compare verdicts on thousands of broken schedules.
"""

from collections import Counter

COPY, REDUCE = 0, 1


def fault(plan, topology):
    """Return None for a right schedule and a sentence for a wrong one."""
    rows = [
        {
            "step": int(plan.step[t]),
            "src": int(plan.src[t]),
            "dst": int(plan.dst[t]),
            "chunks": plan.chunks_of(t),
            "op": int(plan.op[t]),
            "deps": plan.deps_of(t).tolist(),
            "path": plan.path_of(t).tolist(),
        }
        for t in range(plan.transfers)
    ]
    if any(not 0 <= r["src"] < plan.ranks or not 0 <= r["dst"] < plan.ranks or r["src"] == r["dst"] for r in rows):
        return "a rank is wrong"
    return _paths(plan, topology, rows) or _meaning(plan, rows) or _waiting(rows)


def _paths(plan, topology, rows):
    for row in rows:
        if not row["path"]:
            continue
        node = int(plan.ranks_to_hosts[row["src"]])
        for position, link in enumerate(row["path"]):
            if not 0 <= link < topology.links or topology.source[link] != node:
                return "a path jumps"
            if position and not topology.forwards[node]:
                return "a path crosses a node that does not forward"
            node = int(topology.target[link])
        if node != plan.ranks_to_hosts[row["dst"]]:
            return "a path ends elsewhere"
    return None


def _meaning(plan, rows):
    name, root = plan.collective.name, plan.collective.root
    everyone = Counter(range(plan.ranks))
    held, wanted = {}, {}
    for chunk in range(plan.chunks):
        source, home = int(plan.chunk_src[chunk]), int(plan.chunk_dst[chunk])
        for rank in range(plan.ranks):
            first = {"all-gather": source, "all-to-all": source, "broadcast": root}.get(name, rank)
            last = {"reduce-scatter": home, "all-to-all": home, "reduce": root}.get(name, rank)
            held[rank, chunk] = Counter([rank]) if first == rank else None
            if last == rank:
                single = {"all-gather": source, "all-to-all": source, "broadcast": root}.get(name)
                wanted[rank, chunk] = everyone if single is None else Counter([single])
    for step in sorted({r["step"] for r in rows}):
        landing = {}
        for row in rows:
            if row["step"] != step:
                continue
            for chunk in row["chunks"]:
                if held[row["src"], chunk] is None:
                    return "nothing is sent"
                landing.setdefault((row["dst"], chunk), []).append((row["op"], held[row["src"], chunk]))
        after = {}
        for cell, parts in landing.items():
            if any(op == COPY for op, _ in parts):
                if len(parts) > 1:
                    return "a copy is not alone"
                after[cell] = parts[0][1]
            elif held[cell] is None:
                return "a reduce meets nothing"
            else:
                after[cell] = sum((value for _, value in parts), held[cell])
        held.update(after)
    return None if all(held[cell] == value for cell, value in wanted.items()) else "an end is wrong"


def _waiting(rows):
    before = [set(r["deps"]) for r in rows]
    for middle in range(len(rows)):
        for reach in before:
            if middle in reach:
                reach |= before[middle]
    for t, row in enumerate(rows):
        if t in before[t]:
            return "a cycle"
        if any(rows[d]["dst"] != row["src"] and rows[d]["src"] != row["src"] for d in row["deps"]):
            return "a dependency is unknown at the source"
        for d, delivery in enumerate(rows):
            carried = delivery["dst"] == row["src"] and set(delivery["chunks"]) & set(row["chunks"])
            if carried and delivery["step"] < row["step"] and d not in before[t]:
                return "a delivery is not waited for"
    return None
