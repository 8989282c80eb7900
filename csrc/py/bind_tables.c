/* The core's tables, as Python reads them: a dict of rows by name, each a dict. */
#include "module.h"
#include "names.h"

/* (name, initial, least, most, open), None where there is no setting; a new reference. */
static PyObject *setting_of(const mlpc_setting *setting)
{
    if (setting->name == NULL)
        return Py_NewRef(Py_None);
    return Py_BuildValue("sdddi", setting->name, setting->initial, setting->least, setting->most, setting->open);
}

/* Adds a row, whose reference it takes; -1 where it is NULL. */
static int add_row(PyObject *table, const char *name, PyObject *row)
{
    const int failed = row == NULL || PyDict_SetItemString(table, name, row) < 0;
    Py_XDECREF(row);
    return failed ? -1 : 0;
}

static PyObject *loss_row(const mlpc_loss_row *row)
{
    return Py_BuildValue("{sssNsz}", "link", names_links[row->link], "setting", setting_of(&row->setting), "weight",
                         row->weight);
}

static PyObject *losses(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    PyObject *table = PyDict_New();
    for (int loss = 0; table != NULL && loss < MLPC_N_LOSSES; loss++) {
        const mlpc_loss_row *const row = mlpc_loss_row_of((mlpc_loss_kind)loss);
        if (add_row(table, row->name, loss_row(row)) < 0)
            Py_CLEAR(table);
    }
    return table;
}

/* A tuple of settings, up to the first without a name. */
static PyObject *settings_of(const mlpc_setting *settings)
{
    Py_ssize_t n = 0;
    while (n < MLPC_MAX_SETTINGS && settings[n].name != NULL)
        n++;
    PyObject *tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; tuple != NULL && i < n; i++) {
        PyObject *setting = setting_of(&settings[i]);
        if (setting == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, i, setting);
    }
    return tuple;
}

/* A tuple of (name, the setting that it needs or None). */
static PyObject *states_of(const mlpc_optimizer_row *row)
{
    Py_ssize_t n = 0;
    while (n < MLPC_MAX_STATES && row->states[n].name != NULL)
        n++;
    PyObject *tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; tuple != NULL && i < n; i++) {
        const int needs = row->states[i].needs;
        PyObject *state = Py_BuildValue("sz", row->states[i].name, needs == 0 ? NULL : row->settings[needs - 1].name);
        if (state == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, i, state);
    }
    return tuple;
}

static PyObject *optimizers(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    PyObject *table = PyDict_New();
    const mlpc_optimizer_row *row;
    for (size_t i = 0; table != NULL && (row = mlpc_optimizer_row_at(i)) != NULL; i++)
        if (add_row(table, row->name,
                    Py_BuildValue("{sNsNsN}", "settings", settings_of(row->settings), "states", states_of(row),
                                  "counts", PyBool_FromLong(row->counts))) < 0)
            Py_CLEAR(table);
    return table;
}

static PyObject *schedules(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    PyObject *table = PyDict_New();
    const mlpc_schedule_row *row;
    for (size_t i = 0; table != NULL && (row = mlpc_schedule_row_at(i)) != NULL; i++)
        if (add_row(table, row->name, settings_of(row->settings)) < 0)
            Py_CLEAR(table);
    return table;
}

PyMethodDef bind_tables_methods[] = {
    {"losses", losses, METH_NOARGS, "losses()\n--\n\nThe table of losses: link, setting and weight of each."},
    {"optimizers", optimizers, METH_NOARGS,
     "optimizers()\n--\n\nThe table of optimizers: settings and states of each."},
    {"schedules", schedules, METH_NOARGS, "schedules()\n--\n\nThe table of schedules: settings of each."},
    {NULL, NULL, 0, NULL},
};
