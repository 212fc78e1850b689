/* What somebody may have meant: the nearest word by the number of slips (a letter added, left out,
 * changed, or two swapped). A word is near when a third of it, or less, is slips. */
#include <string.h>

#include "frontends/cli/cli.h"

enum { SUGGEST_LONGEST = 40 };

static int suggest_least(int a, int b) {
    return a < b ? a : b;
}

static int suggest_slips(const char *a, const char *b) {
    int rows = (int)strlen(a), columns = (int)strlen(b);
    int table[SUGGEST_LONGEST + 1][SUGGEST_LONGEST + 1];
    for (int i = 0; i <= rows; i++)
        for (int j = 0; j <= columns; j++) {
            if (i == 0 || j == 0) {
                table[i][j] = i + j;
                continue;
            }
            int changed = table[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            int best = suggest_least(changed, suggest_least(table[i - 1][j], table[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = suggest_least(best, table[i - 2][j - 2] + 1);
            table[i][j] = best;
        }
    return table[rows][columns];
}

const char *suggest_nearest(const char *word, const char *const *among, int count) {
    const char *nearest = NULL;
    int fewest = SUGGEST_LONGEST, length = (int)strlen(word);
    if (length > SUGGEST_LONGEST)
        return NULL;
    for (int i = 0; i < count; i++) {
        int other = (int)strlen(among[i]);
        if (other > SUGGEST_LONGEST)
            continue;
        int slips = suggest_slips(word, among[i]);
        int longer = other > length ? other : length;
        if (slips < fewest && 3 * slips <= longer + 1) {
            fewest = slips;
            nearest = among[i];
        }
    }
    return nearest;
}
