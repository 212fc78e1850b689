/* The picture as SVG text, which stands alone and inside a page.
 *
 * Colours are classes, for light and for dark, and follow the page's where it has some. Every edge
 * says in words what it joins, for those who point at it and for those who cannot see it. */
#include "frontends/cli/html.h"
#include "frontends/cli/picture.h"

#include <stdlib.h>
#include <string.h>

static const char svg_style[] =
    ".pic{--g:#fcfcfb;--i:#1f2328;--s:#656d76;--e:#8b949e;--l:#c8553d;--b:#2f6fb0}"
    "@media(prefers-color-scheme:dark){.pic{--g:#15181c;--i:#e4e7eb;--s:#98a1ab;--e:#6b7480;"
    "--l:#ec8a72;--b:#6ba6e0}}"
    ".pic .ground{fill:var(--g)}.pic rect{fill:var(--g);stroke:var(--s);stroke-width:1}"
    ".pic rect.input{stroke:var(--b);stroke-width:2}"
    ".pic rect.output{stroke:var(--i);stroke-width:2}.pic rect.once{stroke-dasharray:4 3}"
    ".pic text{fill:var(--i);font:600 14px ui-monospace,monospace;text-anchor:middle}"
    ".pic text.about{fill:var(--s);font-weight:400;font-size:10px}"
    ".pic text.delay{fill:var(--l);font-weight:400;font-size:11px;text-anchor:start}"
    ".pic path{fill:none;stroke:var(--e);stroke-width:1.3}"
    ".pic path.loop,.pic path.tap{stroke:var(--l);stroke-width:1.6}"
    ".pic path.tap{stroke-dasharray:5 3}"
    ".pic .end{fill:var(--e);stroke:none}.pic .loop-end{fill:var(--l);stroke:none}";

typedef struct svg {
    picture *p;
    const picture_layout *at;
    text *out;
    int *taken; /* by node: how many edges came in from above on the right */
} svg;

static const char *svg_delay(arena *memory, int delay) {
    return arena_print(memory, "t%s%d", delay > 0 ? "\xe2\x88\x92" : "+", abs(delay));
}

static void svg_title(svg *s, const picture_edge *e) {
    text_add(s->out, "<title>");
    html_words(s->out, s->p->nodes.at[e->from].name);
    text_add(s->out, " to ");
    html_words(s->out, s->p->nodes.at[e->to].name);
    if (e->delay)
        text_add(s->out, ", %s", svg_delay(s->out->memory, e->delay));
    text_add(s->out, "</title>");
}

static void svg_head(svg *s, double x, double y, bool loop) {
    text_add(s->out, "<path class=\"%s\" d=\"M%.1f %.1fl-4 -8h8z\"/>\n", loop ? "loop-end" : "end",
             x, y);
}

/* All distances of the taps between the two: "t-1, t-2". */
static const char *svg_distances(const svg *s, size_t i) {
    const picture_edge *first = &s->p->edges.at[i];
    text out;
    text_init(&out, s->out->memory);
    for (; i < s->p->edges.count && s->p->edges.at[i].to == first->to; i++)
        if (s->p->edges.at[i].from == first->from && s->p->edges.at[i].delay)
            text_add(&out, "%s%s", out.count ? ", " : "",
                     svg_delay(out.memory, s->p->edges.at[i].delay));
    return out.at;
}

/* Is there a tap between the two already, for which this one is a word more? */
static bool svg_is_more(const svg *s, size_t i) {
    const picture_edge *e = &s->p->edges.at[i];
    for (size_t k = i; e->delay && k > 0 && s->p->edges.at[k - 1].to == e->to; k--)
        if (s->p->edges.at[k - 1].from == e->from && s->p->edges.at[k - 1].delay)
            return true;
    return false;
}

/* Down, through the bends that were made for it. A tap keeps to the right of the edge beside it. */
static void svg_down(svg *s, size_t i) {
    const picture_edge *e = &s->p->edges.at[i];
    const picture_node *from = &s->p->nodes.at[e->from], *to = &s->p->nodes.at[e->to];
    const double aside = e->delay ? 12 : 0, end = to->y - (double)PICTURE_HEIGHT / 2;
    double x = from->x + aside, y = from->y + (double)PICTURE_HEIGHT / 2;
    text_add(s->out, "<path class=\"%s\" d=\"M%.1f %.1f", e->delay ? "tap" : "edge", x, y - 3);
    for (const picture_bend *b = s->at->bends[i]; b->y > 0; b++) {
        double top = b->y - (double)PICTURE_HEIGHT / 2, half = (y + top) / 2;
        text_add(s->out, "C%.1f %.1f %.1f %.1f %.1f %.1fV%.1f", x, half, b->x, half, b->x, top,
                 b->y + (double)PICTURE_HEIGHT / 2);
        x = b->x;
        y = b->y + (double)PICTURE_HEIGHT / 2;
    }
    text_add(s->out, "C%.1f %.1f %.1f %.1f %.1f %.1f\">", x, (y + end) / 2, to->x + aside,
             (y + end) / 2, to->x + aside, end - 6);
    svg_title(s, e);
    text_add(s->out, "</path>");
    svg_head(s, to->x + aside, end, e->delay != 0);
    if (e->delay)
        text_add(s->out, "<text class=\"delay\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                 to->x + aside + 6, end - 8, svg_distances(s, i));
}

/* Which of the lanes that come in above this layer it is. */
static int svg_order(const svg *s, size_t lane, int layer) {
    int order = 0;
    for (size_t k = 0; k < lane; k++) {
        bool comes = false;
        for (size_t i = 0; i < s->p->edges.count; i++) {
            const picture_edge *e = &s->p->edges.at[i];
            comes = comes ||
                    (picture_is_loop(s->p, e) && e->from == s->at->lanes.at[k].from &&
                     e->delay == s->at->lanes.at[k].delay && s->p->nodes.at[e->to].layer == layer);
        }
        order += comes;
    }
    return order;
}

/* To the right, up the lane, and in from above. */
static void svg_around(svg *s, const picture_edge *e, size_t lane) {
    const picture_node *from = &s->p->nodes.at[e->from], *to = &s->p->nodes.at[e->to];
    const double right = s->at->lanes.at[lane].x, start = from->x + from->width / 2;
    double share = 0.25 + 0.12 * (double)(s->taken[e->to]++ % 3);
    double x = to->x + to->width * share, end = to->y - (double)PICTURE_HEIGHT / 2;
    double y = s->at->above[to->layer] + (double)(svg_order(s, lane, to->layer) * PICTURE_LANE);
    text_add(s->out,
             "<path class=\"loop\" d=\"M%.1f %.1fH%.1fq8 0 8 -8V%.1fq0 -8 -8 -8H%.1fq-6 0 -6 "
             "6V%.1f\">",
             start, from->y, right - 8, y + 8, x + 6, end - 6);
    svg_title(s, e);
    text_add(s->out, "</path>");
    svg_head(s, x, end, true);
}

static void svg_lanes(svg *s) {
    for (size_t k = 0; k < s->at->lanes.count; k++) {
        const picture_lane *lane = &s->at->lanes.at[k];
        for (size_t i = 0; i < s->p->edges.count; i++) {
            const picture_edge *e = &s->p->edges.at[i];
            if (e->from == lane->from && e->delay == lane->delay && picture_is_loop(s->p, e))
                svg_around(s, e, k);
        }
        text_add(s->out, "<text class=\"delay\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", lane->x + 4,
                 s->p->nodes.at[lane->from].y - 10, svg_delay(s->out->memory, lane->delay));
    }
}

static void svg_box(svg *s, const picture_node *n) {
    text_add(s->out,
             "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" "
             "rx=\"%d\"/><text x=\"%.1f\" y=\"%.1f\">",
             n->kind, n->x - n->width / 2, n->y - (double)PICTURE_HEIGHT / 2, n->width,
             (int)PICTURE_HEIGHT, strcmp(n->kind, "input") == 0 ? PICTURE_HEIGHT / 2 : 5, n->x,
             n->y - 2);
    html_words(s->out, n->name);
    text_add(s->out, "</text><text class=\"about\" x=\"%.1f\" y=\"%.1f\">", n->x, n->y + 13);
    html_words(s->out, n->about);
    text_add(s->out, "</text>\n");
}

void picture_svg(picture *p, const char *title, text *out) {
    picture_layout at;
    picture_place(p, &at);
    svg s = {p, &at, out, arena_array(p->memory, int, p->nodes.count + 1)};
    text_add(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"pic\" viewBox=\"0 0 %.0f %.0f\" "
             "width=\"%.0f\" height=\"%.0f\" style=\"max-width:%.0fpx\" role=\"img\" aria-label=\"",
             at.width, at.height, at.width, at.height, at.width);
    html_words(out, title);
    text_add(out,
             "\">\n<style>%s</style>\n<rect class=\"ground\" width=\"100%%\" height=\"100%%\" "
             "stroke=\"none\"/>\n",
             svg_style);
    for (size_t i = 0; i < p->edges.count; i++)
        if (!picture_is_loop(p, &p->edges.at[i]) && !svg_is_more(&s, i))
            svg_down(&s, i);
    svg_lanes(&s);
    for (size_t i = 0; i < p->nodes.count; i++)
        svg_box(&s, &p->nodes.at[i]);
    text_add(out, "</svg>\n");
}
