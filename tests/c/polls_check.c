/* How much work lies between two questions whether to go on: counted in terms of products, not timed.
 *
 *     polls_check
 *
 * The kernels that take long are replaced by such as only count, so that runs of seconds take none.  Prints, for each
 * workload, how many questions it asks and the most work before one of them, in pieces of the kernels: CHECKs that it
 * is within what mlpc.h promises, and that a call ends where the answer is no.
 */
#include <string.h>

#include "../../csrc/kernels/kernels.h"
#include "core.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Terms, for an element of an activation or a loss, of a norm, of a mask, and of noise. */
enum { DEAR = 64, OF_NORM = 24, OF_MASK = 32, OF_NOISE = 128 };

static struct {
    double work, most;
    size_t questions, last; /* last: the one whose answer is no; 0: none */
} asked;

static int ask(void *context, size_t rows)
{
    (void)context, (void)rows;
    asked.most = asked.work > asked.most ? asked.work : asked.most;
    asked.work = 0;
    return ++asked.questions == asked.last;
}

static const mlpc_poll poll = {ask, NULL};

static void add(double a, double b, double c) { asked.work += a * b * c; }

/* ---- Kernels that count ------------------------------------------------------------------------------------------ */

static void forward(void *z, const void *x, const void *w, const void *bias, size_t B, size_t I, size_t O,
                    void *scratch)
{
    (void)z, (void)x, (void)w, (void)bias, (void)scratch;
    add((double)B, (double)I, (double)O);
}

static void backward_x(void *dx, const void *dz, const void *w, size_t B, size_t I, size_t O, void *scratch)
{
    (void)dx, (void)dz, (void)w, (void)scratch;
    add((double)B, (double)I, (double)O);
}

static void backward_w(void *dw, const void *x, size_t x_row, const void *dz, size_t B, size_t I, size_t O,
                       void *scratch)
{
    (void)dw, (void)x, (void)x_row, (void)dz, (void)scratch;
    add((double)B, (double)I, (double)O);
}

static void panels_forward(void *z, size_t z_row, const void *x, size_t x_row, const void *w, const void *bias,
                           const size_t *panels, size_t n_panels, size_t B, size_t I)
{
    (void)z, (void)z_row, (void)x, (void)x_row, (void)w, (void)bias;
    add((double)B, (double)I, (double)(panels[n_panels] - panels[0]));
}

static void panel_backward_w(void *dw, const void *x, size_t x_row, const void *dz, size_t dz_row, size_t B, size_t I,
                             size_t O, size_t width)
{
    (void)dw, (void)x, (void)x_row, (void)dz, (void)dz_row, (void)O;
    add((double)B, (double)I, (double)width);
}

static void panels_backward_x(void *dx, size_t dx_row, const void *dz, size_t dz_row, const void *w,
                              const size_t *panels, size_t B, size_t I, size_t O, size_t input, size_t n, void *scratch)
{
    (void)dx, (void)dx_row, (void)dz, (void)dz_row, (void)w, (void)panels, (void)I, (void)input, (void)scratch;
    add((double)B, (double)n, (double)O);
}

static void activation(void *a, const void *z, double setting, size_t n)
{
    (void)a, (void)z, (void)setting;
    add((double)n, DEAR, 1);
}

static void derivative(void *dz, const void *da, const void *z, const void *a, double setting, size_t n)
{
    (void)dz, (void)da, (void)z, (void)a, (void)setting;
    add((double)n, DEAR, 1);
}

static void cross_entropy(const mlpc_loss_job *job) { add((double)job->B, (double)job->O, DEAR); }

static void norm(const mlpc_norm_job *job) { add((double)job->B, (double)job->F, OF_NORM); }

static void dropout(void *y, const void *x, size_t stride, const mlpc_mask *mask, size_t row, size_t rows,
                    size_t columns)
{
    (void)y, (void)x, (void)stride, (void)mask, (void)row;
    add((double)rows, (double)columns, OF_MASK);
}

static void noise(void *y, const void *x, size_t stride, const mlpc_words *words, double deviation, size_t row,
                  size_t rows, size_t columns)
{
    (void)y, (void)x, (void)stride, (void)words, (void)deviation, (void)row;
    add((double)rows, (double)columns, OF_NOISE);
}

static mlpc_kernels counting(mlpc_dtype dtype)
{
    mlpc_kernels k = *mlpc_kernels_for(MLPC_ISA_portable, dtype);
    k.linear_forward = k.linear_forward_few = k.linear_forward_skip = forward;
    k.linear_backward_x = backward_x;
    k.linear_backward_w = backward_w;
    k.panels_forward = panels_forward;
    k.panel_backward_w = panel_backward_w;
    k.panels_backward_x = panels_backward_x;
    for (size_t i = 0; i < MLPC_N_ACTIVATIONS; i++) {
        k.activation_forward[i] = activation;
        k.activation_backward[i] = derivative;
    }
    k.loss[MLPC_LOSS_cross_entropy] = cross_entropy;
    k.layer_norm_forward = k.layer_norm_backward = k.layer_norm_gradients = norm;
    k.batch_norm_forward = k.batch_norm_backward = norm;
    k.dropout = dropout;
    k.noise = noise;
    return k;
}

/* ---- Workloads --------------------------------------------------------------------------------------------------- */

typedef struct {
    mlpc_kernels k; /* the model's, once it refers to them */
    mlpc_net *net;
    mlpc_model model;
    mlpc_workspace *all, *some;
    mlpc_predictor *predictor;
    mlpc_samples *samples;
    mlpc_trainer *trainer;
    size_t n, batch, *order;
    void *gradients, *x, *z;
    double *row_loss, *rates, deviation;
    int64_t *labels;
    int keeps;
} work;

static const mlpc_loss loss = {.kind = MLPC_LOSS_cross_entropy, .mean = 1};

static mlpc_status shuffle(work *w) { return mlpc_shuffle(w->order, w->n, 1, 2, &poll); }

static mlpc_input input_of(const work *w) { return (mlpc_input){.rows = w->x, .n = w->n}; }

static mlpc_objective objective_of(const work *w)
{
    const size_t O = w->net->layers[w->net->n_layers - 1].n_out;
    return (mlpc_objective){loss, {.n = w->n, .O = O, .labels = w->labels}};
}

static mlpc_training training_of(const work *w)
{
    return (mlpc_training){
        .samples = w->samples,
        .objective = objective_of(w),
        .optimizer = sgd(),
        .batch_size = w->batch,
        .threads = 1,
        .shuffle = 1,
        .noise = w->deviation,
    };
}

static mlpc_status train(work *w)
{
    const mlpc_training training = training_of(w);
    const mlpc_epoch epoch = {.rates = w->rates, .gradients = w->keeps ? w->gradients : NULL};
    mlpc_epoch_result result;
    return mlpc_train_epoch(&w->model, &training, w->trainer, &epoch, &result, &poll);
}

static mlpc_status forward_all(work *w)
{
    const mlpc_input x = input_of(w);
    return mlpc_forward(&w->model, w->all, &x, &poll);
}

static mlpc_status backward_all(work *w)
{
    const mlpc_input x = input_of(w);
    const mlpc_gradients gradients = {.parameters = w->gradients};
    return mlpc_backward(&w->model, w->all, &x, w->z, &gradients, &poll);
}

static mlpc_status loss_of_all(work *w)
{
    const mlpc_objective objective = objective_of(w);
    double value;
    return mlpc_loss_evaluate(&objective, &w->k, w->z, &value, w->z, w->row_loss, &poll);
}

static mlpc_status predict(work *w)
{
    const mlpc_input x = input_of(w);
    return mlpc_predict(&w->model, w->some, MLPC_OUTPUT_logits, loss.kind, w->z, &x, &poll);
}

static mlpc_status predict_frozen(work *w)
{
    const mlpc_input x = input_of(w);
    return mlpc_predictor_run(w->predictor, w->some, MLPC_OUTPUT_logits, w->z, &x, &poll);
}

static mlpc_status evaluate(work *w)
{
    const mlpc_input x = input_of(w);
    const mlpc_objective objective = objective_of(w);
    mlpc_evaluation evaluation;
    return mlpc_evaluate(&w->model, w->some, &objective, &x, &evaluation, w->row_loss, &poll);
}

/* At most so many pieces of work before a question, and at least so many questions; a call that is told to end does so
 * at the first, at the last and at any in between. */
static void check_calls(work *w, const char *name, mlpc_status (*call)(work *), double most, size_t least)
{
    memset(&asked, 0, sizeof asked);
    check(call(w));
    (void)ask(NULL, 0); /* for the work behind the last one */
    const size_t questions = asked.questions - 1;
    printf("%s: %zu questions, at most %.2f pieces between two\n", name, questions, asked.most / (double)w->k.piece);
    CHECK(asked.most <= most * (double)w->k.piece);
    CHECK(questions >= least);
    const size_t ends[] = {1, (questions + 1) / 2, questions};
    for (size_t i = 0; questions && i < 3; i++) {
        memset(&asked, 0, sizeof asked);
        asked.last = ends[i];
        CHECK(call(w) == MLPC_ERROR_INTERRUPTED);
        CHECK(asked.questions == ends[i]);
    }
}

/* Networks, their rows, and how many are a batch. */
typedef struct {
    const char *name;
    size_t sizes[4], n_layers, n, batch;
    mlpc_norm norm;
    double dropout, noise; /* of the input as well as of hidden layers; of the input */
} shape;

static work prepare(mlpc_dtype dtype, const shape *s)
{
    const mlpc_block block = {.activation = MLPC_ACTIVATION_gelu, .norm = s->norm, .dropout = s->dropout};
    const mlpc_block all[] = {block, block, block};
    const size_t *const sizes = s->sizes, n = s->n, O = sizes[s->n_layers], itemsize = mlpc_itemsize(dtype);
    work w = {.k = counting(dtype), .n = n, .batch = s->batch, .deviation = s->noise};
    check(mlpc_net_create(&w.net, dtype, s->n_layers, sizes, all));
    w.net->input_dropout = s->dropout;
    check(mlpc_workspace_create(&w.all, w.net, n, 1));
    check(mlpc_workspace_create_for_inference(&w.some, w.net, 256, 1));
    w.order = allocate(n, sizeof *w.order);
    w.rates = constant_rates(n, 0.1);
    w.gradients = allocate(w.net->n_parameters, itemsize);
    w.x = allocate(n * sizes[0], itemsize);
    w.z = allocate(n * O, itemsize);
    w.row_loss = allocate(n, sizeof(double));
    w.labels = allocate(n, sizeof(int64_t));
    for (size_t i = 0; i < n * sizes[0]; i++)
        put(w.x, dtype, i, 1); /* zeros would be skipped */
    return w;
}

/* The part that refers to the work's own kernels: it must not be given away any more. */
static void begin(work *w)
{
    const mlpc_input input = input_of(w);
    w->model = (mlpc_model){w->net, &w->k, allocate(w->net->n_parameters, w->k.itemsize),
                            allocate(w->net->n_statistics, w->k.itemsize)};
    mlpc_net_start_statistics(w->net, w->model.statistics);
    check(mlpc_samples_create(&w->samples, &w->k, &input, w->net->layers[0].n_in, MLPC_ZEROS_MULTIPLY, 1, NULL));
    const mlpc_training training = training_of(w);
    check(mlpc_trainer_create(&w->trainer, &w->model, &training));
    check(mlpc_predictor_create(&w->predictor, &w->model, loss.kind));
}

static void discard(work *w)
{
    void *const memory[] = {
        w->order, w->model.parameters, w->model.statistics, w->gradients, w->x, w->z, w->row_loss, w->rates, w->labels};
    mlpc_predictor_free(w->predictor);
    mlpc_trainer_free(w->trainer);
    mlpc_samples_free(w->samples);
    mlpc_workspace_free(w->some);
    mlpc_workspace_free(w->all);
    mlpc_net_free(w->net);
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        free(memory[i]);
}

int main(void)
{
    /* A batch that is nearly all activation, one that is nearly all loss, and so on: on the fused path up to 40 pieces
     * of an update, else step by step. */
    static const shape nets[] = {
        {"activation, small batches", {1, 2000, 2}, 2, 3000, 30, 0, 0, 0},
        {"activation", {1, 2000, 2}, 2, 3000, 1000, 0, 0, 0},
        {"loss", {1, 2000}, 1, 3000, 1500, 0, 0, 0},
        {"products", {200, 300, 200, 3}, 3, 3000, 100, 0, 0, 0},
        {"products, all at once", {200, 300, 200, 3}, 3, 3000, 3000, 0, 0, 0},
        {"little but rows", {1, 2}, 1, 400000, 400000, 0, 0, 0},
        {"norms and masks", {1, 300, 300, 2}, 3, 600, 10, MLPC_NORM_batch, 0.5, 0},
        {"norms and masks, all at once", {1, 2000, 2}, 2, 3000, 3000, MLPC_NORM_layer, 0.5, 0},
        {"noise and masks, small batches", {2000, 2}, 1, 3000, 30, 0, 0.5, 0.1},
        {"noise and masks", {2000, 2}, 1, 3000, 1000, 0, 0.5, 0.1},
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        for (int dtype = 0; dtype < MLPC_N_DTYPES; dtype++) {
            work w = prepare((mlpc_dtype)dtype, &nets[i]);
            begin(&w);
            const double input = (double)nets[i].n * 2000 / (double)w.k.piece; /* of a weight's gradient: one piece */
            const size_t draws = nets[i].n / 65536, batches = nets[i].n / nets[i].batch;
            printf("%s, %s\n", nets[i].name, dtype == MLPC_FLOAT32 ? "float32" : "float64");
            check_calls(&w, "shuffle", shuffle, 0, draws);
            check_calls(&w, "train", train, 40, draws + batches);
            w.keeps = 1;
            const size_t gathered = nets[i].n * nets[i].sizes[0] / 65536;
            check_calls(&w, "train, gradients kept", train, 2 + input,
                        draws + (gathered > batches ? gathered : batches));
            check_calls(&w, "forward", forward_all, 2, 1);
            check_calls(&w, "backward", backward_all, 2 + input, 1);
            check_calls(&w, "loss", loss_of_all, 2, 1);
            check_calls(&w, "predict", predict, 2, 1);
            check_calls(&w, "predict, frozen", predict_frozen, 2, 1);
            check_calls(&w, "evaluate", evaluate, 2, 1);
            discard(&w);
        }
    return 0;
}
