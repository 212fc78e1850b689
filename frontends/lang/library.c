/* Reading the library's own cells, each time somebody needs them: that takes less than a
 * millisecond, and a cache would need a lock and an end. */
#include <assert.h>
#include <string.h>

#include "frontends/lang/library.h"

void library_read(arena *memory, cell_list *out) {
    intern names;
    report mistakes;
    intern_init(&names, memory);
    report_init(&mistakes, memory);
    source *texts = arena_array(memory, source, library_text_count);
    for (int i = 0; i < library_text_count; i++) {
        const library_text *one = &library_texts[i];
        texts[i] = (source){one->name, one->text, (uint32_t)strlen(one->text)};
        parser_read(&texts[i], &names, &mistakes, memory, out);
    }
    assert(mistakes.entries.count == 0);
}
