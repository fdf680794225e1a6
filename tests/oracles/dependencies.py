"""Dependencies of a schedule in the plainest words: a loop in order of steps with a dictionary of deliveries."""


def plain_dependencies(step, src, dst, chunk, count, chunks):
    """Return (dep_set, sets) where sets is a list of ascending tuples of transfer ids, set 0 empty."""
    delivered = {}
    sets = {(): 0}
    dep_set = [0] * len(step)
    order = sorted(range(len(step)), key=lambda t: (step[t], t))
    for t in order:
        cells = [(src[t], (chunk[t] + k) % chunks) for k in range(count[t])]
        before = {d for cell in cells for d in delivered.get(cell, ()) if step[d] < step[t]}
        dep_set[t] = sets.setdefault(tuple(sorted(before)), len(sets))
        for k in range(count[t]):
            delivered.setdefault((dst[t], (chunk[t] + k) % chunks), []).append(t)
    return dep_set, list(sets)
