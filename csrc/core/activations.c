/* What is known of each activation, from the table of kernels. */
#include <math.h>

#include "mlpc.h"

static const mlpc_activation_row rows[MLPC_N_ACTIVATIONS] = {
#define CHEAP 1
#define DEAR 0
#define MLPC_ACTIVATION(name, cost) {.cheap = cost},
#define MLPC_ACTIVATION_SET(name, cost, setting_, standard_, above_)                                                   \
    {.cheap = cost, .setting = #setting_, .standard = standard_, .above = above_},
#include "../kernels/kernels.def"
};

const mlpc_activation_row *mlpc_activation_of(mlpc_activation activation) { return &rows[activation]; }
