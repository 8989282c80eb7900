/* Backward passes: a layer's weight gradient is shared out by inputs, its bias gradient by units, and the gradient of
 * its input by rows, so that no sum is. */
#include "block.h"
#include "draw.h"
#include "fpmode.h"
#include "norm.h"
#include "pass.h"
#include "team.h"

typedef struct {
    mlpc_pass pass; /* of rank 0 */
    const void *x, *dz;
    size_t B;
    mlpc_gradients to;
    mlpc_share share;
} job;
_Static_assert(sizeof(job) <= MLPC_SHARED, "room for it in the workspace");

/* Inputs are the rows of dw, which tiles take 6 or 8 at a time; units fill the vectors of a bias, and rows of dz those
 * of its transpose, 16 at most. */
enum { SHARED_INPUTS = 24, SHARED_UNITS = 16, SHARED_ROWS = 32 };

/* dw of the rank's inputs of a layer, into the gradients or added to them; in pieces of whole rows, one input each. */
static void weight_gradient(const job *j, const mlpc_pass *p, const mlpc_layer *layer, const void *x, const void *dz,
                            size_t size)
{
    const mlpc_kernels *kernels = p->model.kernels;
    const size_t I = layer->n_in, O = layer->n_out, most = p->workspace->scratch_size;
    void *const scratch = mlpc_pass_at(p, p->workspace->scratch, p->rank * most);
    size_t from, to, inputs = j->B ? mlpc_pass_piece(p, I, j->B, O) : I;
    mlpc_team_share(I, SHARED_INPUTS, p->rank, size, &from, &to);
    if (j->to.accumulate && inputs > most / O)
        inputs = most / O;
    for (size_t i = from; i < to; i += inputs) {
        if (mlpc_pass_stopped(p))
            return;
        const size_t n = to - i < inputs ? to - i : inputs;
        void *dw = mlpc_pass_at(p, j->to.parameters, layer->weight + i * O);
        kernels->linear_backward_w(j->to.accumulate ? scratch : dw, mlpc_pass_at(p, x, i), I, dz, j->B, n, O,
                                   mlpc_pass_tiles(p));
        if (j->to.accumulate)
            kernels->add(dw, scratch, n * O);
    }
}

static void bias_gradient(const job *j, const mlpc_pass *p, const mlpc_layer *layer, const void *dz, size_t size)
{
    void *const scratch = mlpc_pass_at(p, p->workspace->scratch, p->rank * p->workspace->scratch_size);
    size_t from, to;
    mlpc_team_share(layer->n_out, SHARED_UNITS, p->rank, size, &from, &to);
    void *const db = mlpc_pass_at(p, j->to.parameters, layer->bias + from);
    if (from == to || mlpc_pass_stopped(p))
        return;
    p->model.kernels->linear_backward_b(j->to.accumulate ? scratch : db, mlpc_pass_at(p, dz, from), layer->n_out, j->B,
                                        to - from);
    if (j->to.accumulate)
        p->model.kernels->add(db, scratch, to - from);
}

/* dx of the rank's rows, which becomes dz of the layer before, where there is one. */
static void input_gradient(const job *j, const mlpc_pass *p, size_t l, void *dx, const void *dz, size_t size)
{
    const mlpc_layer *layer = &p->model.net->layers[l];
    const size_t I = layer->n_in, O = layer->n_out, most = mlpc_pass_piece(p, j->B, I, O + MLPC_ACTIVATION_TERMS);
    const int has_norm = l && layer[-1].block.norm != MLPC_NORM_none;
    const mlpc_norm_job norm =
        has_norm ? mlpc_norm_of(&p->model, p->workspace, p->workspace->folded, l - 1) : (mlpc_norm_job){0};
    size_t from, to;
    mlpc_team_share(j->B, SHARED_ROWS, p->rank, size, &from, &to);
    for (size_t b = from; b < to; b += most) {
        const size_t n = to - b < most ? to - b : most;
        void *const here = mlpc_pass_at(p, dx, b * I);
        if (mlpc_pass_stopped(p))
            return;
        p->model.kernels->linear_backward_x(here, mlpc_pass_at(p, dz, b * O),
                                            mlpc_pass_at(p, p->model.parameters, layer->weight), n, I, O,
                                            mlpc_pass_tiles(p));
        if (l) {
            const mlpc_block_rows rows = {
                .z = mlpc_pass_at(p, p->workspace->z[l - 1], b * I),
                .normed = mlpc_pass_at(p, p->workspace->normed[l - 1], b * I),
                .a = mlpc_pass_at(p, p->workspace->a[l - 1], b * I),
                .dz = here,
                .n = n,
                .stride = I,
                .draw = mlpc_pass_draw(p),
                .layer = l,
                .first = b,
                .norm = has_norm ? &norm : NULL,
            };
            mlpc_block_backward(&layer[-1].block, p->model.kernels, &rows);
        } else if (mlpc_pass_drops_x(p)) {
            const mlpc_mask mask = mlpc_mask_of(p->model.net->input_dropout, &p->workspace->draw, 0);
            p->model.kernels->dropout(here, here, I, &mask, b, n, I);
        }
    }
}

static MLPC_NOINLINE void backward(void *context, mlpc_team *team, size_t rank, size_t size)
{
    const job *j = context;
    const mlpc_net *net = j->pass.model.net;
    mlpc_pass p = j->pass;
    p.rank = rank;
    const void *dz = j->dz;
    for (size_t l = net->n_layers; l-- > 0;) {
        void *const d_input = l ? p.workspace->dz[l % 2] : j->to.x;
        weight_gradient(j, &p, &net->layers[l], l ? mlpc_workspace_output(p.workspace, l - 1) : j->x, dz, size);
        bias_gradient(j, &p, &net->layers[l], dz, size);
        if (d_input)
            input_gradient(j, &p, l, d_input, dz, size);
        mlpc_team_barrier(team);
        if (mlpc_share_ends(p.share, p.phase++))
            return;
        const mlpc_norm_gradient of = {l - 1, j->B, d_input, j->to.parameters, j->to.accumulate};
        if (l && net->layers[l - 1].block.norm != MLPC_NORM_none && !mlpc_norm_backward(&p, &of, team, size))
            return;
        dz = d_input;
    }
}

mlpc_status mlpc_backward(const mlpc_model *model, mlpc_workspace *workspace, const mlpc_input *x, const void *dz,
                          const mlpc_gradients *gradients, const mlpc_poll *poll)
{
    job *const j = workspace->pass;
    if (!mlpc_workspace_fits(workspace, model->net))
        return MLPC_ERROR_WORKSPACE;
    *j = (job){
        .pass = {.model = *model, .workspace = workspace, .share = &j->share},
        .x = workspace->trains && model->net->input_dropout > 0 ? workspace->dropped_x : x->rows,
        .dz = dz,
        .B = x->n,
        .to = *gradients,
        .share = {.poll = poll, .stopped = MLPC_GOES_ON},
    };
    mlpc_team_run(mlpc_useful_threads(model->net, model->kernels, x->n, workspace->threads), backward, j);
    return j->share.stopped == MLPC_GOES_ON ? MLPC_OK : MLPC_ERROR_INTERRUPTED;
}
