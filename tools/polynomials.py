"""The polynomials and constants of csrc/kernels/tmpl/{elementary,cosine}.inc, printed as they stand there.

Each is the Chebyshev interpolant of its function in 60 digits, brought to powers and rounded to the dtype; that is
within a factor of two or three of the minimax polynomial, and the degrees leave more room than that.  The comment
above each table gives its largest error, coefficients rounded, and what the function multiplies it by in the end.

    python tools/polynomials.py
"""

import numpy as np
from mpmath import mp, mpf

mp.dps = 60


def exp_tail(r):  # exp(r) = 1 + r + r^2 T(r)
    return mpf(1) / 2 if abs(r) < 1e-20 else (mp.expm1(r) - r) / r**2


def log_tail(z):  # log((1 + s) / (1 - s)) = 2 s + s z T(z), z = s^2
    s = mp.sqrt(z)
    return mpf(2) / 3 if z < 1e-20 else (2 * mp.atanh(s) / s - 2) / z


def cos_tail(z):  # cos(r) = 1 - z / 2 + z^2 T(z), z = r^2
    return mpf(1) / 24 if z < 1e-20 else (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2


def sin_tail(z):  # sin(r) = r + r z T(z), z = r^2
    return -mpf(1) / 6 if z < 1e-20 else (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z


def erf_factor(z):  # erf(x) = x + x T(z), z = x^2
    x = mp.sqrt(z)
    return 2 / mp.sqrt(mp.pi) - 1 if z < 1e-20 else mp.erf(x) / x - 1


def erfc_factor(centre):  # (1 + 2 x) exp(x^2) erfc(x) = 1.25 + T(t), t = (x - centre) / (x + centre)
    def function(t):
        x = centre * (1 + t) / (1 - t)
        return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x) - mpf(5) / 4

    return function


ERF_LIMIT = {np.float32: 0.75, np.float64: 0.75}  # below: erf by its own polynomial
ERFC_CENTRE = {np.float32: 2.75, np.float64: 4.5}
ERFC_END = {np.float32: 10.75, np.float64: 28.5}  # above: erfc rounds to zero


def tables(dtype):
    """Name, comment, function, interval, degree."""
    pick = (lambda f32, f64: f32) if dtype is np.float32 else (lambda f32, f64: f64)

    def square(limit):
        return 0, mpf(limit) ** 2

    centre, end = mpf(ERFC_CENTRE[dtype]), mpf(ERFC_END[dtype])
    start = mpf(ERF_LIMIT[dtype]) * mpf("0.999")
    yield "EXP_TAIL", "of exp, times r^2 <= 0.121", exp_tail, (-mpf("0.348"), mpf("0.348")), pick(5, 10)
    yield "LOG_TAIL", "of log, times s^3 <= 0.0051", log_tail, square(mpf("0.1717")), pick(3, 6)
    yield "COS_TAIL", "of cos, times r^4 <= 0.39", cos_tail, square(mpf("0.79")), pick(2, 6)
    yield "SIN_TAIL", "of sin, times r^3 <= 0.49", sin_tail, square(mpf("0.79")), pick(3, 7)
    yield "ERF_FACTOR", "of erf, times x <= 0.75", erf_factor, square(ERF_LIMIT[dtype]), pick(6, 12)
    interval = ((start - centre) / (start + centre), (end - centre) / (end + centre))
    yield "ERFC_FACTOR", "of erfc, beside 1.25", erfc_factor(centre), interval, pick(11, 24)


def chebyshev(function, interval, degree):
    """Coefficients, lowest power first, of the interpolant at the Chebyshev points of the interval."""
    low, high = interval
    n = degree + 1
    middle, half = (low + high) / 2, (high - low) / 2
    angles = [mp.pi * (mpf(k) + mpf(1) / 2) / n for k in range(n)]
    values = [function(middle + half * mp.cos(angle)) for angle in angles]
    series = [2 * sum(v * mp.cos(j * a) for v, a in zip(values, angles, strict=True)) / n for j in range(n)]
    series[0] /= 2

    def times_argument(p):  # p(x) (x - middle) / half
        return [(s - middle * c) / half for s, c in zip([mpf(0), *p], [*p, mpf(0)], strict=True)]

    total = [mpf(0)] * n
    older, newer = [mpf(1)], times_argument([mpf(1)])
    for coefficient in series:
        for i, c in enumerate(older):
            total[i] += coefficient * c
        doubled = [2 * c for c in times_argument(newer)]
        for i, c in enumerate(older):
            doubled[i] -= c
        older, newer = newer, doubled
    return total


def literal(c, dtype):
    text = float(c).hex()
    sign, body = ("-", text[1:]) if text[0] == "-" else ("", text)
    mantissa, exponent = body.split("p")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{sign}{mantissa}p{int(exponent)}" + ("f" if dtype is np.float32 else "")


def parts(constant, dtype, count):
    """The constant as a sum of that many numbers of the dtype."""
    for _ in range(count):
        part = dtype(float(constant)) if dtype is np.float64 else dtype(mp.nstr(constant, 30))
        yield part
        constant -= mpf(float(part))


def constants(dtype):
    for name, value, count in (("LN2", mp.log(2), 2), ("HALF_PI", mp.pi / 2, 3)):
        yield f"static const real {name}[] = {{{', '.join(literal(c, dtype) for c in parts(value, dtype, count))}}};"


def two_over_pi():
    """64 zeros and the first 1,216 bits of 2 / pi, in words."""
    mp.prec = 1400
    bits = int(mp.floor(2 / mp.pi * mpf(2) ** 1216))
    words = [0, 0] + [bits >> (32 * i) & 0xFFFFFFFF for i in reversed(range(38))]
    print("static const uint32_t TWO_OVER_PI[] = {")
    for i in range(0, len(words), 8):
        print("    " + ", ".join(f"0x{word:08X}" for word in words[i : i + 8]) + ",")
    print("};")


def main():
    for directive, dtype in (("#if MLPC_REAL_BITS == 32", np.float32), ("#else", np.float64)):
        print(directive)
        print("\n".join(constants(dtype)))
        for name, comment, function, interval, degree in tables(dtype):
            low, high = interval
            rounded = [dtype(float(c)) for c in chebyshev(function, interval, degree)]
            points = [low + (high - low) * i / 400 for i in range(401)]
            worst = max(abs(mp.polyval([mpf(float(c)) for c in rounded[::-1]], x) - function(x)) for x in points)
            print(f"/* {comment}: off by at most {mp.nstr(worst, 2)} */")
            print(f"static const real {name}[] = {{")
            per_line = 6 if dtype is np.float32 else 4
            for i in range(0, len(rounded), per_line):
                print("    " + ", ".join(literal(c, dtype) for c in rounded[i : i + per_line]) + ",")
            print("};")
    print("#endif\n")
    two_over_pi()


if __name__ == "__main__":
    main()
