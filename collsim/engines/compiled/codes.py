"""Numbers that stand for names: kinds of events, why the driver came back, settings.

Plain integers, because kernels compile them in as constants.
"""

from __future__ import annotations

# Kinds of events; a code in the heap is kind << 40 | index.
(FREE, ASK, ROOM, SENT, DELIVERED, REDUCE, SERVED, COMPLETE, PREPARED, READY, START, COMPUTED, ELAPSED, DUE) = range(14)
CHANGED, NOTED = 14, 15

# Why the driver came back.
(ENDED, MORE_PACKETS, MORE_CREDITS, MORE_LOG, PAUSED, OVERFLOW, NO_ROUTE, MORE_NOTES, CUT_OFF) = range(9)

# Arbitrations, NIC orders, ways to choose among links.
ROUND_ROBIN, OLDEST, LOWEST_STEP = range(3)
BY_PLACE, BY_STEP, BY_SIZE = range(3)
SINGLE, ECMP, SPRAY, LEAST_QUEUED, VALIANT, UGAL, FEEDBACK = range(7)
UNDECIDED, OUT, HOME, TURN = -1, 0, 1, 2

# What released a grant (engines/reference/grants.py), and what opened a step (engines/reference/lockstep.py).
ARRIVAL, FIFO, LINK, STEP, CREDIT, PORT, RESTORED, LOSS = range(8)
BY_START, BY_ESTIMATE, BY_GRANT, BY_READY, BY_COMPLETE = range(5)

# What a note tells (ends.py).
ARRIVED, RECEIPT, LOST, DISCARDED = range(4)
