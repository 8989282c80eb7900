/* Samples that come as CSR: their rows as lists, see samples.h. */
#ifndef MLPC_SAMPLES_CSR_H
#define MLPC_SAMPLES_CSR_H

#include "code_book.h"
#include "samples.h"

/* How much of the input is stored. */
double mlpc_csr_density(const mlpc_input *x, size_t I);

/* Fills the samples' start and end, which have room, entry and value.  Values get codes of the book; where there are
 * too many of them, they stay where they are in x.  No index leads out of what belongs to the samples, whatever it is
 * by now. */
mlpc_status mlpc_csr_list(mlpc_samples *samples, mlpc_code_book *book, const mlpc_poll *poll);

#endif
