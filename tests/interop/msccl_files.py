"""MSCCL programs as tools write them, small: fused rings, all pairs through scratch, an exchange in two steps."""

from __future__ import annotations

__all__ = ["all_gather", "all_pairs", "new_ring", "ring", "row", "two_step_all_to_all", "whole"]


def row(index, kind, *rest):
    """Return a step of the old variant; `rest`: source, target, count, after, waited, as far as they matter."""
    source, target, count, after, waited = (*rest, *(("i", -1), ("o", -1), 1, (-1, -1), 0)[len(rest) :])
    places = f'srcbuf="{source[0]}" srcoff="{source[1]}" dstbuf="{target[0]}" dstoff="{target[1]}"'
    waits = f'depid="{after[0]}" deps="{after[1]}" hasdep="{waited}"'
    return f'<step s="{index}" type="{kind}" {places} cnt="{0 if kind == "nop" else count}" {waits}/>'


def whole(coll, chunks, gpus, inplace=1, scratch=0, **more):
    """Return a file: `gpus` is a list, a GPU each, of blocks (send, recv, channel, [steps as arguments of `row`])."""
    head = {"name": "test", "proto": "LL", "nchannels": 1, "nchunksperloop": chunks, "ngpus": len(gpus), "coll": coll}
    head |= {"inplace": inplace} | more
    words = [f'{key}="{value}"' for key, value in head.items()]
    lines = [f"<algo {' '.join(words)}>"]
    for number, blocks in enumerate(gpus):
        lines.append(f'  <gpu id="{number}" i_chunks="{chunks}" o_chunks="0" s_chunks="{scratch}">')
        for block, (send, recv, channel, steps) in enumerate(blocks):
            lines.append(f'    <tb id="{block}" send="{send}" recv="{recv}" chan="{channel}">')
            lines += [f"      {row(index, *step)}" for index, step in enumerate(steps)]
            lines.append("    </tb>")
        lines.append("  </gpu>")
    return "\n".join([*lines, "</algo>", ""])


def ring(n):
    """The ring all-reduce in place, one block a GPU, with fused steps: sums on the way are sent on and stored nowhere."""
    gpus = []
    for g in range(n):

        def at(back, g=g):
            return ("i", (g - back) % n)

        steps = [("s", at(0), at(0))]
        steps += [("rrs", at(k), at(k)) for k in range(1, n - 1)]
        steps += [("rrcs", at(n - 1), at(n - 1))]
        steps += [("rcs", at(k), at(k)) for k in range(n - 2)]
        steps += [("r", at(n - 2), at(n - 2))]
        if n == 2:
            steps = [("s", at(0), at(0)), ("rrcs", at(1), at(1)), ("r", at(0), at(0))]
        gpus.append([((g + 1) % n, (g - 1) % n, 0, steps)])
    return whole("allreduce", n, gpus)


def new_ring(n):
    """The same in the new variant: `op`, `step`, one place a step, no dependencies spelt out."""
    text = ring(n)
    for old, new in (("<step s=", "<op step="), ("srcbuf", "buf"), ("srcoff", "off")):
        text = text.replace(old, new)
    lines = []
    for line in text.splitlines():
        words = line.split(" ")
        lines.append(" ".join(word for word in words if not word.startswith(("dst", "depid", "deps", "hasdep", "cnt"))))
    return "\n".join(line + ("/>" if "<op" in line and not line.endswith(">") else "") for line in lines)


def all_pairs(n, per=1):
    """Every GPU gathers its share of all others in scratch, sums it up in a block of its own, and sends the sum to all."""
    gpus = []
    for g in range(n):
        peers = [p for p in range(n) if p != g]
        waits = [("nop", ("i", -1), ("o", -1), 0, (k + 1, 1)) for k in range(1, n - 1)]
        sums = [
            ("re", ("s", k * per), ("i", g * per), per, (1, 1) if k == 0 else (-1, -1), int(k == n - 2))
            for k in range(n - 1)
        ]
        blocks = [(-1, -1, 0, [*waits, *sums])]
        for k, p in enumerate(peers):
            steps = [
                ("s", ("i", p * per), ("s", 0), per),
                ("r", ("i", 0), ("s", k * per), per, (-1, -1), 1),
                ("s", ("i", g * per), ("i", g * per), per, (0, 2 * n - 4)),
                ("r", ("i", p * per), ("i", p * per), per),
            ]
            blocks.append((p, p, 0, steps))
        gpus.append(blocks)
    return whole("allreduce", n * per, gpus, scratch=(n - 1) * per)


def all_gather(n, inplace):
    """Everybody sends its chunk to everybody; out of place it is copied to the own output as well."""
    gpus = []
    for g in range(n):
        blocks = [] if inplace else [(-1, -1, 0, [("cpy", ("i", 0), ("o", g))])]
        for p in range(n):
            if p != g:
                blocks.append((p, p, 0, [("s", ("i", 0), ("o", g)), ("r", ("i", 0), ("o", p))]))
        gpus.append(blocks)
    return whole("allgather", n, gpus, inplace)


def two_step_all_to_all():
    """Four GPUs in two boxes {0, 1} and {2, 3}: what is for the other box goes to its peer there by way of a neighbour."""
    gpus = []
    for g in range(4):
        near, far = g ^ 1, g ^ 2
        # The far box has the GPUs far (reached directly) and far ^ 1 (reached through `near`, whose far one it is).
        local = [
            ("cpy", ("i", g), ("o", g)),
            ("cpy", ("i", far), ("s", 0)),
            ("cpy", ("i", far ^ 1), ("s", 4), 1, (-1, -1), 1),
        ]
        to_near = [
            ("s", ("i", near), ("o", g)),
            ("s", ("s", 4), ("s", 1), 1, (0, 2)),
            ("r", ("i", g), ("o", near)),
            ("r", ("s", 4), ("s", 1), 1, (-1, -1), 1),
        ]
        to_far = [
            ("s", ("s", 0), ("s", 2), 2, (1, 3)),
            ("r", ("s", 0), ("s", 2), 2),
            ("cpy", ("s", 2), ("o", far)),
            ("cpy", ("s", 3), ("o", far ^ 1)),
        ]
        gpus.append([(-1, -1, 0, local), (near, near, 0, to_near), (far, far, 0, to_far)])
    return whole("alltoall", 4, gpus, 0, scratch=5)
