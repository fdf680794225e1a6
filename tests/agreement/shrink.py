"""Cut a failing case down: leave out and simplify one thing at a time for as long as it still fails in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from agreement.cases import Bursts, Case, Compute, Item, Machine, Named, Rows, Send
from agreement.draw import without

__all__ = ["shrink"]


def shrink(case: Case, fails: Callable[[Case], bool], attempts: int = 4000) -> Case:
    """Return a case that fails and of which no simplification tried here fails; at most `attempts` are run."""
    left, progress = attempts, True
    while progress:
        progress = False
        for simpler in (_fewer_changes, _fewer_items, _named_as_rows, _fewer_rows, _settings, _items, _machines):
            again = True
            while again:
                again = False
                for candidate in simpler(case):
                    left -= 1
                    if left < 0:
                        return case
                    if candidate != case and _holds(fails, candidate):
                        case, again, progress = candidate, True, True
                        break
    return case


def _holds(fails: Callable[[Case], bool], case: Case) -> bool:
    try:
        return fails(case)
    except Exception:
        # A candidate that cannot even be built.
        return False


def _spans(count: int) -> Iterator[range]:
    """Stretches to leave out: halves, quarters and so on, down to single ones, from the end."""
    width = count
    while width:
        yield from (range(start, min(start + width, count)) for start in range(count - 1 - (count - 1) % width, -1, -width))
        width //= 2


def _fewer_items(case: Case) -> Iterator[Case]:
    for span in _spans(len(case.items)):
        smaller = case
        for index in reversed(span):
            smaller = without(smaller, index)
        yield smaller


def _fewer_changes(case: Case) -> Iterator[Case]:
    for span in _spans(len(case.changes)):
        yield replace(case, changes=tuple(change for k, change in enumerate(case.changes) if k not in span))


def _with(case: Case, index: int, item: Item) -> Case:
    return replace(case, items=(*case.items[:index], item, *case.items[index + 1 :]))


def _named_as_rows(case: Case) -> Iterator[Case]:
    for index, item in enumerate(case.items):
        if isinstance(item, Named):
            yield _with(case, index, Rows.of(item, case.topology))


def _fewer_rows(case: Case) -> Iterator[Case]:
    for index, item in enumerate(case.items):
        if isinstance(item, Rows):
            for span in _spans(len(item.rows)):
                yield _with(case, index, _without_rows(item, span))
            for t, row in enumerate(item.rows):
                for simple in (_row(row, deps=()), _row(row, path=()), _row(row, step=0), _row(row, op=0)):
                    yield _with(case, index, replace(item, rows=(*item.rows[:t], simple, *item.rows[t + 1 :])))


def _without_rows(item: Rows, gone: range) -> Rows:
    kept = [t for t in range(len(item.rows)) if t not in gone]
    number = {old: new for new, old in enumerate(kept)}
    rows = [_row(item.rows[t], deps=tuple(number[d] for d in item.rows[t][6] if d in number)) for t in kept]
    return replace(item, rows=tuple(rows))


Row = tuple[int, int, int, int, int, int, tuple[int, ...], tuple[int, ...]]


def _row(
    row: Row,
    *,
    step: int | None = None,
    op: int | None = None,
    deps: tuple[int, ...] | None = None,
    path: tuple[int, ...] | None = None,
) -> Row:
    before = (row[0] if step is None else step, *row[1:5])
    after = (row[5] if op is None else op, row[6] if deps is None else deps, row[7] if path is None else path)
    return (*before, *after)


SIMPLE: dict[str, tuple[object, ...]] = {
    "packet_payload": (64, 1000),
    "header": (1, 64),
    "router_delay": (1,),
    "buffer": (),
    "virtual_channels": (1, 2),
    "message_overhead": (1,),
    "lockstep_estimate": (0,),
}


def _settings(case: Case) -> Iterator[Case]:
    for key in case.settings:
        yield replace(case, settings={k: v for k, v in case.settings.items() if k != key})
    for key, values in SIMPLE.items():
        if key in case.settings and case.settings[key] not in values[:1]:
            yield from (replace(case, settings=case.settings | {key: value}) for value in values)
    if isinstance(room := case.settings.get("buffer"), int):
        payload = int(str(case.settings.get("packet_payload", 4096))) + int(str(case.settings.get("header", 0)))
        if room > payload:
            yield replace(case, settings=case.settings | {"buffer": max(payload, room // 2)})
    if case.seed:
        yield replace(case, seed=0)


def _items(case: Case) -> Iterator[Case]:
    payload = case.network.packet.packet_payload
    for index, item in enumerate(case.items):
        if item.deps:
            yield _with(case, index, replace(item, deps=()))
            yield _with(case, index, replace(item, deps=item.deps[1:]))
        if isinstance(item, Bursts):
            yield from (_with(case, index, simpler) for simpler in _calmer(item, payload))
            continue
        if isinstance(item, Compute):
            if item.duration:
                yield from (
                    _with(case, index, replace(item, duration=t)) for t in {0, 1, item.duration // 2} - {item.duration}
                )
            continue
        if isinstance(item, Send) and item.step:
            yield _with(case, index, replace(item, step=0))
        whole = item.size // payload * payload
        for size in (0, 1, item.size // 2, whole, whole - payload):
            if 0 <= size < item.size:
                yield _with(case, index, replace(item, size=size))


def _calmer(item: Bursts, payload: int) -> Iterator[Bursts]:
    """Fewer messages, smaller ones, and ones that come at once; a lone one as a send is left to whoever reads it."""
    rows = item.rows
    for span in _spans(len(rows)):
        yield replace(item, rows=tuple(row for k, row in enumerate(rows) if k not in span))
    for k, (source, target, size, time) in enumerate(rows):
        for one in (
            (source, target, min(size, payload), time),
            (source, target, min(size, 1), time),
            (source, target, size, 0),
        ):
            if one != rows[k]:
                yield replace(item, rows=(*rows[:k], one, *rows[k + 1 :]))


def _machines(case: Case) -> Iterator[Case]:
    machine = case.machine
    if len(machine.speeds) > 1:
        yield replace(case, machine=replace(machine, speeds=machine.speeds[:1]))
        yield replace(case, machine=replace(machine, speeds=((10**12, 0),)))
        yield from (replace(case, machine=_speed(machine, k, (10**12, 0))) for k in range(len(machine.speeds)))
        yield from (replace(case, machine=_speed(machine, k, (s[0], 0))) for k, s in enumerate(machine.speeds) if s[1])
        yield from (replace(case, machine=_speed(machine, k, (10**12, s[1]))) for k, s in enumerate(machine.speeds))
    else:
        rate, wait = machine.speeds[0]
        yield from (
            replace(case, machine=replace(machine, speeds=(s,)))
            for s in ((10**12, 0), (10**12, wait), (rate, 0), (rate, 1))
            if s != (rate, wait) and (s[1] < wait or rate != 10**12)
        )
    if machine.base:
        yield replace(case, machine=machine.as_graph())
    else:
        speeds = machine.speeds * len(machine.ends) if len(machine.speeds) == 1 else machine.speeds
        for k in range(len(machine.ends)):
            fewer = replace(machine, ends=machine.ends[:k] + machine.ends[k + 1 :], speeds=speeds[:k] + speeds[k + 1 :])
            items = tuple(_renumbered(item, k) for item in case.items)
            yield replace(case, machine=fewer, items=items)


def _speed(machine: Machine, index: int, speed: tuple[int, int]) -> Machine:
    return replace(machine, speeds=(*machine.speeds[:index], speed, *machine.speeds[index + 1 :]))


def _renumbered(item: Item, gone: int) -> Item:
    """The item on a machine without a link: explicit paths by the new numbers, none where it was used."""
    if not isinstance(item, Rows):
        return item
    paths = [() if gone in row[7] else tuple(k - (k > gone) for k in row[7]) for row in item.rows]
    return replace(item, rows=tuple(_row(row, path=path) for row, path in zip(item.rows, paths, strict=True)))
