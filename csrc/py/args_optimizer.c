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
    if (kind < 0) {
        return -1;
    }
    schedule->kind = (mlpc_schedule_kind)kind;
    const struct {
        const char *name;
        double *value;
    } fields[] = {
        {"lr", &schedule->lr},       {"warmup", &schedule->warmup}, {"every", &schedule->every},
        {"gamma", &schedule->gamma}, {"epochs", &schedule->epochs}, {"minimum", &schedule->minimum},
    };
    for (int i = 0; i < 6; i++) {
        if (args_double(fields[i].name, PyTuple_GET_ITEM(tuple, i + 1), fields[i].value) < 0) {
            return -1;
        }
    }
    return 0;
}

static int parse_velocity(args_optimizer *optimizer, PyObject *velocity, npy_intp n, mlpc_dtype dtype)
{
    const int wanted = optimizer->optimizer.momentum != 0;
    if (wanted != (velocity != Py_None)) {
        PyErr_Format(PyExc_ValueError, "velocity: expected %s",
                     wanted ? "an array, since momentum is not 0" : "None, since momentum is 0");
        return -1;
    }
    if (!wanted) {
        return 0;
    }
    optimizer->velocity = args_inplace("velocity", velocity, 1, &n, dtype);
    if (optimizer->velocity == NULL) {
        return -1;
    }
    optimizer->optimizer.velocity = PyArray_DATA(optimizer->velocity);
    return 0;
}

int args_optimizer_parse(args_optimizer *optimizer, PyObject *tuple, npy_intp n, mlpc_dtype dtype)
{
    *optimizer = (args_optimizer){0};
    mlpc_optimizer *const to = &optimizer->optimizer;
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != 6) {
        PyErr_Format(PyExc_TypeError,
                     "optimizer: expected (kind, schedule, momentum, weight_decay, nesterov, velocity), got %R", tuple);
        return -1;
    }
    const int kind = names_find("optimizer", PyTuple_GET_ITEM(tuple, 0), names_optimizers, MLPC_N_OPTIMIZERS);
    if (kind < 0) {
        return -1;
    }
    to->kind = (mlpc_optimizer_kind)kind;
    if (args_schedule_parse(&to->schedule, PyTuple_GET_ITEM(tuple, 1)) < 0 ||
        args_double("momentum", PyTuple_GET_ITEM(tuple, 2), &to->momentum) < 0 ||
        args_double("weight_decay", PyTuple_GET_ITEM(tuple, 3), &to->weight_decay) < 0 ||
        args_bool(PyTuple_GET_ITEM(tuple, 4), &to->nesterov) < 0) {
        return -1;
    }
    return parse_velocity(optimizer, PyTuple_GET_ITEM(tuple, 5), n, dtype);
}

void args_optimizer_clear(args_optimizer *optimizer)
{
    Py_CLEAR(optimizer->velocity);
}

int args_optimizer_disjoint(const args_optimizer *optimizer, const char *name, PyArrayObject *array)
{
    return optimizer->velocity == NULL ? 0 : args_disjoint("velocity", optimizer->velocity, name, array);
}
