/* What the parts of the digest program share: the digest, the numbers that go into what is tested, and the parts. */
#ifndef MLPC_TESTS_DIGEST_H
#define MLPC_TESTS_DIGEST_H

#include "../../csrc/kernels/kernels.h"
#include "core.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- What the cases run on ---- */

#define LENGTHS(name, ...) static const size_t name[] = {__VA_ARGS__};
#define SHAPES(name, ...) static const size_t name[][3] = {__VA_ARGS__};
#define NUMBERS(name, ...) static const double name[] = {__VA_ARGS__};
#include "cases.def"
#define WIDTHS (COUNT(sizes) - 1) /* of matrices: all but the last */

/* What numbers an array holds; cases.def says more of the first ones. */
typedef enum {
    WILD,
    TAME,
    UNIT,
    BYTES,
    TINY, /* around the smallest normal number */
    LEAST /* constants whose products round to -0, and -0 */
} flavour;

/* Numbers of the generator, the same for each place they go to. */
void fill(mlpc_dtype dtype, void *p, size_t n, flavour kind, uint32_t place);

/* Number `bits` of array `place`. */
double number(flavour kind, mlpc_dtype dtype, uint32_t place, uint64_t bits);

/* ---- The digest: FNV-1a over the bytes of numbers, low byte first, every NaN being the same ---- */

void start(void);
void add_bits(uint64_t bits, size_t bytes);
void add_doubles(const double *x, size_t n);
void add_reals(mlpc_dtype dtype, const void *p, size_t n);

/* Prints the line of what was added since the start; what and part make its name. */
void finish(const char *what, const char *part, mlpc_dtype dtype);

/* ---- A table of kernels, and arrays for its arguments.  All stand one double off the alignment of a vector. ---- */

#define ARRAYS 5

typedef struct {
    const mlpc_kernels *k;
    const mlpc_kernels
        *doubles; /* the float64 kernels of the same instruction set: initial values are made with them */
    mlpc_dtype dtype;
    void *in[ARRAYS], *out;
} bench;

/* Array `array` with n numbers. */
const void *input(const bench *b, size_t array, size_t n, flavour kind);

/* Where a kernel is to write n elements, and what it must write around. */
void *output(const bench *b, size_t n);

/* Adds the n elements that were written, and what must not be. */
void add_output(const bench *b, size_t n);

/* ---- The parts, in the order of their lines ---- */

void digest_kernels(const bench *b);
void digest_products(const bench *b); /* of digest_kernels, as the next */
void digest_norms(const bench *b);
void digest_core(const bench *b);
void digest_training(const bench *b);
void digest_blocks(const bench *b); /* of digest_training */

/* The caller's floating-point mode in all calls of the core: it must not matter, and must come back.  Arithmetic tells
 * whether it did; fegetround may ask another unit than the one that computes.  Operands are made before. */
void foreign_mode(void);
void own_mode(void);

#endif
