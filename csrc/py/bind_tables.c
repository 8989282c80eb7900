/* The core's tables, as Python reads them: a dict of rows by name, each a dict. */
#include "module.h"
#include "names.h"

/* (name, initial, least, most, open), None where there is no setting; a new reference. */
static PyObject *setting_of(const mlpc_setting *setting)
{
    if (setting->name == NULL)
        return Py_NewRef(Py_None);
    return Py_BuildValue("sdddN", setting->name, setting->initial, setting->least, setting->most,
                         PyBool_FromLong(setting->open));
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

PyMethodDef bind_tables_methods[] = {
    {"losses", losses, METH_NOARGS, "losses()\n--\n\nThe table of losses: link, setting and weight of each."},
    {NULL, NULL, 0, NULL},
};
