/* Trains a network on images in IDX files, the format of MNIST, and prints how well it does on others.
 *
 *     cc train.c $(pkg-config --cflags --libs mlpc) -o train
 *     ./train train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte \
 *         parameters.bin 100
 *
 * What follows the files are the numbers of hidden units, layer by layer; without any, each output is a linear function
 * of the pixels.  The parameters are written as an array of float, in the order that mlpc.h gives.
 */
#include <mlpc.h>

#include <stdio.h>
#include <stdlib.h>

enum { EPOCHS = 5, BATCH = 64, MOST_LAYERS = 16 };

/* ---- Errors end the program -------------------------------------------------------------------------------------- */

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "train: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void check(const char *what, mlpc_status status)
{
    if (status != MLPC_OK)
        fail(what, mlpc_status_text(status));
}

/* n elements of so many bytes; they are the caller's to free. */
static void *allocate(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p)
        check("memory", MLPC_ERROR_MEMORY);
    return p;
}

/* ---- IDX files --------------------------------------------------------------------------------------------------- */

/* n elements of `size` bytes each: images of so many pixels, or labels. */
typedef struct {
    size_t n, size;
    uint8_t *bytes;
} idx_array;

/* Two bytes 0, one that says unsigned bytes, the number of dimensions; each dimension in four bytes, the highest first;
 * then all elements, and nothing behind them. */
static idx_array read_idx(const char *path)
{
    uint8_t head[4], word[4];
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(path, "cannot be opened");
    if (fread(head, 1, 4, file) != 4 || head[0] != 0 || head[1] != 0 || head[2] != 8 || head[3] == 0)
        fail(path, "is no IDX file of bytes");
    idx_array array = {.size = 1};
    for (int d = 0; d < head[3]; d++) {
        if (fread(word, 1, 4, file) != 4)
            fail(path, "ends within its head");
        const size_t extent = (size_t)word[0] << 24 | (size_t)word[1] << 16 | (size_t)word[2] << 8 | word[3];
        if (d == 0)
            array.n = extent;
        else if (extent > 0 && array.size > SIZE_MAX / extent)
            fail(path, "is too large");
        else
            array.size *= extent;
    }
    array.bytes = allocate(array.n, array.size);
    if (fread(array.bytes, array.size, array.n, file) != array.n || getc(file) != EOF)
        fail(path, "has more bytes, or less, than its head says");
    fclose(file);
    return array;
}

/* ---- Data -------------------------------------------------------------------------------------------------------- */

typedef struct {
    idx_array images; /* stay bytes: a pixel p means p / 255 */
    int64_t *labels;
    size_t classes; /* the largest label and 1 */
} data_set;

static data_set read_data(const char *images, const char *labels)
{
    data_set data = {.images = read_idx(images)};
    const idx_array bytes = read_idx(labels);
    if (bytes.size != 1 || bytes.n != data.images.n || bytes.n == 0)
        fail(labels, "has not one label for each image");
    data.labels = allocate(bytes.n, sizeof *data.labels);
    for (size_t i = 0; i < bytes.n; i++) {
        data.labels[i] = bytes.bytes[i];
        if (bytes.bytes[i] >= data.classes)
            data.classes = bytes.bytes[i] + (size_t)1;
    }
    free(bytes.bytes);
    return data;
}

static void free_data(data_set *data)
{
    free(data->labels);
    free(data->images.bytes);
}

static mlpc_input input_of(const data_set *data)
{
    return (mlpc_input){.rows = data->images.bytes, .n = data->images.n, .bytes = 1, .scale = 1 / 255.0};
}

/* The labels, checked once: a network reads its outputs by them. */
static mlpc_objective objective_of(const char *what, const data_set *data, const mlpc_model *model)
{
    const mlpc_objective objective = {
        .loss = {.kind = MLPC_LOSS_cross_entropy, .mean = 1},
        .targets.n = data->images.n,
        .targets.O = model->net->layers[model->net->n_layers - 1].n_out,
        .targets.labels = data->labels,
    };
    mlpc_bad_target bad;
    check(what, mlpc_targets_check(&objective, model->kernels, &bad));
    return objective;
}

/* ---- Training and testing ---------------------------------------------------------------------------------------- */

static void train(const mlpc_model *model, const data_set *data)
{
    const size_t steps = (data->images.n + BATCH - 1) / BATCH;
    const mlpc_input x = input_of(data);
    const mlpc_schedule schedule = {.row = mlpc_schedule_named("constant"), .lr = 0.1};
    double *const rates = allocate(steps, sizeof *rates); /* of the steps of an epoch */
    mlpc_samples *samples;
    mlpc_trainer *trainer;
    const size_t threads = mlpc_team_cpus();
    check("samples",
          mlpc_samples_create(&samples, model->kernels, &x, data->images.size, MLPC_ZEROS_CHOOSE, threads, NULL));
    const mlpc_training training = {
        .samples = samples,
        .objective = objective_of("training", data, model),
        .optimizer = {.row = mlpc_optimizer_named("sgd")},
        .batch_size = BATCH,
        .threads = threads,
        .shuffle = 1,
    };
    check("trainer", mlpc_trainer_create(&trainer, model, &training));
    for (uint32_t i = 0; i < EPOCHS; i++) {
        const mlpc_epoch epoch = {.number = i, .rates = rates};
        mlpc_epoch_result result;
        mlpc_learning_rates(&schedule, i, steps, rates);
        check("training", mlpc_train_epoch(model, &training, trainer, &epoch, &result, NULL));
        printf("epoch %u: loss %.6f, accuracy %.4f\n", i + 1, result.loss, result.accuracy);
    }
    mlpc_trainer_free(trainer);
    mlpc_samples_free(samples);
    free(rates);
}

static void test(const mlpc_model *model, const data_set *data)
{
    const size_t threads = mlpc_team_cpus();
    const mlpc_input x = input_of(data);
    const mlpc_objective objective = objective_of("test", data, model);
    double *const row_loss = allocate(x.n, sizeof *row_loss);
    mlpc_evaluation result;
    mlpc_workspace *workspace;
    check("workspace", mlpc_workspace_create(&workspace, model->net, threads * BATCH, threads));
    check("test", mlpc_evaluate(model, workspace, &objective, &x, &result, row_loss, NULL));
    printf("test: loss %.6f, accuracy %.4f\n", result.loss, result.accuracy);
    mlpc_workspace_free(workspace);
    free(row_loss);
}

static void write_parameters(const char *path, const float *parameters, size_t n)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(parameters, sizeof *parameters, n, file) != n || fclose(file) != 0)
        fail(path, "cannot be written");
}

int main(int argc, char **argv)
{
    size_t sizes[MOST_LAYERS + 1], layers = 0;
    mlpc_block hidden[MOST_LAYERS];
    if (argc < 6 || argc - 6 >= MOST_LAYERS)
        fail("usage", "train IMAGES LABELS TEST-IMAGES TEST-LABELS PARAMETERS [HIDDEN-UNITS ...]");
    data_set data = read_data(argv[1], argv[2]), unseen = read_data(argv[3], argv[4]);
    if (unseen.images.size != data.images.size)
        fail(argv[3], "has images of another size");
    sizes[0] = data.images.size;
    for (int i = 6; i < argc; i++) {
        sizes[++layers] = strtoul(argv[i], NULL, 10);
        hidden[layers - 1] = (mlpc_block){.activation = MLPC_ACTIVATION_relu};
        if (sizes[layers] == 0)
            fail(argv[i], "is no number of units");
    }
    sizes[++layers] = data.classes;

    const mlpc_isa isa = mlpc_isa_best();
    mlpc_net *net;
    check("network", mlpc_net_create(&net, MLPC_FLOAT32, layers, sizes, hidden));
    float *const parameters = allocate(net->n_parameters, sizeof *parameters);
    check("initial values",
          mlpc_initialize(net, mlpc_kernels_for(isa, MLPC_FLOAT64), parameters, MLPC_INIT_torch, 0, NULL));
    const mlpc_model model = {net, mlpc_kernels_for(isa, MLPC_FLOAT32), parameters, NULL};
    train(&model, &data);
    test(&model, &unseen);
    write_parameters(argv[5], parameters, net->n_parameters);

    free(parameters);
    mlpc_net_free(net);
    free_data(&unseen);
    free_data(&data);
    return EXIT_SUCCESS;
}
