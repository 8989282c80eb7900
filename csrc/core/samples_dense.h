/* Samples that come as rows of all their numbers, or of bytes: their rows as lists, see samples.h. */
#ifndef MLPC_SAMPLES_DENSE_H
#define MLPC_SAMPLES_DENSE_H

#include "code_book.h"
#include "samples.h"

/* Fills the samples' start and end, which have room, their entries and values, by up to so many threads; lists and
 * codes are those of one.  Values get codes of the book, which is written, or, where there are too many of them, stay
 * as they are. */
mlpc_status mlpc_dense_list(mlpc_samples *samples, const mlpc_kernels *kernels, size_t threads, mlpc_code_book *book,
                            const mlpc_poll *poll);

#endif
