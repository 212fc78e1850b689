/* The text handling and the n-gram baselines of the examples.
 *
 * The demo's claim is a difference of two figures on unseen text, so what is checked here is what
 * could make it false: an n-gram model that is worse than its formula (figures worked out by hand),
 * test text that was seen (windows compared one by one), and streams with a gap (every symbol
 * followed through the blocks). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/batches.h"
#include "common/corpus.h"
#include "common/ngram.h"
#include "common/overlap.h"
#include "common/progress.h"
#include "common/wall_clock.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- n-grams */

/* Probability that the model gives to a whole text. */
static double whole(const ngram *model, int32_t order, const int32_t *symbols, size_t length) {
    return exp2(-ngram_bits(model, order, symbols, length) * (double)length);
}

#define CHECK_WHOLE(model, order, expected, ...)                                                   \
    do {                                                                                           \
        const int32_t text_[] = {__VA_ARGS__};                                                     \
        double got_ = whole(model, order, text_, COUNT(text_));                                    \
        cr_assert(fabs(got_ - (expected)) < 1e-12, "order %d: %.15f, by hand %.15f", (int)(order), \
                  got_, (double)(expected));                                                       \
    } while (0)

Test(example_text, ngram_by_hand) {
    /* "abaa" over {a, b}. Nothing before: n = 4, t = 2, so p(a) = (3 + 2/2) / 6 = 2/3.
     * After a (twice followed): p(b|a) = (1 + 2 * 1/3) / 4 = 5/12, p(a|a) = 7/12.
     * After b (once): p(a|b) = (1 + 2/3) / 2 = 5/6, p(b|b) = (0 + 1/3) / 2 = 1/6.
     * After ab: p(a|ab) = (1 + 5/6) / 2 = 11/12. "aa" only ends the text: as after a alone. */
    const int32_t text[] = {0, 1, 0, 0};
    ngram *model = ngram_train(text, COUNT(text), 2, 3);
    cr_assert_not_null(model);
    CHECK_WHOLE(model, 1, 1.0 / 3, 1);
    CHECK_WHOLE(model, 1, 2.0 / 3 * 1 / 3, 0, 1);
    CHECK_WHOLE(model, 2, 2.0 / 3 * 5 / 12 * 1 / 6 * 5 / 6, 0, 1, 1, 0);
    CHECK_WHOLE(model, 3, 2.0 / 3 * 7 / 12 * 5 / 12, 0, 0, 1);
    CHECK_WHOLE(model, 3, 2.0 / 3 * 5 / 12 * 11 / 12, 0, 1, 0);
    ngram_free(model);
}

Test(example_text, ngram_symbol_never_seen) {
    /* The same text over three symbols: p(c) = (0 + 2/3) / 6 = 1/9, p(a) = (3 + 2/3) / 6 = 11/18.
     * After c, which the text does not have, order 3 can only fall back to p(a). After b,
     * p(c|b) = (0 + 1/9) / 2; then "bc" and "c" are both unknown. */
    const int32_t text[] = {0, 1, 0, 0};
    ngram *model = ngram_train(text, COUNT(text), 3, 3);
    CHECK_WHOLE(model, 3, 1.0 / 9 * 11 / 18, 2, 0);
    double p_b = (1 + 2.0 / 3) / 6;
    CHECK_WHOLE(model, 3, p_b * (1.0 / 18) * (11.0 / 18), 1, 2, 0);
    ngram_free(model);
}

Test(example_text, ngram_of_nothing_is_uniform) {
    ngram *model = ngram_train(NULL, 0, 8, 5);
    const int32_t text[] = {3, 1, 4};
    cr_assert_eq(ngram_bits(model, 5, text, COUNT(text)), 3.0);
    cr_assert_eq(ngram_bits(model, 5, text, 0), 0.0);
    ngram_free(model);
}

Test(example_text, ngram_probabilities_add_up_to_one) {
    enum { LENGTH = 3000, VOCABULARY = 6 };
    int32_t text[LENGTH];
    uint32_t state = 12345;
    for (int i = 0; i < LENGTH; i++) {
        state = state * 1664525u + 1013904223u;
        text[i] = (int32_t)((state >> 24) * (state >> 24) % VOCABULARY);
    }
    ngram *model = ngram_train(text, LENGTH, VOCABULARY, 5);
    for (int32_t order = 1; order <= 5; order++) {
        for (size_t start = 0; start < 50; start++) {
            int32_t window[5];
            memcpy(window, text + start * 7, 4 * sizeof *window);
            if (start % 3 == 0)
                window[start % 4] = VOCABULARY - 1; /* also rare histories */
            double sum = 0, before = whole(model, order, window, 4);
            for (window[4] = 0; window[4] < VOCABULARY; window[4]++) {
                sum += whole(model, order, window, 5) / before;
            }
            cr_assert(fabs(sum - 1) < 1e-9, "order %d: %.12f", (int)order, sum);
        }
    }
    ngram_free(model);
}

/* ---- overlap */

static overlap_span span(const char *text) {
    return (overlap_span){(const unsigned char *)text, strlen(text)};
}

Test(example_text, overlap_at_the_exact_length) {
    const overlap_span train[] = {span("0123456789 abcdefghij klmnop"), span("short")};
    const overlap_span held[] = {
        span("xx 56789 abcd yy"), /* 10 in common: "56789 abcd" with the blanks around differing */
        span("xx56789 abcxyyy"),  /* 9 in common */
        span("56789 abcd"),       /* the same ten once more */
        span("short"),            /* equal to a whole training text */
        span("shor"),             /* part of one, but shorter than a run */
        span("----------------------------"),
    };
    bool shares[] = {false, true, false, false, true, true};
    const bool expected[] = {true, false, true, true, false, false};
    cr_assert(overlap_find(held, COUNT(held), train, COUNT(train), 10, shares));
    for (size_t i = 0; i < COUNT(held); i++)
        cr_assert_eq(shares[i], expected[i], "text %zu", i);
}

Test(example_text, overlap_agrees_with_comparing_everything) {
    enum { TEXTS = 60, LENGTH = 40, RUN = 8 };
    char letters[TEXTS][LENGTH];
    overlap_span texts[TEXTS];
    uint32_t state = 99;
    for (int i = 0; i < TEXTS; i++) {
        for (int j = 0; j < LENGTH; j++) {
            state = state * 1664525u + 1013904223u;
            letters[i][j] = (char)('a' + (state >> 28) % 3);
        }
        texts[i] = (overlap_span){(const unsigned char *)letters[i], (size_t)(i % LENGTH + 1)};
    }
    bool shares[TEXTS / 2];
    int found = 0;
    cr_assert(overlap_find(texts, TEXTS / 2, texts + TEXTS / 2, TEXTS / 2, RUN, shares));
    for (size_t i = 0; i < TEXTS / 2; i++) {
        bool expected = false;
        for (size_t j = TEXTS / 2; j < TEXTS; j++) {
            overlap_span a = texts[i], b = texts[j];
            expected |=
                a.length < RUN && a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
            for (size_t x = 0; x + RUN <= a.length; x++) {
                for (size_t y = 0; y + RUN <= b.length; y++) {
                    expected |= memcmp(a.bytes + x, b.bytes + y, RUN) == 0;
                }
            }
        }
        cr_assert_eq(shares[i], expected, "text %zu", i);
        found += expected;
    }
    cr_assert(found > 0 && found < TEXTS / 2, "a test of both answers: %d", found);
}

/* ---- corpus */

static corpus corpus_of(const char *bytes, corpus_options options) {
    corpus text;
    char message[CORPUS_MESSAGE];
    cr_assert(corpus_from_bytes(&text, bytes, strlen(bytes), &options, message), "%s", message);
    return text;
}

static char *printed(const corpus *text, const int32_t *symbols, size_t count) {
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);
    corpus_print(stream, text, symbols, count);
    fclose(stream);
    return out;
}

Test(example_text, corpus_entries_and_symbols) {
    /* Four entries; "% " and "%%" are text, empty entries and newlines around entries are not. One
     * entry is held out: the first seed that takes "zzz" leaves the others for training. */
    const char *bytes = "\naa\n% \nb\n%\n%\n\n%\nzzz\n%\n%%\n%\nab\x01";
    corpus text = {0};
    for (uint64_t seed = 0; seed < 100 && text.unknown_test != 3; seed++) {
        corpus_free(&text);
        text = corpus_of(bytes, (corpus_options){seed, 4, 2, 30});
    }
    cr_assert_eq(text.entries, 4);
    cr_assert_eq(text.train_entries, 3);
    cr_assert_eq(text.test_entries, 1);
    cr_assert_eq(text.unknown_test, 3, "z is not in the training text");
    cr_assert_eq(text.test_length, 4);
    /* a 3, b 2, % 3, newline 2; the space and \x01 are found once */
    cr_assert_eq(text.vocabulary, 2 + 4);
    cr_assert_eq(text.unknown_train, 2);
    cr_assert_eq(text.symbol_of[' '], CORPUS_UNKNOWN);
    cr_assert_eq(text.symbol_of['z'], CORPUS_UNKNOWN);
    for (int32_t symbol = 2; symbol < text.vocabulary; symbol++) {
        cr_assert_eq(text.symbol_of[text.byte_of[symbol]], symbol);
    }
    cr_assert_eq(text.train_length, 7 + 2 + 3 + 3);
    char *out = printed(&text, text.train, text.train_length);
    cr_assert_not_null(strstr(out, "aa\n%\xef\xbf\xbd\nb\n%\n"), "%s", out);
    cr_assert_not_null(strstr(out, "%%\n%\n"), "%s", out);
    cr_assert_not_null(strstr(out, "ab\xef\xbf\xbd\n%\n"), "%s", out);
    free(out);
    corpus_free(&text);
    cr_assert_null(text.train);
}

/* `count` numbered entries, every fifth a copy of the entry before it. */
static char *numbered_entries(int count) {
    char *bytes = calloc((size_t)count, 64), *at = bytes;
    for (int i = 0; i < count; i++) {
        int n = i % 5 == 4 ? i - 1 : i;
        at += sprintf(at, "%08d is not %08d, nor is it %08d\n%%\n", n * 7919, n * 104729, n);
    }
    return bytes;
}

Test(example_text, corpus_split_keeps_parts_apart) {
    enum { ENTRIES = 400, HELD = 80 };
    char *bytes = numbered_entries(ENTRIES);
    corpus text = corpus_of(bytes, (corpus_options){1, ENTRIES / HELD, 1, 30});
    cr_assert_eq(text.entries, ENTRIES);
    cr_assert_eq(text.train_entries, ENTRIES - HELD);
    cr_assert_eq(text.test_entries + text.dropped, HELD);
    cr_assert(text.dropped > 0 && text.test_entries > 0);
    char *train = printed(&text, text.train, text.train_length);
    char *test = printed(&text, text.test, text.test_length);
    /* No entry is lost: the parts hold as many ends as they have entries. */
    size_t ends = 0;
    for (size_t i = 0; i < text.train_length; i++)
        ends += text.train[i] == CORPUS_END;
    cr_assert_eq(ends, text.train_entries);
    for (char *entry = test, *end; *entry != '\0'; entry = end + 3) {
        end = strstr(entry, "\n%\n");
        for (char *at = entry; at + 30 <= end; at++) {
            char window[31] = {0};
            memcpy(window, at, 30);
            cr_assert_null(strstr(train, window), "both parts have: %s", window);
        }
    }
    free(train);
    free(test);
    corpus_free(&text);
    free(bytes);
}

Test(example_text, corpus_order_depends_on_the_seed_alone) {
    char *bytes = numbered_entries(100);
    corpus one = corpus_of(bytes, (corpus_options){1, 10, 1, 30});
    corpus again = corpus_of(bytes, (corpus_options){1, 10, 1, 30});
    corpus two = corpus_of(bytes, (corpus_options){2, 10, 1, 30});
    size_t size = one.train_length * sizeof *one.train;
    cr_assert_eq(one.train_length, again.train_length);
    cr_assert_eq(memcmp(one.train, again.train, size), 0);
    cr_assert_eq(one.train_length, two.train_length, "all entries have the same length here");
    cr_assert_neq(memcmp(one.train, two.train, size), 0);
    corpus_free(&one);
    corpus_free(&again);
    corpus_free(&two);
    free(bytes);
}

Test(example_text, corpus_too_small) {
    corpus text;
    char message[CORPUS_MESSAGE];
    cr_assert_not(corpus_from_bytes(&text, "a\n%\nb\n", 6, &corpus_defaults, message));
    cr_assert_str_eq(message,
                     "too little text: 2 entries between lines of a single '%', and one "
                     "in 20 is needed for testing");
    cr_assert_null(text.train);
}

static void write_file(const char *directory, const char *name, const char *bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    fputs(bytes, file);
    fclose(file);
}

static void remove_file(const char *directory, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    unlink(path);
}

Test(example_text, corpus_load_from_a_directory) {
    char directory[] = "/tmp/example_text_XXXXXX", message[CORPUS_MESSAGE], expected[512];
    char other[128], link[128];
    cr_assert_not_null(mkdtemp(directory));
    size_t files = 0, bytes = 0;
    for (; corpus_files[files] != NULL; files++) {
        write_file(directory, corpus_files[files], "one\n%\ntwo"); /* no newline at its end */
        bytes += strlen("one\n%\ntwo");
    }
    corpus text;
    cr_assert(corpus_load(&text, directory, message), "%s", message);
    cr_assert_eq(text.files, files);
    cr_assert_eq(text.bytes, bytes);
    cr_assert_eq(text.entries, 2 * files, "files share no entry");
    corpus_free(&text);

    remove_file(directory, corpus_files[1]);
    cr_assert_not(corpus_load(&text, directory, message));
    snprintf(expected, sizeof expected,
             "no text to train on: %s/%s does not exist.\n"
             "Install it with: sudo apt-get install fortunes fortunes-min\n"
             "or name the directory that holds the files of these two packages.",
             directory, corpus_files[1]);
    cr_assert_str_eq(message, expected);

    snprintf(other, sizeof other, "%s/%s", directory, corpus_files[0]);
    snprintf(link, sizeof link, "%s/%s", directory, corpus_files[1]);
    cr_assert_eq(symlink(other, link), 0);
    cr_assert_not(corpus_load(&text, directory, message));
    snprintf(expected, sizeof expected, "cannot read %s: it is not a regular file", link);
    cr_assert_str_eq(message, expected);

    for (size_t i = 0; i < files; i++)
        remove_file(directory, corpus_files[i]);
    cr_assert_eq(rmdir(directory), 0);
}

/* ---- batches */

Test(example_text, batches_training_streams_go_on) {
    enum { LENGTH = 107, STREAMS = 4, STEPS = 5 };
    int32_t text[LENGTH], inputs[STEPS * STREAMS], targets[STEPS * STREAMS], lengths[STREAMS];
    for (int32_t i = 0; i < LENGTH; i++)
        text[i] = 100 + i; /* a symbol tells its place */
    batches plan;
    cr_assert(batches_for_training(&plan, text, LENGTH, 7, STREAMS, STEPS));
    cr_assert_eq(plan.blocks, 5); /* 107 / 4 = 26 symbols a stream, 5 whole blocks */
    for (size_t block = 0; block < 2 * plan.blocks; block++) {
        cr_assert_eq(batches_fill(&plan, block, inputs, targets, lengths), STEPS * STREAMS);
        for (int32_t stream = 0; stream < STREAMS; stream++) {
            cr_assert_eq(lengths[stream], STEPS);
            for (int32_t step = 0; step < STEPS; step++) {
                int32_t place = 26 * stream + STEPS * (int32_t)(block % plan.blocks) + step;
                cr_assert_eq(targets[step * STREAMS + stream], 100 + place);
                cr_assert_eq(inputs[step * STREAMS + stream], place == 0 ? 7 : 100 + place - 1);
            }
        }
    }
    cr_assert_not(batches_for_training(&plan, text, 19, 7, STREAMS, STEPS), "no whole block");
    cr_assert(batches_for_training(&plan, text, 20, 7, STREAMS, STEPS));
    cr_assert_not(batches_for_training(&plan, text, LENGTH, 7, 0, STEPS));
    cr_assert_not(batches_for_training(&plan, text, LENGTH, 7, STREAMS, 0));
}

Test(example_text, batches_evaluation_scores_everything_once) {
    enum { MOST = 64, STREAMS = 5, STEPS = 4 };
    int32_t text[MOST], inputs[STEPS * STREAMS], targets[STEPS * STREAMS], lengths[STREAMS];
    for (int32_t i = 0; i < MOST; i++)
        text[i] = 100 + i;
    for (size_t length = 0; length <= MOST; length++) {
        int seen[MOST] = {0};
        size_t real = 0;
        batches plan;
        cr_assert(batches_for_evaluation(&plan, text, length, 7, STREAMS, STEPS));
        for (size_t block = 0; block < plan.blocks; block++) {
            size_t got = batches_fill(&plan, block, inputs, targets, lengths);
            cr_assert(got > 0, "no block is without work");
            real += got;
            for (size_t i = 0; i < STEPS * STREAMS; i++) {
                bool inside = (int32_t)(i / STREAMS) < lengths[i % STREAMS];
                cr_assert_eq(targets[i] != 0, inside);
                cr_assert_eq(inputs[i] != 0, inside);
                if (!inside)
                    continue;
                int32_t place = targets[i] - 100;
                seen[place]++;
                cr_assert_eq(inputs[i], place == 0 ? 7 : text[place - 1]);
            }
        }
        cr_assert_eq(real, length);
        for (size_t i = 0; i < MOST; i++)
            cr_assert_eq(seen[i], i < length);
    }
}

/* ---- progress */

Test(example_text, progress_line_by_hand) {
    char line[PROGRESS_LINE];
    progress_point point = {
        .step = 250, .characters = 400000, .loss = log(4), .gradient_norm = 0.5};
    progress_line(line, &point, 1000, 20, false);
    cr_assert_str_eq(line,
                     "step 250/1000  loss 1.39  2.000 bits/char  grad 0.5  20k char/s  "
                     "1:00 left");
    progress_line(line, &point, 1000, 2000, true);
    cr_assert_str_eq(line,
                     "step 250/1000  loss 1.39  \x1b[1m2.000 bits/char\x1b[0m  grad 0.5  "
                     "200 char/s  1:40:00 left");
    progress_point wide = {.step = 12000, .characters = 90000000, .loss = 1, .gradient_norm = 0.25};
    progress_line(line, &wide, 20000, 750, false);
    cr_assert_leq(strlen(line), 79, "%s", line);
    point.step = 0;
    progress_line(line, &point, 1000, 0, false);
    cr_assert_not_null(strstr(line, "0 char/s  --:-- left"), "%s", line);
}

/* What a run of `steps` steps writes to a stream that is no terminal, or is taken for one. */
static char *run_of(int64_t steps, bool terminal) {
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);
    progress run;
    progress_begin(&run, stream, steps);
    cr_assert_not(run.terminal);
    cr_assert_not(run.colour);
    run.terminal = terminal;
    for (int64_t step = 1; step <= steps; step++) {
        progress_point point = {step, step, 1.0, 1.0};
        progress_show(&run, &point);
    }
    progress_end(&run);
    progress_end(&run); /* nothing left to end */
    fclose(stream);
    return out;
}

static size_t occurrences(const char *text, char what) {
    size_t found = 0;
    for (; *text != '\0'; text++)
        found += *text == what;
    return found;
}

Test(example_text, progress_plain_and_rewritten) {
    char *plain = run_of(1003, false), *few = run_of(3, false), *rewritten = run_of(1003, true);
    cr_assert_eq(occurrences(plain, '\n'), 20);
    cr_assert_eq(occurrences(plain, '\r') + occurrences(plain, '\x1b'), 0);
    cr_assert_not_null(strstr(plain, "step 1003/1003"));
    cr_assert_eq(occurrences(few, '\n'), 3);
    cr_assert_eq(occurrences(rewritten, '\n'), 1);
    cr_assert(occurrences(rewritten, '\r') >= 2, "the first and the last step are shown");
    cr_assert_not_null(strstr(rewritten, "step 1003/1003"));
    free(plain);
    free(few);
    free(rewritten);
}

Test(example_text, progress_bars_are_logarithmic) {
    const char *const labels[] = {"1", "10", "100", "1000", "2000"};
    const double values[] = {10, 1, 0.1, 0, NAN};
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);
    progress_bars(stream, "norms", labels, values, COUNT(values), 6);
    fclose(stream);
    cr_assert_str_eq(out,
                     "norms\n"
                     "     1  1.00e+01 ██████\n"
                     "    10  1.00e+00 ████\n"
                     "   100  1.00e-01 ██\n"
                     "  1000  0.00e+00 \n"
                     "  2000       nan \n"
                     "       logarithmic scale, 1e-2 to 1.00e+01\n");
    free(out);
}

Test(example_text, wall_clock_goes_forward) {
    double before = wall_clock_seconds();
    struct timespec pause = {0, 2000000};
    nanosleep(&pause, NULL);
    double passed = wall_clock_seconds() - before;
    cr_assert(passed >= 0.002 && passed < 60, "%f", passed);
}
