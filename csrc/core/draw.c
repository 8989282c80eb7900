/* What is drawn in train mode, see draw.h. */
#include "draw.h"

#include "fpmode.h"
#include "pass.h"
#include "share.h"
#include "team.h"

static mlpc_words words_of(const mlpc_draw *draw, mlpc_stream stream, size_t layer)
{
    return (mlpc_words){
        .key = {(uint32_t)draw->seed, (uint32_t)(draw->seed >> 32)},
        .t = (uint32_t)draw->t,
        .stream = (uint32_t)stream + (uint32_t)layer * MLPC_STREAMS,
    };
}

MLPC_NOINLINE mlpc_mask mlpc_mask_of(double probability, const mlpc_draw *draw, size_t layer)
{
    return (mlpc_mask){
        .words = words_of(draw, MLPC_STREAM_DROPOUT, layer),
        .threshold = (uint32_t)(probability * 0x1p32),
        .scale = 1 / (1 - probability),
    };
}

mlpc_words mlpc_noise_of(const mlpc_draw *draw) { return words_of(draw, MLPC_STREAM_NOISE, 0); }

typedef struct {
    const mlpc_kernels *kernels;
    void *x;
    size_t I;
    mlpc_words words;
    double deviation;
    mlpc_share share;
} job;
_Static_assert(sizeof(job) <= MLPC_SHARED, "room for it in the workspace");

static MLPC_NOINLINE void add_noise(void *context, mlpc_team *team, size_t rank, size_t size)
{
    (void)team;
    (void)size;
    job *const j = context;
    for (size_t first, n; mlpc_share_take(&j->share, &first, &n) && !mlpc_share_stopped(&j->share, rank, 0);) {
        void *const rows = (char *)j->x + first * j->I * j->kernels->itemsize;
        j->kernels->noise(rows, rows, j->I, &j->words, j->deviation, first, n, j->I);
    }
}

mlpc_status mlpc_add_noise(const mlpc_model *model, mlpc_workspace *workspace, void *x, size_t n, double deviation,
                           const mlpc_poll *poll)
{
    job *const j = workspace->pass;
    const mlpc_kernels *const kernels = model->kernels;
    const size_t I = model->net->layers[0].n_in;
    const size_t threads = mlpc_useful_threads(model->net, kernels, n, workspace->threads);
    const size_t part = (n + threads - 1) / threads;
    *j = (job){
        .kernels = kernels,
        .x = x,
        .I = I,
        .words = mlpc_noise_of(&workspace->draw),
        .deviation = deviation,
        .share = {.poll = poll,
                  .n = n,
                  .at_once = mlpc_piece(kernels, part, I, MLPC_NOISE_TERMS),
                  .stopped = MLPC_GOES_ON},
    };
    mlpc_team_run(threads, add_noise, j);
    return j->share.stopped == MLPC_GOES_ON ? MLPC_OK : MLPC_ERROR_INTERRUPTED;
}
