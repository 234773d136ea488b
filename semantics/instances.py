"""The open instances of all duties: by slice, and by deadline.

An instance is a list, because one is made and dropped for each obligation. Each duty has a table of its open instances
by slice value; a table holds nothing for closed slices.

The deadlines of one duty never decrease (its `within` is fixed and time does not go back), so a queue for each duty is
in order by itself. A heap holds one entry for each queue that is *armed*: a time at or before that of its head. It is
looked at when that time has come, and corrected then; discharging an instance never touches it. The dead are taken off
the head of a queue as they come there; those behind a head that lives are dropped once in `COMPACT_FROM` instances.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final

from semantics.norms.language import Duty, Norm

NUMBER, DEADLINE, SEQ, T, BOUND, ACTS, DOUBT, ALIVE, SLICE, DUTY = range(10)  # the places of an instance
COMPACT_FROM: Final = 1_024  # queues shorter than this are never compacted
NEVER: Final = 1 << 62  # the heap ends in an entry for this time, so that it has a first one

Instance = list[Any]


def of_an_act(t: int, seq: int, bound: tuple[Any, ...], slice_: object, q: int) -> Instance:
    """Return an instance that is never open: what is said of a norm at one record alone."""
    return [0, None, seq, t, bound, 0, False, False, slice_, q]


class Instances:
    """`duties` gives each duty its number q; `open[q]` maps a slice value to its instances, oldest first."""

    def __init__(self, duties: Sequence[tuple[Norm, Duty]]) -> None:
        self.duties = duties
        self.open: list[dict[object, list[Instance]]] = [{} for _ in duties]
        self.queues: list[deque[Instance]] = [deque() for _ in duties]
        self.armed = [False] * len(duties)
        self.heap: list[tuple[int, int]] = [(NEVER, -1)]
        self.number = 0

    def __iter__(self) -> Iterator[Instance]:
        return (i for table in self.open for instances in table.values() for i in instances)

    def clear(self) -> None:
        for table in self.open:
            table.clear()
        for queue in self.queues:
            queue.clear()
        self.armed[:] = [False] * len(self.armed)
        self.heap[:] = [(NEVER, -1)]
        self.number = 0

    def of(self, q: int) -> list[Instance]:
        """Return the open instances of a duty."""
        return [i for instances in self.open[q].values() for i in instances]

    def new(self, q: int, slice_: object, seq: int, t: int, bound: tuple[Any, ...], since: int) -> Instance:
        """Return an instance whose time counts from `since`; `add` opens it."""
        within = self.duties[q][1].within_ms
        self.number += 1
        return [self.number, None if within is None else since + within, seq, t, bound, 0, False, True, slice_, q]

    def add(self, i: Instance) -> None:
        self.open[i[DUTY]].setdefault(i[SLICE], []).append(i)
        if i[DEADLINE] is not None:
            self.queues[i[DUTY]].append(i)
            if not self.armed[i[DUTY]]:
                self.arm(i)
            if not i[NUMBER] % COMPACT_FROM:
                self.compact()

    def arm(self, i: Instance) -> None:
        """Have the queue of `i`, which is its head, looked at when its deadline has passed."""
        self.armed[i[DUTY]] = True
        heapq.heappush(self.heap, (i[DEADLINE], i[DUTY]))

    def drop(self, i: Instance) -> None:
        i[ALIVE] = False
        table = self.open[i[DUTY]]
        instances = table[i[SLICE]]
        if len(instances) == 1:
            del table[i[SLICE]]
        else:
            instances.remove(i)

    def compact(self) -> None:
        """Drop the dead behind the heads of long queues. The heap may then be early, never late."""
        for queue in self.queues:
            if len(queue) > COMPACT_FROM:
                living = [i for i in queue if i[ALIVE]]
                queue.clear()
                queue.extend(living)

    def first(self) -> Instance | None:
        """Return the instance whose deadline is next; the heap's first entry is then true."""
        heap = self.heap
        while heap[0][0] != NEVER:
            deadline, q = heap[0]
            queue = self.queues[q]
            while queue and not queue[0][ALIVE]:
                queue.popleft()
            if not queue:
                heapq.heappop(heap)
                self.armed[q] = False
            elif queue[0][DEADLINE] > deadline:
                heapq.heapreplace(heap, (queue[0][DEADLINE], q))
            else:
                return queue[0]
        return None

    def overdue(self, t: int) -> Iterator[Instance]:
        """Take out the instances whose deadline is before `t`, earliest first; more may be added meanwhile."""
        heap = self.heap
        while heap[0][0] < t:
            i = self.first()
            if i is None or i[DEADLINE] >= t:
                return
            self.drop(i)
            yield i
