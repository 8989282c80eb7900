#include "args_optimizer.h"

#include "names.h"

int args_schedule_parse(mlpc_schedule *schedule, PyObject *tuple)
{
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != 7) {
        PyErr_Format(PyExc_TypeError, "schedule: expected (kind, lr, warmup, every, gamma, epochs, minimum), got %R",
                     tuple);
        return -1;
    }
    const int kind = names_find("schedule", PyTuple_GET_ITEM(tuple, 0), names_schedules, MLPC_N_SCHEDULES);
    if (kind < 0)
        return -1;
    schedule->kind = (mlpc_schedule_kind)kind;
    const struct {
        const char *name;
        double *value;
    } fields[] = {
        {"lr", &schedule->lr},       {"warmup", &schedule->warmup}, {"every", &schedule->every},
        {"gamma", &schedule->gamma}, {"epochs", &schedule->epochs}, {"minimum", &schedule->minimum},
    };
    for (int i = 0; i < 6; i++)
        if (args_double(fields[i].name, PyTuple_GET_ITEM(tuple, i + 1), fields[i].value) < 0)
            return -1;
    return 0;
}

/* A tuple, or an array with the rates of an epoch's steps: what only Python can compute. */
static int parse_rates(args_optimizer *optimizer, PyObject *schedule)
{
    if (!PyArray_Check(schedule))
        return args_schedule_parse(&optimizer->optimizer.schedule, schedule);
    PyArrayObject *const rates = args_real("rates", schedule, MLPC_FLOAT64);
    if (rates == NULL)
        return -1;
    if (args_shape1("rates", rates, ARGS_ANY) == 0)
        optimizer->rates = (PyArrayObject *)PyArray_NewCopy(rates, NPY_CORDER);
    Py_DECREF(rates);
    if (optimizer->rates == NULL)
        return -1;
    optimizer->optimizer.rates = PyArray_DATA(optimizer->rates);
    return 0;
}

int args_optimizer_steps(const args_optimizer *optimizer, size_t steps)
{
    return optimizer->rates == NULL ? 0 : args_shape1("rates", optimizer->rates, (npy_intp)steps);
}

/* Array number i of the optimizer, to be changed in place. */
static int parse_array(args_optimizer *optimizer, int i, const char *name, PyObject *object, npy_intp n,
                       mlpc_dtype dtype)
{
    optimizer->names[i] = name;
    optimizer->arrays[i] = args_inplace(name, object, 1, &n, dtype);
    return optimizer->arrays[i] == NULL ? -1 : 0;
}

/* (kind, schedule, momentum, weight_decay, nesterov, velocity) */
static int parse_sgd(args_optimizer *optimizer, PyObject *tuple, npy_intp n, mlpc_dtype dtype)
{
    mlpc_optimizer *const to = &optimizer->optimizer;
    PyObject *const velocity = PyTuple_GET_ITEM(tuple, 5);
    if (args_double("momentum", PyTuple_GET_ITEM(tuple, 2), &to->momentum) < 0 ||
        args_double("weight_decay", PyTuple_GET_ITEM(tuple, 3), &to->weight_decay) < 0 ||
        args_bool(PyTuple_GET_ITEM(tuple, 4), &to->nesterov) < 0)
        return -1;
    const int wanted = to->momentum != 0;
    if (wanted != (velocity != Py_None)) {
        PyErr_Format(PyExc_ValueError, "velocity: expected %s",
                     wanted ? "an array, since momentum is not 0" : "None, since momentum is 0");
        return -1;
    }
    if (!wanted)
        return 0;
    if (parse_array(optimizer, 0, "velocity", velocity, n, dtype) < 0)
        return -1;
    to->state[0] = PyArray_DATA(optimizer->arrays[0]);
    return 0;
}

/* (kind, schedule, weight_decay, beta1, beta2, eps, mean, square, steps) */
static int parse_adam(args_optimizer *optimizer, PyObject *tuple, npy_intp n, mlpc_dtype dtype)
{
    mlpc_optimizer *const to = &optimizer->optimizer;
    if (args_double("weight_decay", PyTuple_GET_ITEM(tuple, 2), &to->weight_decay) < 0 ||
        args_double("beta1", PyTuple_GET_ITEM(tuple, 3), &to->beta1) < 0 ||
        args_double("beta2", PyTuple_GET_ITEM(tuple, 4), &to->beta2) < 0 ||
        args_double("eps", PyTuple_GET_ITEM(tuple, 5), &to->eps) < 0 ||
        parse_array(optimizer, 0, "mean", PyTuple_GET_ITEM(tuple, 6), n, dtype) < 0 ||
        parse_array(optimizer, 1, "square", PyTuple_GET_ITEM(tuple, 7), n, dtype) < 0 ||
        parse_array(optimizer, 2, "steps", PyTuple_GET_ITEM(tuple, 8), 1, MLPC_FLOAT64) < 0 ||
        args_disjoint("mean", optimizer->arrays[0], "square", optimizer->arrays[1]) < 0 ||
        args_disjoint("steps", optimizer->arrays[2], "mean", optimizer->arrays[0]) < 0 ||
        args_disjoint("steps", optimizer->arrays[2], "square", optimizer->arrays[1]) < 0)
        return -1;
    to->state[0] = PyArray_DATA(optimizer->arrays[0]);
    to->state[1] = PyArray_DATA(optimizer->arrays[1]);
    to->steps = PyArray_DATA(optimizer->arrays[2]);
    if (!(*to->steps >= 0 && *to->steps < 9007199254740992.0)) { /* 2^53: whole numbers end there */
        PyErr_Format(PyExc_ValueError, "steps: expected a whole number of steps, got %R", optimizer->arrays[2]);
        return -1;
    }
    return 0;
}

int args_optimizer_parse(args_optimizer *optimizer, PyObject *tuple, npy_intp n, mlpc_dtype dtype)
{
    static const struct {
        Py_ssize_t length;
        const char *fields;
        int (*parse)(args_optimizer *optimizer, PyObject *tuple, npy_intp n, mlpc_dtype dtype);
    } kinds[MLPC_N_OPTIMIZERS] = {
        [MLPC_OPTIMIZER_sgd] = {6, "momentum, weight_decay, nesterov, velocity", parse_sgd},
        [MLPC_OPTIMIZER_adam] = {9, "weight_decay, beta1, beta2, eps, mean, square, steps", parse_adam},
        [MLPC_OPTIMIZER_adamw] = {9, "weight_decay, beta1, beta2, eps, mean, square, steps", parse_adam},
    };
    *optimizer = (args_optimizer){0};
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) == 0) {
        PyErr_Format(PyExc_TypeError, "optimizer: expected (kind, schedule, ...), got %R", tuple);
        return -1;
    }
    const int kind = names_find("optimizer", PyTuple_GET_ITEM(tuple, 0), names_optimizers, MLPC_N_OPTIMIZERS);
    if (kind < 0)
        return -1;
    if (PyTuple_GET_SIZE(tuple) != kinds[kind].length) {
        PyErr_Format(PyExc_TypeError, "optimizer: expected (kind, schedule, %s), got %R", kinds[kind].fields, tuple);
        return -1;
    }
    optimizer->optimizer.kind = (mlpc_optimizer_kind)kind;
    if (parse_rates(optimizer, PyTuple_GET_ITEM(tuple, 1)) < 0)
        return -1;
    return kinds[kind].parse(optimizer, tuple, n, dtype);
}

void args_optimizer_clear(args_optimizer *optimizer)
{
    for (int i = 0; i <= MLPC_MAX_STATES; i++)
        Py_CLEAR(optimizer->arrays[i]);
    Py_CLEAR(optimizer->rates);
}

int args_optimizer_disjoint(const args_optimizer *optimizer, const char *name, PyArrayObject *array)
{
    for (int i = 0; i <= MLPC_MAX_STATES; i++)
        if (optimizer->arrays[i] != NULL && args_disjoint(optimizer->names[i], optimizer->arrays[i], name, array) < 0)
            return -1;
    return 0;
}

int args_optimizer_disjoint_objective(const args_optimizer *optimizer, const args_objective *objective)
{
    for (int i = 0; i <= MLPC_MAX_STATES; i++)
        if (optimizer->arrays[i] != NULL &&
            args_objective_disjoint(optimizer->names[i], optimizer->arrays[i], objective) < 0)
            return -1;
    return 0;
}
