"""What hashing costs: of n flows thrown at m equal links, how many the fullest link expects to get."""

from __future__ import annotations

from math import factorial, log

import numpy as np

from collsim.errors import InvalidValue

__all__ = ["MOST", "expected_fullest", "fullest_law"]

MOST = 150
"""Flows and links up to this many are counted; factorials of more leave 64-bit floats."""


def expected_fullest(flows: int, links: int) -> float:
    """Return the mean over all equally likely throws of the largest number of `flows` on one of `links`.

    P(fullest <= k) = flows! / links^flows times the coefficient of x^flows in (1 + x + ... + x^k / k!)^links, and the mean
    is the sum of P(fullest > k) over k from 0. Exact but for floating point. Raises InvalidValue above `MOST` of either.
    """
    if not (0 <= flows <= MOST and 1 <= links <= MOST):
        raise InvalidValue(f"The fullest of {links} links with {flows} flows is counted up to {MOST} of each.")
    terms = np.array([1 / factorial(j) for j in range(flows + 1)])
    scale, mean = factorial(flows) / links**flows, 0.0
    for k in range(flows):
        one = np.where(np.arange(flows + 1) <= k, terms, 0.0)
        whole = np.zeros(flows + 1)
        whole[0] = 1.0
        for _ in range(links):
            whole = np.convolve(whole, one)[: flows + 1]
        mean += 1 - min(scale * float(whole[flows]), 1.0)
    return mean


def fullest_law(links: int) -> float:
    """Return ln m / ln ln m, to which the fullest of m links with m flows tends, slowly; m of at least 3."""
    return log(links) / log(log(links))
