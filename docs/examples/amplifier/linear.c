/* Least squares: of rows [in(t), in(t-1), ... 1] the sums of products A, and b with out(t). The
 * smallest error is y.y - a.b where A a = b, solved by a Cholesky decomposition. A little on the
 * diagonal keeps A positive where the sound leaves a frequency out. */
#include "amplifier/linear.h"

#include <math.h>

enum { SIZE = LINEAR_TAPS + 1 };

/* A a = b; b becomes a. A: its lower half, which becomes its root. */
static void linear_solve(double A[SIZE][SIZE], double *b, int size) {
    for (int i = 0; i < size; i++)
        for (int k = 0; k <= i; k++) {
            double sum = A[i][k];
            for (int j = 0; j < k; j++)
                sum -= A[i][j] * A[k][j];
            A[i][k] = i == k ? sqrt(sum) : sum / A[k][k];
        }
    for (int i = 0; i < size; i++) {
        for (int j = 0; j < i; j++)
            b[i] -= A[i][j] * b[j];
        b[i] /= A[i][i];
    }
    for (int i = size - 1; i >= 0; i--) {
        for (int j = i + 1; j < size; j++)
            b[i] -= A[j][i] * b[j];
        b[i] /= A[i][i];
    }
}

double linear_error(const float *in, const float *out, size_t count, int taps) {
    static double A[SIZE][SIZE];
    double b[SIZE] = {0}, found[SIZE], row[SIZE] = {0}, squares = 0, explained = 0;
    const int size = taps + 1;
    for (int i = 0; i < size; i++)
        for (int k = 0; k < size; k++)
            A[i][k] = 0;
    row[taps] = 1;
    for (size_t t = 0; t < count; t++) {
        for (int i = taps - 1; i > 0; i--)
            row[i] = row[i - 1];
        row[0] = (double)in[t];
        for (int i = 0; i < size; i++) {
            for (int k = 0; k <= i; k++)
                A[i][k] += row[i] * row[k];
            b[i] += row[i] * (double)out[t];
        }
        squares += (double)out[t] * (double)out[t];
    }
    for (int i = 0; i < size; i++) {
        A[i][i] += 1e-9 * A[0][0];
        found[i] = b[i];
    }
    linear_solve(A, found, size);
    for (int i = 0; i < size; i++)
        explained += found[i] * b[i];
    return 1 - explained / squares;
}
