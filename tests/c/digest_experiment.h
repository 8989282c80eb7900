/* What the trainings of the digest program share: their sizes, a network with data and an optimizer, and how such a
 * training is run. */
#ifndef MLPC_TESTS_DIGEST_EXPERIMENT_H
#define MLPC_TESTS_DIGEST_EXPERIMENT_H

#include "../../csrc/core/samples.h"
#include "digest.h"

enum { INPUTS = 19, OUTPUTS = 7, ROWS = 100, BATCH = 66, EPOCHS = 2, MOST_ARRAYS = 16 };

/* A training from its beginning; what it points to is its own. */
typedef struct {
    mlpc_model model;
    mlpc_net *net; /* that of the model */
    mlpc_training training;
    mlpc_samples *samples; /* those of the training */
    mlpc_input input;      /* ROWS of INPUTS */
    mlpc_schedule schedule;
    mlpc_init init;
    const mlpc_kernels *doubles;
    const mlpc_poll *poll; /* which may end its epochs, or NULL */
    void *gradients;       /* the last step's, of a plain epoch */
    double steps;          /* of the optimizer, where it counts them */
    mlpc_epoch_result results[EPOCHS];
    void *arrays[MOST_ARRAYS];
    size_t n_arrays;
} experiment;

/* One of a network of INPUTS, widths[n_layers - 1] and OUTPUTS units: the mean square error of numbers that are of
 * kind x and UNIT, in shuffled batches of BATCH rows on one thread, by SGD and a cosine. */
void experiment_begin(experiment *e, const bench *b, size_t n_layers, const size_t *widths, const mlpc_block *hidden,
                      flavour x);
void experiment_end(experiment *e);

/* n zeros of so many bytes, which are there until its end. */
void *experiment_array(experiment *e, size_t n, size_t size);

/* The optimizer of that name, as its row has it; its states are kept by the settings that it has then. */
void experiment_optimizer(experiment *e, const char *name);
void experiment_states(experiment *e);

/* That loss, with its settings, weights of classes and of rows, and labels where it can have them. */
void experiment_loss(experiment *e, mlpc_loss_kind kind);

/* EPOCHS from initial values on, one call after the other where `plain`, and otherwise as the core chooses. */
void experiment_run(experiment *e, int plain);

/* After that: the same training as the core chooses to compute it, with zeros multiplied or skipped and by one thread
 * or several, has the same bits. */
void experiment_run_again(experiment *e);

/* Adds parameters, running statistics and the optimizer's states. */
void experiment_add(const experiment *e);

#endif
