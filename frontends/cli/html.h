/* Pieces of the page that `eddy report` writes. */
#ifndef EDDY_FRONTENDS_CLI_HTML_H
#define EDDY_FRONTENDS_CLI_HTML_H

#include <jansson.h>

#include "frontends/cli/cli.h"

/* ---- html.c */
/* Words with the signs of HTML escaped. */
void html_words(text *out, const char *words);
/* A number of the log as it is there, in an element that holds it and shows it shorter. */
void html_number(text *out, const json_t *number, const char *format);
/* As it is in the log, for an attribute. */
void html_exact(text *out, const json_t *number);
/* The lines of one event, in order; they belong to the log. */
json_t *html_events(const json_t *log, const char *event);

/* ---- html_chart.c */
/* Lines of a number over steps. Each point is one line of the log. */
typedef struct html_line {
    const char *name, *style; /* style: the class of the line */
    const json_t *events;
    const char *field;
} html_line;
void html_chart(text *out, const char *title, const html_line *lines, int count);
/* Cells in columns (events) and rows. value: of an event and row, NULL where there is none; label:
 * of a row. logarithmic: colours stand for powers of ten, else for 0 to 1. */
typedef struct html_map {
    const char *title, *rows_title, *note;
    const json_t *events;
    int rows;
    bool logarithmic;
    const json_t *(*value)(const json_t *event, int row);
    const char *(*label)(arena *memory, const json_t *event, int row);
} html_map;
void html_heat(text *out, const html_map *map);

#endif
