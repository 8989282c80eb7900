"""What the CPUs can do at all, on so many threads: fused multiply-adds in registers, roots with a division, memory."""

import concurrent.futures
import functools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common
import native
import numpy as np

MEMORY = 128 << 20  # bytes of each array, beyond the caches of most machines
WORK = 10_000_000  # fused multiply-adds, or roots, in one call
TRIES = 3


def limits(task, variant):
    loaded, pool = native.library(), concurrent.futures.ThreadPoolExecutor(task.threads)

    def at_once(function, *of_threads):
        """Calls from all threads, which let go of Python's lock."""
        list(pool.map(function, *of_threads))

    def rate(function, in_round):
        """Of a function each of whose rounds does so many of something: what measures how many billions a second."""
        rounds = WORK // in_round

        def run(count):
            at_once(function, [rounds * count] * task.threads)

        count = common.repetitions(run)
        return lambda: rounds * in_round * task.threads / common.seconds(run, count) / 1e9

    @functools.cache
    def best(limit, dtype):
        """The instruction set that does most, and a function that measures how much."""
        rates = {isa: rate(*of) for isa, of in native.limits(loaded, limit, dtype).items()}
        isa = max(rates, key=lambda isa: max(rates[isa]() for _ in range(TRIES)))
        return isa, rates[isa]

    @functools.cache
    def arrays():
        return [np.array_split(np.ones(MEMORY // 8), task.threads) for _ in range(3)]

    def memory():
        """GB/s of reading, and of a = b + 3 c, of which 24 bytes an element count."""
        a, b, c = arrays()
        sizes = [part.size for part in a]
        read = min(common.seconds(lambda _: at_once(loaded.read_memory, a, sizes), 1) for _ in range(TRIES))
        triad = min(common.seconds(lambda _: at_once(loaded.triad, a, b, c, sizes), 1) for _ in range(TRIES))
        return {"read": MEMORY / read / 1e9, "triad": 3 * MEMORY / triad / 1e9}

    def answer(of):
        """Of "memory" GB/s; of "peak float32" fused multiply-adds, of "roots float32" roots with a division each, in
        billions a second."""
        if of == "memory":
            return memory()
        limit, dtype = of.split()
        isa, billions = best(limit, dtype)
        return {"isa": isa, "billions": billions()}

    return answer


common.serve(limits=limits)
