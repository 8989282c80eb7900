/* How many threads a call may use: one number for the process, as there is one team, and less for threads that say so
 * of themselves. */
#include <stdatomic.h>

#include "../core/team.h"
#include "args.h"

/* 1 until mlpc.threads has asked the environment and the machine. */
static atomic_size_t number = 1;

/* Of calls from this thread. */
static _Thread_local size_t limit = MODULE_MAX_THREADS;

size_t module_num_threads(void)
{
    const size_t most = atomic_load(&number);
    return most < limit ? most : limit;
}

void module_limit_threads(mlpc_workspace *workspace)
{
    const size_t most = module_num_threads();
    workspace->threads = workspace->room < most ? workspace->room : most;
}

static PyObject *get_num_threads(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    return PyLong_FromSize_t(module_num_threads());
}

static PyObject *set_num_threads(PyObject *Py_UNUSED(module), PyObject *n)
{
    uint64_t wanted;
    if (args_integer("n", n, 1, MODULE_MAX_THREADS, &wanted) < 0)
        return NULL;
    atomic_store(&number, (size_t)wanted);
    Py_RETURN_NONE;
}

static PyObject *limit_threads(PyObject *Py_UNUSED(module), PyObject *n)
{
    uint64_t wanted;
    if (args_integer("n", n, 1, MODULE_MAX_THREADS, &wanted) < 0)
        return NULL;
    limit = (size_t)wanted;
    Py_RETURN_NONE;
}

static PyObject *give_way(PyObject *Py_UNUSED(module), PyObject *whether)
{
    const int gives_way = PyObject_IsTrue(whether);
    if (gives_way < 0)
        return NULL;
    mlpc_team_give_way(gives_way);
    Py_RETURN_NONE;
}

static PyObject *cpus(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    return PyLong_FromSize_t(mlpc_team_cpus());
}

PyMethodDef bind_threads_methods[] = {
    {"get_num_threads", get_num_threads, METH_NOARGS, "get_num_threads()\n--\n\nHow many threads a call may use."},
    {"set_num_threads", set_num_threads, METH_O, "set_num_threads(n, /)\n--\n\nLets calls use that many threads."},
    {"limit_threads", limit_threads, METH_O,
     "limit_threads(n, /)\n--\n\nLets calls from this thread use no more than that many threads."},
    {"give_way", give_way, METH_O,
     "give_way(whether, /)\n--\n\nWhether calls keep to one thread while other processes keep the CPUs busy."},
    {"cpus", cpus, METH_NOARGS, "cpus()\n--\n\nHow many CPUs affinity and quota leave to this process."},
    {NULL, NULL, 0, NULL},
};
