/* The models of the benchmark, through the public interface alone. */
#include "tests/bench/models.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 80, ASKED = 96 };

/* ---- stacks and nets of the library's layers */

static eddy_value models_stack(eddy_cell *cell, eddy_model *m, eddy_axes t, const model_row *row,
                               eddy_value x) {
    for (int64_t i = 0; i < row->layers; i++) {
        char name[NAME];
        snprintf(name, sizeof name, "l%lld", (long long)i);
        x = row->directions == 2 ? eddy_bidirectional(cell, m, name, t, row->units, x, NULL)
                                 : cell(m, name, t, row->units, x, NULL, EDDY_HERE);
    }
    return x;
}

static eddy_value models_lstm(eddy_model *m, eddy_axes t, const model_row *row, eddy_value x) {
    return models_stack(eddy_lstm, m, t, row, x);
}

static eddy_value models_gru(eddy_model *m, eddy_axes t, const model_row *row, eddy_value x) {
    return models_stack(eddy_gru, m, t, row, x);
}

static eddy_value models_rnn(eddy_model *m, eddy_axes t, const model_row *row, eddy_value x) {
    return models_stack(eddy_elman, m, t, row, x);
}

/* A guitar amplifier: one sample in, one out. */
static eddy_value models_amplifier(eddy_model *m, eddy_axes t, const model_row *row, eddy_value x) {
    return eddy_dense(m, "out", 1, models_lstm(m, t, row, x));
}

/* The net of RNNoise 0.1 in its sizes, with the GRU of all peers: 42 features to 22 gains and the
 * probability of speech. */
static eddy_value models_noise(eddy_model *m, eddy_axes t, const model_row *row, eddy_value x) {
    enum { DENSE = 24, SPEECH = 24, NOISE = 48, BANDS = 22 };
    eddy_value dense = eddy_tanh(eddy_dense(m, "dense", DENSE, x));
    eddy_value speech = eddy_gru(m, "speech", t, SPEECH, dense, NULL);
    eddy_value noise = eddy_gru(m, "noise", t, NOISE, eddy_concat(0, dense, speech, x), NULL);
    eddy_value clean = eddy_gru(m, "clean", t, row->units, eddy_concat(0, speech, noise, x), NULL);
    eddy_value gains = eddy_dense(m, "gains", BANDS, clean);
    return eddy_sigmoid(eddy_concat(0, gains, eddy_dense(m, "heard", 1, speech)));
}

/* The two recurrent layers of LPCNet. */
static eddy_value models_voice(eddy_model *m, eddy_axes t, const model_row *row, eddy_value x) {
    enum { LAST = 16 };
    return eddy_gru(m, "l1", t, LAST, eddy_gru(m, "l0", t, row->units, x, NULL), NULL);
}

typedef struct model_known {
    const char *cell;
    eddy_value (*net)(eddy_model *m, eddy_axes t, const model_row *row, eddy_value x);
    cells_cell *own;
} model_known;

static const model_known models_known[] = {
    {"lstm", models_lstm, NULL},
    {"gru", models_gru, NULL},
    {"rnn", models_rnn, NULL},
    {"ragged", models_lstm, NULL}, /* every sample has a length */
    {"lm", models_lstm, NULL},     /* with an embedding before it, a softmax after it, and a loss */
    {"amplifier", models_amplifier, NULL},
    {"noise", models_noise, NULL},
    {"voice", models_voice, NULL},
    {"ligru", NULL, cells_ligru},
    {"norm-lstm", NULL, cells_norm_lstm},
    {"peephole", NULL, cells_peephole},
    {"gru-gates", NULL, cells_gru},
    {"cornn", NULL, cells_cornn},
    {"slstm", NULL, cells_slstm},
    {"mingru", NULL, cells_mingru},
    {"attention", NULL, cells_attention},
    {"joined", NULL, cells_joined},
};

static const model_known *models_find(const char *cell) {
    for (size_t i = 0; i < sizeof models_known / sizeof *models_known; i++)
        if (strcmp(models_known[i].cell, cell) == 0)
            return &models_known[i];
    return NULL;
}

bool models_know(const char *cell) {
    return models_find(cell) != NULL;
}

/* ---- what is done with them */

/* The gradients of asked[0 .. count) become outputs. */
static void models_gradients(eddy_model *m, eddy_value loss, const eddy_value *asked, int count) {
    eddy_value found[ASKED];
    eddy_grad(loss, asked, count, found);
    for (int i = 0; i < count; i++) {
        char name[NAME];
        snprintf(name, sizeof name, "d %s", eddy_value_name(asked[i]));
        eddy_output(m, name, found[i]);
    }
}

/* The trainable parameters, after `count` others; how many there are then. */
static int models_ask(eddy_model *m, eddy_value asked[ASKED], int count) {
    for (int i = 0; i < eddy_trainable_count(m) && count < ASKED; i++)
        asked[count++] = eddy_trainable(m, i);
    return count;
}

static void models_language(eddy_model *m, eddy_axes t, eddy_axes b, const model_row *row) {
    eddy_value asked[ASKED];
    eddy_value input = eddy_input(m, "x", EDDY_I32, t | b, EDDY_SCALAR);
    eddy_value target = eddy_input(m, "target", EDDY_I32, t | b, EDDY_SCALAR);
    eddy_value x = eddy_embedding(m, "symbol", MODELS_SYMBOLS, row->inputs, input);
    eddy_value logits = eddy_dense(m, "next", MODELS_SYMBOLS, models_lstm(m, t, row, x));
    eddy_value loss = eddy_mean_over(eddy_cross_entropy(logits, target), t | b);
    eddy_output(m, "y", loss);
    models_gradients(m, loss, asked, models_ask(m, asked, 0));
}

void models_write(eddy_model *m, const model_row *row) {
    const model_known *known = models_find(row->cell);
    const bool training = row->mode == MODEL_TRAINING;
    const bool ragged = strcmp(row->cell, "ragged") == 0;
    eddy_axes b = eddy_batch(m, "b");
    eddy_axes t = ragged ? eddy_time_ragged(m, "t", b, MODELS_LENGTHS) : eddy_time(m, "t");
    if (strcmp(row->cell, "lm") == 0) {
        models_language(m, t, b, row);
        return;
    }
    if (row->mode == MODEL_STREAM)
        eddy_carry(m, t, 0);
    eddy_value x = eddy_input(m, "x", EDDY_F32, t | b, row->inputs);
    eddy_value y =
        known->net ? known->net(m, t, row, x) : known->own(m, t, row->units, x, training);
    eddy_output(m, "y", y);
    if (training) {
        eddy_value asked[ASKED] = {x};
        eddy_value dy = eddy_input(m, "dy", EDDY_F32, t | b, eddy_value_dimension(y, 0));
        models_gradients(m, eddy_matmul(y, dy), asked, models_ask(m, asked, 1));
    }
}
