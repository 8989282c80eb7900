"""What the CPUs can do at all, on so many threads: fused multiply-adds in registers, and memory."""

import concurrent.futures
import functools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common
import native
import numpy as np

MEMORY = 128 << 20  # bytes of each array, beyond the caches of most machines
ROUNDS = 100_000  # of fused multiply-adds in one call
TRIES = 3


def limits(task, variant):
    loaded, pool = native.library(), concurrent.futures.ThreadPoolExecutor(task.threads)

    def at_once(function, *of_threads):
        """Calls from all threads, which let go of Python's lock."""
        list(pool.map(function, *of_threads))

    def peak(function, fused):
        def run(count):
            at_once(function, [ROUNDS * count] * task.threads)

        count = common.repetitions(run)
        return lambda: 2 * fused * ROUNDS * task.threads / common.seconds(run, count) / 1e9

    @functools.cache
    def best_peak(dtype):
        """The instruction set with the highest peak, and a function that measures it in GFLOP/s."""
        peaks = {isa: peak(*of) for isa, of in native.peaks(loaded, dtype).items()}
        best = max(peaks, key=lambda isa: max(peaks[isa]() for _ in range(TRIES)))
        return best, peaks[best]

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
        if of == "memory":
            return memory()
        isa, gflops = best_peak(of)
        return {"isa": isa, "gflops": gflops()}

    return answer


common.serve(limits=limits)
