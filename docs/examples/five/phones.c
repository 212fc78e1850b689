/* The CMU pronouncing dictionary as Debian's festlex-cmu has it: one word a line,
 *
 *   ("abandon" nil (((ax) 0) ((b ae n) 1) ((d ax n) 0)))
 *
 * a word, its part of speech, and syllables of sounds with their stress. Stress and the borders of
 * syllables are left out, and of several pronunciations of a word all but one. */
#include <stdio.h>
#include <string.h>

#include "five/five.h"

static const char phones_path[] = "/usr/share/festival/dicts/cmu/cmudict-0.4.out";

const char *const phone_names[PHONES] = {
    "",   "aa", "ae", "ah", "ao", "aw", "ax", "ay", "b", "ch", "d", "dh", "eh", "er",
    "ey", "f",  "g",  "hh", "ih", "iy", "jh", "k",  "l", "m",  "n", "ng", "ow", "oy",
    "p",  "r",  "s",  "sh", "t",  "th", "uh", "uw", "v", "w",  "y", "z",  "zh"};

/* END when there is no such sound. */
static uint8_t phones_find(const char *name) {
    for (int i = END + 1; i < PHONES; i++)
        if (strcmp(name, phone_names[i]) == 0)
            return (uint8_t)i;
    return END;
}

/* Appends the sounds in the rest of a line, and END. False: unknown or too many ones. */
static bool phones_parse(sample *word, char *rest) {
    for (char *name = strtok(rest, " ()01\n"); name; name = strtok(NULL, " ()01\n")) {
        uint8_t phone = phones_find(name);
        if (phone == END || word->y_length == LONGEST)
            return false;
        word->y[word->y_length++] = phone;
    }
    word->y[word->y_length++] = END;
    return word->y_length > 1;
}

void phones_read(samples *to, size_t limit) {
    size_t first = to->count;
    FILE *file = words_open(phones_path, "festlex-cmu");
    char line[512];
    while (fgets(line, sizeof line, file)) {
        char *quote = line[0] == '(' ? strchr(line + 2, '"') : NULL;
        if (!quote)
            continue;
        *quote = 0;
        char *syllables = strchr(quote + 1, '(');
        if (syllables && words_add(to, line + 2) &&
            !phones_parse(&to->at[to->count - 1], syllables))
            to->count--;
    }
    fclose(file);
    words_choose(to, first, limit, phones_path);
}
