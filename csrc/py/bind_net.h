/* The type Net: a plan, its parameters, and the memory of its latest forward.  bind_net.c makes it and holds the table
 * of its methods, bind_net_guard.c lets in one call at a time, bind_net_memory.c keeps its memory, which
 * bind_net_views.c shows; bind_compute.c has forward, backward and losses, bind_infer.c what leaves no trace,
 * bind_train.c steps and epochs.
 *
 * A method converts its arguments, enters the network, computes, leaves it.  Between enter and leave no one else
 * changes the object, whatever runs while the GIL is released. */
#ifndef MLPC_PY_BIND_NET_H
#define MLPC_PY_BIND_NET_H

#include "args.h"

typedef struct NetObject {
    PyObject_HEAD module_state *state; /* of the module, which the type keeps alive */
    mlpc_net *plan;
    npy_intp n_in, n_out;

    /* Attributes.  The arrays show memory that outlives the network with any view of it. */
    PyObject *sizes, *activations, *blocks, *norms, *dropout, *dtype;
    Py_ssize_t n_parameters;
    char training;                         /* the mode of the next forward */
    mlpc_draw draw;                        /* what it draws by, in train mode */
    unsigned long long batches;            /* that the running statistics have seen */
    PyArrayObject *parameters, *gradients; /* nobody else has these; callers see views */
    PyArrayObject *statistics;             /* the running ones of batch norms, likewise */

    /* The latest forward: x is NULL where there is none.  Views of the workspace hold its capsule. */
    mlpc_workspace *workspace;
    PyObject *workspace_capsule;
    PyArrayObject *x;
    void *x_data; /* of what x held then: (rows, n_in); the caller can give x another shape */
    size_t rows;

    /* What the loss of the latest forward left for backward: (rows, n_out), room for dz_rows. */
    void *dz;
    size_t dz_rows;
    int has_dz;

    mlpc_workspace *scratch; /* of logits and evaluate, which leave the latest forward alone */

    mlpc_trainer *trainer; /* of the latest epoch */

    /* The process that computes, 0 for none, and the network that its thread had entered before: bind_net_guard.c. */
    long busy_process;
    struct NetObject *outer;
} NetObject;

/* InUseError and -1 where someone computes with the network: another thread, or this one in a callback. */
int net_enter(NetObject *net);
void net_leave(NetObject *net);
int net_guard_watches_forks(void); /* once, before the first call; -1 with MemoryError */

/* objective_parse for this network's output.  In bind_objective.c. */
int net_objective(const NetObject *net, args_objective *objective, PyObject *loss, PyObject *y,
                  PyObject *sample_weight);

const mlpc_kernels *net_kernels(const NetObject *net);
mlpc_model net_model(const NetObject *net);
size_t net_itemsize(const NetObject *net);

/* From here on there is no latest forward. */
void net_forget(NetObject *net);

/* Room in the workspace for a forward of some rows.  Where it must be replaced the latest forward is forgotten. */
int net_reserve(NetObject *net, size_t rows);

/* An array (rows, columns) of the network's dtype over memory that `owner` keeps alive; strides NULL: C-contiguous. */
PyArrayObject *net_view(const NetObject *net, int ndim, const npy_intp *shape, const npy_intp *strides, void *data,
                        int flags, PyObject *owner);

/* (n,) zeros, aligned to 64 bytes. */
PyArrayObject *net_aligned_zeros(const NetObject *net, size_t n);

/* Attributes and methods of the other files. */
PyObject *net_parameters(PyObject *self, void *closure);
PyObject *net_gradients(PyObject *self, void *closure);
PyObject *net_statistics(PyObject *self, void *closure);
PyObject *net_views(PyObject *self, PyObject *index);
PyObject *net_norm_views(PyObject *self, PyObject *index);
PyObject *net_memory(PyObject *self, PyObject *index);
PyObject *net_latest_x(PyObject *self, PyObject *none);
PyObject *net_copy_numbers(PyObject *self, PyObject *none);
PyObject *net_forward(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *net_loss(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *net_backward(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *net_remember(PyObject *self, PyObject *object);
PyObject *net_loss_and_grad(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *net_logits(PyObject *self, PyObject *x);
PyObject *net_predict(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *net_evaluate(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *net_train_epoch(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *net_step(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *net_zero_grad(PyObject *self, PyObject *none);
PyObject *net_end_training(PyObject *self, PyObject *none);
PyObject *net_epoch_steps(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *net_fused(PyObject *self, PyObject *const *args, Py_ssize_t nargs);

#endif
