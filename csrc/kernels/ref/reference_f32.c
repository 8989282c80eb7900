/* The reference kernels, 32-bit. */
#define MLPC_REAL_BITS 32
#define MLPC_TABLE mlpc_kernels_reference_f32
#include "../tables.h"
#include "../vec/vec_portable.h"

#include "../tmpl/elementary.inc"
#include "../tmpl/cosine.inc"
#include "../tmpl/activations.inc"
#include "../tmpl/loss_elements.inc"
#include "../tmpl/step_rules.inc"
#include "../tmpl/norm_features.inc"
#include "../tmpl/philox.inc"
#include "../tmpl/normal.inc"
#include "reference.inc"
#include "../tmpl/table.inc"
