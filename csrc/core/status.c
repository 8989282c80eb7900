/* What a status means, for whoever reads a message. */
#include "mlpc.h"

const char *mlpc_status_text(mlpc_status status)
{
    switch (status) {
    case MLPC_OK: return "no error";
    case MLPC_ERROR_MEMORY: return "not enough memory";
    case MLPC_ERROR_LABEL: return "a label is none of the classes";
    case MLPC_ERROR_TARGET: return "a target is none that the loss can mean";
    case MLPC_ERROR_WEIGHTS: return "the weights of the samples have no positive finite sum";
    case MLPC_ERROR_DIVERGED: return "training diverged: a number is not finite";
    case MLPC_ERROR_INTERRUPTED: return "interrupted";
    case MLPC_ERROR_ONE_ROW: return "batch norm in train mode wants at least two rows";
    case MLPC_ERROR_WORKSPACE: return "a workspace or a trainer was made for a network of other dropout";
    }
    return NULL;
}
