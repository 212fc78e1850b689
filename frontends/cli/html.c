/* Words and numbers of a page. A number stands there as it is in the log, and shorter to the eye.
 */
#include "frontends/cli/html.h"

#include <stdlib.h>
#include <string.h>

void html_words(text *out, const char *words) {
    for (const char *c = words; *c; c++)
        if (*c == '<')
            text_add(out, "&lt;");
        else if (*c == '>')
            text_add(out, "&gt;");
        else if (*c == '&')
            text_add(out, "&amp;");
        else if (*c == '"')
            text_add(out, "&quot;");
        else
            text_add_bytes(out, c, 1);
}

void html_exact(text *out, const json_t *number) {
    char *exact = json_dumps(number, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    text_add(out, "%s", exact ? exact : "");
    free(exact);
}

void html_number(text *out, const json_t *number, const char *format) {
    if (!json_is_number(number)) {
        text_add(out, "unknown");
        return;
    }
    text_add(out, "<data value=\"");
    html_exact(out, number);
    text_add(out, "\">");
    if (json_is_integer(number))
        text_add(out, "%lld", (long long)json_integer_value(number));
    else
        text_add(out, strcmp(format, "0") == 0 ? "%.0f" : "%.4g", json_real_value(number));
    text_add(out, "</data>");
}

json_t *html_events(const json_t *log, const char *event) {
    json_t *found = json_array(), *line;
    size_t i;
    json_array_foreach(log, i, line) {
        const char *name = json_string_value(json_object_get(line, "event"));
        if (name && strcmp(name, event) == 0)
            json_array_append(found, line);
    }
    return found;
}
