/* Charts as SVG text.
 *
 * A chart shows points of the log and no others: where there are more than fit, every k-th is
 * drawn. What is drawn is also in the picture as a number, so that it can be compared with the log.
 * Colours are classes, which the page defines for light and dark. */
#include <math.h>
#include <string.h>

#include "frontends/cli/html.h"

enum {
    CHART_WIDTH = 840,
    CHART_HEIGHT = 260,
    CHART_LEFT = 64,
    CHART_RIGHT = 16,
    CHART_TOP = 12,
    CHART_BOTTOM = 36,
    CHART_POINTS = 400, /* of a line, at most */
    HEAT_COLUMNS = 60,  /* at most */
    HEAT_ROW = 15,
    HEAT_LEFT = 132,
    HEAT_SHADES = 10
};

/* ---- axes */

typedef struct chart_axis {
    double low, high;
} chart_axis;

static void chart_stretch(chart_axis *a, double x) {
    a->low = fmin(a->low, x);
    a->high = fmax(a->high, x);
}

/* A step of 1, 2 or 5 times a power of ten that parts the axis into about five. */
static double chart_tick(chart_axis a) {
    double rough = (a.high - a.low) / 5, power = pow(10, floor(log10(rough)));
    double digits = rough / power;
    return power * (digits < 1.5 ? 1 : digits < 3.5 ? 2 : digits < 7.5 ? 5 : 10);
}

static double chart_x(chart_axis a, double x) {
    double share = a.high > a.low ? (x - a.low) / (a.high - a.low) : 0;
    return (double)CHART_LEFT + share * (double)(CHART_WIDTH - CHART_LEFT - CHART_RIGHT);
}

static double chart_y(chart_axis a, double y) {
    double share = a.high > a.low ? (y - a.low) / (a.high - a.low) : 0.5;
    return (double)(CHART_HEIGHT - CHART_BOTTOM) -
           share * (double)(CHART_HEIGHT - CHART_TOP - CHART_BOTTOM);
}

static void chart_grid(text *out, chart_axis x, chart_axis y) {
    double tick = chart_tick(y);
    for (double at = ceil(y.low / tick) * tick; at <= y.high && tick > 0; at += tick)
        text_add(out,
                 "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                 "<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                 CHART_LEFT, CHART_WIDTH - CHART_RIGHT, chart_y(y, at), chart_y(y, at),
                 CHART_LEFT - 8, chart_y(y, at) + 4, fabs(at) < tick / 1e6 ? 0 : at);
    tick = chart_tick(x);
    for (double at = ceil(x.low / tick) * tick; at <= x.high && tick > 0; at += tick)
        text_add(out, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
                 chart_x(x, at), CHART_HEIGHT - CHART_BOTTOM + 18, at);
    text_add(out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">step</text>\n",
             CHART_WIDTH - CHART_RIGHT, CHART_HEIGHT - 4);
}

/* ---- lines */

static size_t chart_stride(size_t count, size_t most) {
    return (count + most - 1) / most + (count == 0);
}

static bool chart_point(const html_line *line, size_t i, const json_t **x, const json_t **y) {
    const json_t *event = json_array_get(line->events, i);
    *x = json_object_get(event, "step");
    *y = json_object_get(event, line->field);
    return json_is_number(*x) && json_is_number(*y);
}

static void chart_line(text *out, const html_line *line, chart_axis x, chart_axis y) {
    size_t count = json_array_size(line->events), stride = chart_stride(count, CHART_POINTS);
    const json_t *at, *value;
    bool open = false;
    text_add(out, "<path class=\"line %s\" d=\"", line->style);
    for (size_t i = 0; i < count; i += stride) {
        if (!chart_point(line, i, &at, &value)) {
            open = false;
            continue;
        }
        text_add(out, "%c%.1f %.1f", open ? 'L' : 'M', chart_x(x, json_number_value(at)),
                 chart_y(y, json_number_value(value)));
        open = true;
    }
    text_add(out, "\" data-%s=\"", line->field);
    for (size_t i = 0; i < count; i += stride)
        if (chart_point(line, i, &at, &value)) {
            html_exact(out, value);
            text_add(out, " ");
        }
    text_add(out, "\"/>\n");
    if (count > HEAT_COLUMNS)
        return;
    for (size_t i = 0; i < count; i++) {
        if (!chart_point(line, i, &at, &value))
            continue;
        text_add(out, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"><title>step ",
                 line->style, chart_x(x, json_number_value(at)),
                 chart_y(y, json_number_value(value)));
        html_exact(out, at);
        text_add(out, ": ");
        html_exact(out, value);
        text_add(out, "</title></circle>\n");
    }
}

void html_chart(text *out, const char *title, const html_line *lines, int count) {
    chart_axis x = {INFINITY, -INFINITY}, y = {INFINITY, -INFINITY};
    const json_t *at, *value;
    for (int i = 0; i < count; i++)
        for (size_t k = 0; k < json_array_size(lines[i].events); k++)
            if (chart_point(&lines[i], k, &at, &value)) {
                chart_stretch(&x, json_number_value(at));
                chart_stretch(&y, json_number_value(value));
            }
    text_add(out, "<figure><figcaption>%s", title);
    for (int i = 0; i < count && count > 1; i++)
        text_add(out, " <span class=\"key %s\"></span>%s", lines[i].style, lines[i].name);
    text_add(out, "</figcaption>\n");
    if (!(x.high >= x.low)) {
        text_add(out, "<p class=\"note\">The log has no number for this picture.</p></figure>\n");
        return;
    }
    if (y.high == y.low) {
        y.low -= 1;
        y.high += 1;
    }
    if (x.high == x.low)
        x.high += 1;
    text_add(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", CHART_WIDTH,
             CHART_HEIGHT, title);
    chart_grid(out, x, y);
    for (int i = 0; i < count; i++)
        chart_line(out, &lines[i], x, y);
    text_add(out, "</svg></figure>\n");
}

/* ---- heat maps */

/* 0 to HEAT_SHADES - 1. */
static int heat_shade(const html_map *map, chart_axis range, double value) {
    double share = value;
    if (map->logarithmic)
        share = value > 0 ? (log10(value) - range.low) / (range.high - range.low) : 0;
    int shade = (int)(fmax(0, fmin(1, share)) * (double)HEAT_SHADES);
    return shade < HEAT_SHADES ? shade : HEAT_SHADES - 1;
}

/* Whole powers of ten around all values; at most ten of them, from the largest down. */
static chart_axis heat_range(const html_map *map) {
    chart_axis range = {INFINITY, -INFINITY};
    for (size_t i = 0; i < json_array_size(map->events); i++)
        for (int row = 0; row < map->rows; row++) {
            double value = json_number_value(map->value(json_array_get(map->events, i), row));
            if (value > 0)
                chart_stretch(&range, log10(value));
        }
    range.high = ceil(range.high);
    range.low = fmax(floor(range.low), range.high - (double)HEAT_SHADES);
    if (!(range.high > range.low))
        range = (chart_axis){-1, 0};
    return range;
}

static void heat_legend(text *out, const html_map *map, chart_axis range, int top) {
    for (int shade = 0; shade < HEAT_SHADES; shade++)
        text_add(out, "<rect class=\"q%d\" x=\"%d\" y=\"%d\" width=\"24\" height=\"10\"/>\n", shade,
                 HEAT_LEFT + shade * 24, top);
    const char *low = "0", *high = "1";
    if (map->logarithmic) {
        low = arena_print(out->memory, "1e%.0f or less", range.low);
        high = arena_print(out->memory, "1e%.0f", range.high);
    }
    text_add(out,
             "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>"
             "<text class=\"tick\" x=\"%d\" y=\"%d\">%s</text>\n",
             HEAT_LEFT - 6, top + 9, low, HEAT_LEFT + HEAT_SHADES * 24 + 6, top + 9, high);
}

static void heat_column(text *out, const html_map *map, chart_axis range, const json_t *event,
                        double left, double width) {
    for (int row = 0; row < map->rows; row++) {
        const json_t *value = map->value(event, row);
        if (!json_is_number(value))
            continue;
        text_add(out,
                 "<rect class=\"q%d\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\"><title>",
                 heat_shade(map, range, json_number_value(value)), left, row * HEAT_ROW,
                 width + 0.3, HEAT_ROW);
        html_words(out, map->label(out->memory, event, row));
        text_add(out, ", step ");
        html_exact(out, json_object_get(event, "step"));
        text_add(out, ": ");
        html_exact(out, value);
        text_add(out, "</title></rect>\n");
    }
}

void html_heat(text *out, const html_map *map) {
    size_t count = json_array_size(map->events), stride = chart_stride(count, HEAT_COLUMNS);
    size_t columns = (count + stride - 1) / stride;
    int height = map->rows * HEAT_ROW;
    text_add(out, "<figure><figcaption>%s</figcaption>\n", map->title);
    if (!columns || !map->rows) {
        text_add(out, "<p class=\"note\">The log has no number for this picture.</p></figure>\n");
        return;
    }
    chart_axis range = map->logarithmic ? heat_range(map) : (chart_axis){0, 1};
    double width = (double)(CHART_WIDTH - HEAT_LEFT - CHART_RIGHT) / (double)columns;
    text_add(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", CHART_WIDTH,
             height + 58, map->title);
    const json_t *first = json_array_get(map->events, 0);
    for (int row = 0; row < map->rows; row++) {
        text_add(out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">", HEAT_LEFT - 6,
                 row * HEAT_ROW + 12);
        html_words(out, map->label(out->memory, first, row));
        text_add(out, "</text>\n");
    }
    for (size_t i = 0; i < columns; i++)
        heat_column(out, map, range, json_array_get(map->events, i * stride),
                    (double)HEAT_LEFT + (double)i * width, width);
    size_t named = (columns + 7) / 8;
    for (size_t i = 0; i < columns; i += named) {
        const json_t *event = json_array_get(map->events, i * stride);
        text_add(out, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">",
                 (double)HEAT_LEFT + ((double)i + 0.5) * width, height + 16);
        html_exact(out, json_object_get(event, "step"));
        text_add(out, "</text>\n");
    }
    text_add(out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
             HEAT_LEFT - 6, height + 16, map->rows_title);
    heat_legend(out, map, range, height + 38);
    text_add(out, "</svg>\n<p class=\"note\">%s</p></figure>\n", map->note);
}
