/* `eddy convert`: weights from one format into another, and PyTorch's into the library's.
 *
 * A map is a text, a part a line: its kind, PyTorch's name, ours ("lstm encoder.*_l0 layer1"). What
 * a part means, and that nothing may be left over, is eddy_params_load_torch's. */
#include <stdio.h>
#include <string.h>

#include "frontends/cli/options.h"

enum { CONVERT_WORDS = 3 };

/* The words of a line without its comment; how many. */
static int convert_words(arena *memory, const char *line, size_t length,
                         const char *words[CONVERT_WORDS + 1]) {
    const char *comment = memchr(line, '#', length);
    const char *end = comment ? comment : line + length;
    int count = 0;
    while (count <= CONVERT_WORDS) {
        while (line < end && strchr(" \t\r", *line))
            line++;
        const char *from = line;
        while (line < end && !strchr(" \t\r", *line))
            line++;
        if (from == line)
            break;
        words[count++] = arena_print(memory, "%.*s", (int)(line - from), from);
    }
    return count;
}

static eddy_torch *convert_map(arena *memory, const char *path, int *count) {
    size_t bytes;
    const char *at = cli_read_file(memory, path, &bytes), *end = at + bytes;
    VEC(eddy_torch) parts = {0};
    if (memchr(at, 0, bytes))
        cli_fail(CLI_FAILED, "%s has a 0 byte: it is no map", path);
    for (int line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at)), *words[CONVERT_WORDS + 1];
        stop = stop ? stop : end;
        int found = convert_words(memory, at, (size_t)(stop - at), words);
        at = stop + (stop < end);
        if (found != 0 && found != CONVERT_WORDS)
            cli_fail(CLI_FAILED, "%s:%d: a part has three words, as 'lstm encoder.*_l0 layer1'",
                     path, line);
        if (found)
            vec_push(memory, &parts, (eddy_torch){words[0], words[1], words[2]});
    }
    *count = (int)parts.count;
    return parts.at;
}

int convert_run(arena *memory, const options *o) {
    const char *from = o->operands[0], *to = o->operands[1], *map = options_text(o, "torch");
    eddy_params *params = eddy_params_new(NULL, 0);
    if (map) {
        int count = 0;
        const eddy_torch *parts = convert_map(memory, map, &count);
        eddy_params_load_torch(params, from, parts, count);
    } else {
        eddy_params_load(params, from);
    }
    cli_check(eddy_params_status(params), eddy_params_message(params));
    cli_check(eddy_params_save(params, to), eddy_params_message(params));
    eddy_tensor tensor;
    size_t numbers = 0;
    int tensors = 0;
    for (; eddy_params_at(params, tensors, &tensor); tensors++)
        numbers += tensor.elements;
    printf("%s: %d tensors of %zu numbers\n", to, tensors, numbers);
    eddy_params_free(params);
    return CLI_DONE;
}
