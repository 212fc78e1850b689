/* Weights in a file: what is found in it are the parameters that the object would have, and a file
 * that was changed, cut or made for another model is refused in words. */
#include "apart.h"

#include <string.h>

#include "lstm.h"
#include "numbers.h"

enum { TAMPERED = 200, MOST = 1 << 20 };

static _Alignas(APART_ALIGNMENT) char file[MOST];
static char kept[MOST];
static size_t count;

static const char *find(const void *from, size_t bytes) {
    const apart_parameters *parameters = NULL;
    const char *words = apart_weights_in(&parameters, from, bytes);
    need((words != NULL) == (parameters == NULL) ? NULL : "what is refused has been found");
    return words;
}

static void expect(const char *words, const char *expected) {
    if (words && strcmp(words, expected) == 0)
        return;
    fprintf(stderr, "\"%s\" and not \"%s\"\n", words ? words : "", expected);
    exit(1);
}

static void tamper(void) {
    for (uint32_t i = 0; i < TAMPERED; i++) {
        size_t place = i < 64 ? i : (size_t)((double)(number(i) + 1) / 2 * (double)(count - 1));
        file[place] = (char)(file[place] ^ (1 << i % 8));
        need(find(file, count) ? NULL : "a file that was changed is not refused");
        file[place] = kept[place];
    }
    for (size_t bytes = 0; bytes < count; bytes += 1 + bytes / 8)
        need(find(file, bytes) ? NULL : "a file that was cut is not refused");
}

int main(int words, char **word) {
    need(words == 2 ? NULL : "usage: apart FILE");
    FILE *from = fopen(word[1], "rb");
    need(from ? NULL : "there is no file");
    count = fread(file, 1, sizeof file, from);
    fclose(from);
    memcpy(kept, file, count);
    const apart_parameters *parameters = NULL;
    need(apart_weights_in(&parameters, file, count));
    need((const char *)parameters == file + 64 ? NULL : "they are somewhere else");
    need(memcmp(parameters, &lstm_weights, sizeof lstm_weights) == 0 ? NULL : "other weights");
    need(sizeof *parameters == sizeof lstm_weights ? NULL : "more weights");

    tamper();
    need(find(file, count));
    expect(find(NULL, count), "file is NULL");
    expect(find(file + 4, count - 4), "file is not aligned to 64 bytes");
    expect(apart_weights_in(NULL, file, count), "parameters is NULL");
    expect(find(file, 63), "this is no file of weights: it is too short");
    expect(find(file, count - 1), "the file of weights is cut, or has more than weights");
    expect(find(file, count + 1), "the file of weights is cut, or has more than weights");
    file[0] = 'E';
    expect(find(file, count), "this is no file of weights");
    file[0] = kept[0];
    file[count - 1] = (char)(file[count - 1] ^ 1);
    expect(find(file, count),
           "the weights are not those that were written: their checksum is another");
    file[count - 1] = kept[count - 1];

    /* The same members, so the same file serves another object of them; of other members none. */
    const lstm_parameters *same = NULL;
    need(lstm_weights_in(&same, file, count));
    file[16] = (char)(file[16] ^ 1);
    expect(find(file, count), "these are weights of another model");
    return 0;
}
