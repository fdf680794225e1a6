"""An output-stationary systolic array, cycle by cycle and register by register: what the closed form is held against."""

import numpy as np


def starts_of(folds, depth, rows, columns):
    """The first cycle of each fold, taken as early as the array allows: nothing is assumed about how folds follow."""
    starts, busy = [], np.zeros((rows, columns), dtype=int)
    leaving = [set() for _ in range(columns)]
    for height, width in folds:
        at = starts[-1] + 1 if starts else 0
        places = [(r, c) for r in range(height) for c in range(width)]
        while any(busy[r, c] > at + r + c or at + r + c + depth in leaving[c] for r, c in places):
            at += 1
        for r, c in places:
            busy[r, c] = at + r + c + depth
            leaving[c].add(at + r + c + depth)
        starts.append(at)
    return starts


def multiply(left, right, rows, columns):
    """(left @ right, cycles) on rows x columns: operands move a place a cycle, a column gives one result a cycle."""
    (m, depth), n = left.shape, right.shape[1]
    corners = [(i, j) for j in range(0, n, columns) for i in range(0, m, rows)]
    folds = [(min(rows, m - i), min(columns, n - j)) for i, j in corners]
    starts = starts_of(folds, depth, rows, columns)
    result, cycle, left_over = np.zeros((m, n), dtype=int), 0, m * n
    nothing = [[None] * columns for _ in range(rows)]
    rightward, downward = nothing, nothing
    sums = {}
    while left_over:
        enter_left = [[None] * columns for _ in range(rows)]
        enter_top = [[None] * columns for _ in range(rows)]
        for fold, ((i, j), (height, width), start) in enumerate(zip(corners, folds, starts, strict=True)):
            for r in range(height):
                if 0 <= cycle - start - r < depth:
                    enter_left[r][0] = (fold, left[i + r, cycle - start - r])
            for c in range(width):
                if 0 <= cycle - start - c < depth:
                    enter_top[0][c] = (fold, right[cycle - start - c, j + c])
        rightward = [[enter_left[r][0], *rightward[r][:-1]] for r in range(rows)]
        downward = [enter_top[0], *downward[:-1]]
        done = set()
        for r in range(rows):
            for c in range(columns):
                if rightward[r][c] is None or downward[r][c] is None:
                    continue
                (fold, a), (other, b) = rightward[r][c], downward[r][c]
                assert fold == other, "operands of two folds meet"
                total, count = sums.get((r, c, fold), (0, 0))
                sums[r, c, fold] = total + a * b, count + 1
                if count + 1 == depth:
                    assert c not in done, "a column gives two results in a cycle"
                    done.add(c)
                    (i, j), left_over = corners[fold], left_over - 1
                    result[i + r, j + c] = sums.pop((r, c, fold))[0]
        cycle += 1
    return result, cycle
