"""Every float32 input of every elementary function and activation, on every instruction set this machine runs.

    python tests/accuracy/exhaustive.py [--step N] [--only NAME ...]

The results of all instruction sets must have the bits of the portable kernels' (NaN equals NaN), and lie within the
stated bound of the float64 kernels' (which test_elementary.py compares with mpmath).  `--step N` takes each N-th input:
9973, a prime, is a sample that takes seconds; without it the sweep takes hours.  Exits 1 where anything is off.
"""

import argparse
import sys

import numpy as np
from bounds import BOUNDS

import mlpc

CHUNK = 1 << 20
SLOPE = np.float32(0.01)


def exact(name, x):
    """The function in float64.  The slope of leaky_relu is the float32 number."""
    if name == "leaky_relu_forward":
        return np.where(x > 0, x, np.float64(SLOPE) * x)
    return getattr(mlpc.ops, name)(x)


def error(got, want):
    """In float32's ULPs at `want`; an infinite result counts as 2^128, the next number there would be."""
    got, want = got.astype(np.float64), want.copy()
    limit = 2.0**128
    infinite = np.isinf(got) & np.isfinite(want)
    got[infinite] = np.copysign(limit, got[infinite])
    overflows = np.isinf(got) | (np.abs(want) > limit)
    got[overflows], want[overflows] = np.clip(got[overflows], -limit, limit), np.clip(want[overflows], -limit, limit)
    _, exponent = np.frexp(want)
    ulps = np.abs(got - want) / np.ldexp(1.0, np.clip(exponent, -125, 128) - 24)
    ulps[np.isnan(got) & np.isnan(want)] = 0
    ulps[np.isnan(got) != np.isnan(want)] = np.inf
    return ulps


def same_bits(a, b):
    return (a.view(np.uint32) == b.view(np.uint32)) | (np.isnan(a) & np.isnan(b))


def sweep(name, step):
    """The largest error, its input, and (instruction set, input) of the first difference in bits or None."""
    worst, where = -1.0, np.float32(0)
    np.seterr(invalid="ignore")  # signalling NaNs are among the inputs
    for start in range(0, 1 << 32, CHUNK * step):
        bits = np.arange(start, min(start + CHUNK * step, 1 << 32), step, dtype=np.uint64)
        x = bits.astype(np.uint32).view(np.float32)
        results = {}
        for isa in mlpc.cpu.available():
            mlpc.cpu.use(isa)
            results[isa] = getattr(mlpc.ops, name)(x)
        portable = results["portable"]
        for isa, y in results.items():
            same = same_bits(y, portable)
            if not same.all():
                return worst, where, (isa, x[np.argmin(same)])
        ulps = error(portable, exact(name, x.astype(np.float64)))
        i = int(np.argmax(ulps))
        if ulps[i] > worst:
            worst, where = float(ulps[i]), x[i]
    return worst, where, None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--step", type=int, default=1, help="take each N-th input")
    parser.add_argument("--only", nargs="*", choices=list(BOUNDS), help="these functions alone")
    options = parser.parse_args()

    failed = False
    print(f"{'float32':20} {'worst ULP':>10} {'bound':>6}  worst input")
    for name in options.only or BOUNDS:
        worst, where, difference = sweep(name, options.step)
        over = worst > BOUNDS[name]
        note = "  OVER THE BOUND" if over else ""
        if difference:
            note += f"  {difference[0]} differs from portable at {float(difference[1]).hex()}"
        print(f"{name:20} {worst:10.4f} {BOUNDS[name]:6}  {float(where).hex()}{note}", flush=True)
        failed |= over or difference is not None
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
