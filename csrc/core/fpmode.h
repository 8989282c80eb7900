/* The floating-point mode that the arithmetic needs: to nearest, no flush to zero, exceptions masked.
 *
 *     status mlpc_something(...)
 *     {
 *         const mlpc_fpmode mode = mlpc_fpmode_enter();
 *         const status result = something(...);
 *         mlpc_fpmode_leave(mode);
 *         return result;
 *     }
 *
 * The compiler knows nothing of the mode: it may move an operation on numbers across enter or leave, or evaluate one
 * at compile time.  So the function that enters and leaves does no arithmetic; the one that does is MLPC_NOINLINE, and
 * hands results that are floating-point numbers back through memory, not as its value, so that it can never be taken
 * for a pure function whose call could move.
 */
#ifndef MLPC_FPMODE_H
#define MLPC_FPMODE_H

#if defined(__clang__)
#define MLPC_NOINLINE __attribute__((noinline))
#else
#define MLPC_NOINLINE __attribute__((noipa)) /* noinline, and nothing learned from the body */
#endif

#if defined(__SSE__) || defined(__x86_64__)

#include <xmmintrin.h>

/* MXCSR holds mode and sticky flags; the flags raised between enter and leave are dropped with the mode. */
typedef unsigned int mlpc_fpmode;

static inline mlpc_fpmode mlpc_fpmode_enter(void)
{
    const mlpc_fpmode saved = _mm_getcsr();
    _mm_setcsr(0x1F80); /* the six exceptions masked, all else 0 */
    return saved;
}

static inline void mlpc_fpmode_leave(mlpc_fpmode saved) { _mm_setcsr(saved); }

#elif defined(__aarch64__) && defined(__GNUC__)

#include <stdint.h>

/* FPCR is the mode, FPSR the sticky flags. */
typedef struct {
    uint64_t control, status;
} mlpc_fpmode;

static inline mlpc_fpmode mlpc_fpmode_enter(void)
{
    mlpc_fpmode saved;
    __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(saved.control), "=r"(saved.status) : : "memory");
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0) : "memory");
    return saved;
}

static inline void mlpc_fpmode_leave(mlpc_fpmode saved)
{
    __asm__ volatile("msr fpcr, %0\n\tmsr fpsr, %1" : : "r"(saved.control), "r"(saved.status) : "memory");
}

#elif defined(__arm__) && defined(__ARM_FP)

/* FPSCR holds mode and sticky flags. */
typedef unsigned int mlpc_fpmode;

static inline mlpc_fpmode mlpc_fpmode_enter(void)
{
    const mlpc_fpmode saved = __builtin_arm_get_fpscr();
    __builtin_arm_set_fpscr(0);
    return saved;
}

static inline void mlpc_fpmode_leave(mlpc_fpmode saved) { __builtin_arm_set_fpscr(saved); }

#else

#include <fenv.h>

/* Standard C has no word for flushing to zero; a platform that flushes by default needs a branch of its own above. */
typedef fenv_t mlpc_fpmode;

static inline mlpc_fpmode mlpc_fpmode_enter(void)
{
    mlpc_fpmode saved;
    feholdexcept(&saved);
    fesetround(FE_TONEAREST);
    return saved;
}

static inline void mlpc_fpmode_leave(mlpc_fpmode saved) { fesetenv(&saved); }

#endif

#endif
