/* Recurrent cells, written in several ways through the public interface, and models of them. */
#ifndef EDDY_TESTS_SUPPORT_WRITING_H
#define EDDY_TESTS_SUPPORT_WRITING_H

#include "frontends/capi.h"

typedef struct writing {
    eddy_model *m;
    eddy_axes t, b;
    eddy_value x; /* {t,b} [3] */
} writing;

/* What comes out of a cell, {t,b} [2]. */
typedef eddy_value writing_cell(const writing *w);
/* LSTM: a matrix for x and one for h in every gate; the same with its gates written in another
 * order; one matrix for [x, h] in every gate; the library's; one whose gates see c as well, through
 * a matrix. GRU: the library's, which resets the product or the state. And one with two states
 * whose read-outs add. */
writing_cell writing_lstm_gates, writing_lstm_other_order, writing_lstm_joined,
    writing_lstm_library, writing_lstm_states, writing_gru_after, writing_gru_before,
    writing_two_speeds;

/* What a model has beside its loss: its gradients by all weights and by x, lengths, updates of its
 * weights. */
enum { WRITING_GRADIENTS = 1, WRITING_LENGTHS = 2, WRITING_TRAINING = 4 };
/* A model in f64. Its results stand in the same order however the cell is written: that of the
 * names of its weights. */
eddy_model *writing_model(writing_cell *write, int with);

#endif
