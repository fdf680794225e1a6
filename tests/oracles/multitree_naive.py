"""MULTITREE's construction read aloud: no pointer, no mask, every turn searched from the first parent again."""

from __future__ import annotations


def grow(topology, hosts, termination="any-tree", order=None, ports=0, *, chunks=1, turns="roots"):
    """Return one list of (child rank, parent rank, step, link ids) a tree, in order of insertion.

    `order`: out-link ids of every node in the order of search (default: ascending); `ports`: 0 for no limit. Tree
    r * chunks + c is the c-th of rank r; the trees take turns c by c, or at each step the smallest first.
    """
    n = len(hosts)
    order = topology.out_links if order is None else order
    trees = [[] for _ in range(n * chunks)]
    members = [[hosts[tree // chunks]] for tree in range(n * chunks)]
    step = 0
    while any(len(tree) < n - 1 for tree in trees):
        opened = Step(topology, hosts, order, ports)
        snapshot = [list(m) for m in members]
        keys = [(len(m) if turns == "smallest" else 0, k % chunks, k) for k, m in enumerate(members)]
        line = [k for _, _, k in sorted(keys)]
        while True:
            grown = [turn(opened, trees[k], members[k], snapshot[k], step) for k in line if len(trees[k]) < n - 1]
            if not any(grown) or (termination == "authors" and not grown[-1]):
                break
        step += 1
    return trees


class Step:
    """All links and ports, free again."""

    def __init__(self, topology, hosts, order, ports):
        self.topology, self.hosts, self.order = topology, hosts, order
        self.free = set(range(topology.links))
        self.sends = dict.fromkeys(hosts, ports or topology.links)
        self.receives = dict(self.sends)


def turn(step, tree, members, parents, number):
    """Let one tree add the node nearest to any parent, ties to the parent inserted first; return whether it could."""
    path = min(filter(None, (search(step, parent, members) for parent in parents)), key=len, default=None)
    if path is None:
        return False
    parent, child = int(step.topology.source[path[0]]), int(step.topology.target[path[-1]])
    step.free.difference_update(path)
    step.sends[parent] -= 1
    step.receives[child] -= 1
    members.append(child)
    tree.append((step.hosts.index(child), step.hosts.index(parent), number, tuple(path)))
    return True


def search(step, parent, members):
    """Return the links to the nearest host that may join, found breadth first over free links, or []."""
    if not step.sends[parent]:
        return []
    paths, queue = {parent: []}, [parent]
    for node in queue:
        for link in links_out(step, node, parent):
            target = int(step.topology.target[link])
            if link not in step.free or target in paths:
                continue
            path = [*paths[node], link]
            if target in step.hosts:
                if target not in members and step.receives[target]:
                    return path
            elif step.topology.forwards[target]:
                paths[target] = path
                queue.append(target)
    return []


def links_out(step, node, parent):
    """Return the links out of `node` in order; a switch that serves the whole group is read from behind the parent."""
    links = step.order[node]
    last = [link for link in links if int(step.topology.target[link]) in step.hosts]
    ends = [int(step.topology.target[link]) for link in last]
    if node == parent or set(ends) != set(step.hosts):
        return links
    behind = len(ends) - ends[::-1].index(parent)
    return [*last[behind:], *last[:behind], *(link for link in links if link not in last)]
