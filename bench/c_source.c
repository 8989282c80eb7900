/* How long one row takes of a network in C, and what it gives: c_source.py says what CONTENDER is, and ROWS.
 *
 * CONTENDER has `void probabilities(const float *x, float *p)` and `int label(const float *x)`. */
#include <stdio.h>
#include <time.h>

#include CONTENDER
#include ROWS

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void)
{
    volatile int kept = 0; /* so that nothing is left out */
    float p[OUTPUTS];
    for (int round = 0; round <= ROUNDS; round++) { /* the first does not count */
        const double begin = now();
        double seconds = 0;
        long rows = 0;
        for (; seconds < 0.05; seconds = now() - begin)
            for (int row = 0; row < N_ROWS; row++, rows++)
                kept += label(x[row]);
        if (round)
            printf("%.9g\n", seconds / (double)rows);
    }
    for (int row = 0; row < N_ROWS; row++) {
        probabilities(x[row], p);
        for (int k = 0; k < OUTPUTS; k++)
            printf("%.9g ", (double)p[k]);
        printf("%d\n", label(x[row]));
    }
    return 0;
}
