/* Scalar arithmetic of the core, in double: the words v_fma, v_sqrt, ... and the elementary functions e_exp, e_log,
 * e_cos, ... of the kernels' own template, over the portable vocabulary. */
#ifndef MLPC_SCALAR_H
#define MLPC_SCALAR_H

#define MLPC_REAL_BITS 64
#include "../kernels/vec/vec_portable.h"

#include "../kernels/tmpl/cosine.inc"
#include "../kernels/tmpl/elementary.inc"

#endif
