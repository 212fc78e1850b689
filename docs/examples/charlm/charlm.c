/* A character model on real text, with a cell that no library has; the model and its training.
 *
 * The cell is called Undertow. Beneath a state h that rewrites itself like a GRU's runs a slow
 * current: a leaky trace s of past states, each unit at a pace of its own, which is learned. The
 * trace decides how much of the state is heard when it rewrites itself (the reset gate r), so what
 * was written long ago steers how the present is read. With * element by element:
 *
 *   z = sigmoid(Wz x + Uz h)        h <- z * h + (1 - z) * n        a = sigmoid(alpha)
 *   r = sigmoid(Wr x + Ur s)        s <- a * s + (1 - a) * h
 *   n = tanh(Wn x + r * (Un h))     logits = V h + Vs s + b
 *
 * x is a symbol, a vector with a single one, so W x is a row of a table, with a bias in each. */
#include "charlm/charlm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/batches.h"
#include "common/ngram.h"
#include "common/progress.h"
#include "common/session.h"
#include "common/wall_clock.h"

static eddy_value charlm_row(eddy_model *m, const char *name, double bias, const charlm *model,
                             eddy_value x) {
    eddy_init init = eddy_init_normal(bias, 0.1);
    return eddy_gather(eddy_param(m, name, init, model->text->vocabulary, model->hidden), x);
}

/* gate * old + (1 - gate) * new */
static eddy_value charlm_mix(eddy_value gate, eddy_value old, eddy_value new) {
    return eddy_add(new, eddy_mul(gate, eddy_sub(old, new)));
}

eddy_value charlm_cell(eddy_model *m, const charlm *model, eddy_axes t, eddy_value x,
                       eddy_value *state) {
    const int64_t H = model->hidden, V = model->text->vocabulary;
    eddy_value h = eddy_state(m, "h", t, H), s = eddy_state(m, "s", t, H);
    eddy_value Wzx = charlm_row(m, "Wz", 1, model, x); /* 1: at first, the state stays */
    eddy_value Wrx = charlm_row(m, "Wr", 0, model, x), Wnx = charlm_row(m, "Wn", 0, model, x);

    eddy_value z = eddy_sigmoid(eddy_add(Wzx, eddy_linear(m, "Uz", H, h)));
    eddy_value r = eddy_sigmoid(eddy_add(Wrx, eddy_linear(m, "Ur", H, s)));
    eddy_value n = eddy_tanh(eddy_add(Wnx, eddy_mul(r, eddy_linear(m, "Un", H, h))));
    eddy_value a = eddy_sigmoid(eddy_param(m, "alpha", eddy_init_uniform(-3, 3), H));
    eddy_value h_next = charlm_mix(z, h, n), s_next = charlm_mix(a, s, h_next);
    eddy_next(h, h_next);
    eddy_next(s, s_next);
    if (state)
        *state = h_next;
    return eddy_add(eddy_dense(m, "V", V, h_next), eddy_linear(m, "Vs", V, s_next));
}

eddy_value charlm_loss(eddy_model *m, const charlm *model, eddy_axes t, eddy_axes b,
                       eddy_value *state) {
    eddy_value input = eddy_input(m, "input", EDDY_I32, t | b, EDDY_SCALAR);
    eddy_value target = eddy_input(m, "target", EDDY_I32, t | b, EDDY_SCALAR);
    return eddy_cross_entropy(charlm_cell(m, model, t, input, state), target);
}

/* One step of training: one program. */
static void charlm_training(eddy_model *m, const void *model) {
    eddy_axes b = eddy_batch(m, "b"), t = eddy_time(m, "t");
    eddy_carry(m, t, 0); /* each block goes on where the last one stopped */
    eddy_value loss = eddy_mean_over(charlm_loss(m, model, t, b, NULL), t | b);
    eddy_optimiser adam = eddy_adam();
    adam.beta2 = 0.99;
    adam.clip_norm = 1;
    eddy_output(m, "loss", loss);
    eddy_output(m, "norm", eddy_minimise(loss, adam));
}

enum { STREAMS = 16, STEPS = 64 };

/* Returns characters per second. */
static double charlm_train(charlm *model, int64_t steps, double *compiled) {
    static int32_t inputs[STEPS * STREAMS], targets[STEPS * STREAMS];
    const eddy_extent extents[] = {{"t", STEPS}, {"b", STREAMS}, {NULL, 0}};
    session s = session_begin(charlm_training, model, model->params, extents);
    eddy_run_input(s.run, "input", inputs, STEPS * STREAMS);
    eddy_run_input(s.run, "target", targets, STEPS * STREAMS);
    *compiled += s.milliseconds;

    batches plan;
    if (!batches_for_training(&plan, model->text->train, model->text->train_length, CORPUS_END,
                              STREAMS, STEPS)) {
        fprintf(stderr, "the text has not a single block of %d symbols\n", STEPS * STREAMS);
        exit(EXIT_FAILURE);
    }
    progress shown;
    progress_begin(&shown, stdout, steps);
    double loss = 0, start = wall_clock_seconds();
    for (int64_t step = 0; step < steps; step++) {
        size_t block = (size_t)step % plan.blocks;
        if (block == 0)
            eddy_run_reset(s.run);
        batches_fill(&plan, block, inputs, targets, NULL);
        double warm = fmin(1, (double)(step + 1) / 50), done = (double)step / (double)steps;
        eddy_run_scalar(s.run, "learning_rate", 0.007 * warm * (1 - 0.98 * done));
        loss = *(const float *)session_call(&s, "loss");
        progress_show(&shown, &(progress_point){.step = step + 1,
                                                .characters = (step + 1) * STEPS * STREAMS,
                                                .loss = loss,
                                                .gradient_norm = eddy_run_number(s.run, "norm")});
    }
    progress_end(&shown);
    double seconds = wall_clock_seconds() - start;
    printf("trained: %lld steps in %.1f s, last loss %.9g\n\n", (long long)steps, seconds, loss);
    session_end(&s);
    return (double)(steps * STEPS * STREAMS) / seconds;
}

int main(int count, char **arguments) {
    bool small = count == 2 && strcmp(arguments[1], "--small") == 0;
    if (count > 1 && !small) {
        fprintf(stderr, "usage: charlm [--small]\n");
        return EXIT_FAILURE;
    }
    corpus text;
    char message[CORPUS_MESSAGE];
    if (!corpus_load(&text, NULL, message)) {
        fprintf(stderr, "%s\n", message);
        return EXIT_FAILURE;
    }
    printf("%zu characters to train on, %zu unseen, %d different ones\n\n", text.train_length,
           text.test_length, text.vocabulary);
    charlm model = {&text, small ? 128 : 256, eddy_params_new(NULL, 1)};
    double compiled = 0, speed = charlm_train(&model, small ? 1200 : 6000, &compiled);
    double bits = charlm_evaluate(&model, &compiled);
    charlm_sample(&model, &compiled);
    charlm_flow(&model, &compiled);

    ngram *table = ngram_train(text.train, text.train_length, text.vocabulary, 5);
    if (!table) {
        fprintf(stderr, "out of memory\n");
        return EXIT_FAILURE;
    }
    double known[6];
    for (int order = 3; order <= 5; order++)
        known[order] = ngram_bits(table, order, text.test, text.test_length);
    printf(
        "demo: %.4f bits/char on unseen text (3-gram %.4f, 4-gram %.4f, 5-gram %.4f), "
        "compiled in %.0f ms, %.0f chars/s\n",
        bits, known[3], known[4], known[5], compiled, speed);
    ngram_free(table);
    eddy_params_free(model.params);
    corpus_free(&text);
    return EXIT_SUCCESS;
}
