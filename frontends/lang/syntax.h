/* The tokens and the tree of the cell language. docs/language.md has the grammar. */
#ifndef EDDY_FRONTENDS_LANG_SYNTAX_H
#define EDDY_FRONTENDS_LANG_SYNTAX_H

#include "core/intern.h"
#include "frontends/lang/report.h"

/* ---- tokens */

typedef enum token_kind {
#define TOKEN(name, words) TOKEN_##name,
#include "frontends/lang/tokens.def"
#undef TOKEN
    TOKEN_COUNT
} token_kind;

typedef struct token {
    token_kind kind;
    span where;
    int line;
    const char *text; /* of a name or a string, interned */
    double number;
} token;

/* "`+`", "a name", "the end of the line". */
const char *token_words(token_kind kind);

typedef VEC(token) token_list;

enum { SYNTAX_BYTES = 1 << 20 }; /* the longest text that is read */

/* All tokens, the last of them TOKEN_END. A newline is a token where a statement may end there. */
void lexer_read(const source *from, intern *names, report *mistakes, token_list *out);

/* ---- expressions */

typedef enum syntax_kind {
    SYNTAX_BAD, /* a mistake was reported here */
    SYNTAX_NUMBER,
    SYNTAX_NAME,
    SYNTAX_NEW, /* h' */
    SYNTAX_TEXT,
    SYNTAX_UNARY,
    SYNTAX_BINARY,
    SYNTAX_CALL,  /* parts[0] (parts[1], ...) */
    SYNTAX_INDEX, /* parts[0] [parts[1], ... else otherwise] */
    SYNTAX_RANGE, /* parts[0] : parts[1], which may both be NULL; only inside an index */
    SYNTAX_LIST,  /* [parts[0], ...] */
    SYNTAX_TRANSPOSE
} syntax_kind;

typedef struct syntax syntax;
struct syntax {
    syntax_kind kind;
    token_kind op;
    int height;       /* the longest way down to a leaf: bounds every walk */
    span where;       /* all of it */
    span mark;        /* the operator or the name, where a caret points */
    const char *text; /* of a name, a string, the keyword of an argument in `name = value` */
    double number;
    syntax **parts;
    int count;
    syntax *otherwise;
    const char *keyword; /* as an argument of a call: name = this, or name := this */
    span keyword_where;
    bool replaces; /* := */
};

enum { SYNTAX_HEIGHT = 100 }; /* of an expression; also how deep brackets nest */

/* ---- cells */

/* A name that is introduced, with what stands behind it. */
typedef struct declared {
    const char *name;
    span where;
    bool primed;          /* a target: h' */
    const char **members; /* of a family: W{i,f,o} */
    span *member_places;
    int member_count;
    syntax **shape;
    int rank;
    const char *shape_text; /* "[H, D]"; NULL: none */
    const char *type;       /* "int", "bool", "complex"; NULL: a real number */
    span type_where;
    const char *over; /* the axis of an input; NULL: none */
    syntax *value;    /* initial value, default */
} declared;

typedef VEC(declared) declared_list;

typedef enum statement_kind {
    STATEMENT_STATE,
    STATEMENT_PARAM,
    STATEMENT_FIXED,
    STATEMENT_EQUATION,
    STATEMENT_LOOP,
    STATEMENT_ADJOINT
} statement_kind;

typedef struct statement statement;
typedef VEC(statement) statement_list;
struct statement {
    statement_kind kind;
    span where;
    int line;
    declared_list names; /* declared ones; targets; of a loop: what it carries */
    bool together;       /* (a, b) = call */
    bool surrogate;      /* an adjoint that is not to be the derivative */
    syntax *value;       /* of an equation, an adjoint */
    const char *counter; /* of a loop */
    span counter_where;
    syntax *low, *high;
    statement_list body;
};

typedef struct syntax_cell {
    const source *from;
    const char *name;
    int line;
    span where;          /* of the name */
    const char *comment; /* before the cell, with its # */
    bool sound;          /* its head could be read */
    declared_list header;
    declared_list results;
    declared_list dimensions; /* names in shapes that nothing else defines, in order */
    VEC(span) broken;         /* lines that could not be read */
    statement_list body;
    span end;
} syntax_cell;

typedef VEC(syntax_cell *) cell_list;

/* Reads all cells of a text. Cells with mistakes are there, with what could be read. */
void parser_read(const source *from, intern *names, report *mistakes, arena *memory,
                 cell_list *out);

/* How tight an operator binds, from 1 on; 0 for what is none. */
int parser_level(token_kind kind);

/* ---- between the files of the parser */

typedef struct parser {
    arena *memory;
    const source *from;
    report *mistakes;
    const token *at;   /* the next token */
    const token *past; /* behind the operand of an expression that was read last */
    bool failed;       /* a mistake in this statement was reported */
    int depth;         /* of brackets and blocks around the next token */
    syntax_cell *cell;
    intern *names;
} parser;

/* Takes the next token if it is of this kind; demands it. */
bool parser_take(parser *p, token_kind kind);
bool parser_expect(parser *p, token_kind kind, const char *after);
/* Reports what stands where something else was expected, once a statement. */
void parser_wrong(parser *p, const char *expected);
syntax *parser_expression(parser *p);
/* [ expression, ... ] behind a name; rank 0 where there is none. */
void parser_shape(parser *p, declared *into);
/* Type i as it is written; NULL past the end. */
const char *parser_type_name(int i);

#endif
