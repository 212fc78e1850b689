/* The five kinds of sequence model, each in a file of its own, on word lists.
 *
 *   five [NAME]...     all of them, or the named ones
 *
 * A model's line has its loss on unseen words, the prior's, and its own after training on shuffled
 * targets; then it shows what it can do. The exit status is that of a check: for every model, the
 * first number is below the second, and the third is not. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "five/five.h"

static const task *const five_tasks[] = {&one_to_one, &one_to_many, &many_to_one, &many_to_many,
                                         &encoder_decoder};
enum { FIVE_TASKS = sizeof five_tasks / sizeof five_tasks[0] };

void five_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("five: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

static const task *five_find(const char *name) {
    for (int i = 0; i < FIVE_TASKS; i++)
        if (strcmp(five_tasks[i]->name, name) == 0)
            return five_tasks[i];
    five_fail("there is no model %s; there are %s, %s, %s, %s, %s", name, five_tasks[0]->name,
              five_tasks[1]->name, five_tasks[2]->name, five_tasks[3]->name, five_tasks[4]->name);
}

int main(int count, char **names) {
    bool held = true;
    for (int i = 1; i < count; i++)
        five_find(names[i]);
    for (int i = 0; i < (count > 1 ? count - 1 : FIVE_TASKS); i++) {
        const task *of = count > 1 ? five_find(names[i + 1]) : five_tasks[i];
        if (!train_run(of)) {
            fprintf(stderr,
                    "five: %s: the loss should be below the baseline, after shuffling not\n",
                    of->name);
            held = false;
        }
    }
    return held ? EXIT_SUCCESS : EXIT_FAILURE;
}
