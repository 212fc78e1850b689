/* The table of commands and options, from which everything about them is printed. */
#include <string.h>

#include "frontends/cli/options.h"

const option_row common_options[] = {
    {.name = "help", .letter = 'h', .about = "prints this"},
    {0},
};

#define CHECKPOINT_OPTION                                                                          \
    {.name = "checkpoint",                                                                         \
     .kind = OPTION_CHOICE,                                                                        \
     .argument = "best|last",                                                                      \
     .otherwise = "best",                                                                          \
     .about = "the best one by validation, where there is one, or the last"}

static const option_row generate_options[] = {
    {.name = "length",
     .letter = 'l',
     .kind = OPTION_INTEGER,
     .argument = "N",
     .otherwise = "400",
     .low = 0,
     .high = 1e12,
     .about = "symbols to draw"},
    {.name = "temperature",
     .letter = 't',
     .kind = OPTION_REAL,
     .argument = "X",
     .otherwise = "0.8",
     .low = 0,
     .high = 1e6,
     .about = "below 1: more careful than what was learned; 0: always the likeliest"},
    {.name = "seed",
     .kind = OPTION_INTEGER,
     .argument = "N",
     .otherwise = "1",
     .low = 0,
     .high = 2147483647,
     .about = "of the draws"},
    {.name = "prime",
     .letter = 'p',
     .kind = OPTION_TEXT,
     .argument = "TEXT",
     .otherwise = "",
     .about = "what the text begins with"},
    CHECKPOINT_OPTION,
    {0},
};

static const option_row run_options[] = {
    {.name = "data",
     .letter = 'd',
     .kind = OPTION_FILE,
     .argument = "FILE",
     .about = "what to read: a file as the one that was learned from"},
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_FILE,
     .argument = "FILE",
     .about = "where the results go: .npy or .csv"},
    {.name = "threads",
     .letter = 't',
     .kind = OPTION_INTEGER,
     .argument = "N",
     .low = 0,
     .high = 256,
     .about = "how many share a call; 0: as many as make it shorter"},
    CHECKPOINT_OPTION,
    {0},
};

static const option_row report_options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_FILE,
     .argument = "FILE",
     .about = "where the page goes; report.html in the folder of the run, when not given"},
    {0},
};

static const option_row check_options[] = {
    {.name = "cell",
     .letter = 'c',
     .kind = OPTION_TEXT,
     .argument = "NAME",
     .about = "one cell of the file, or of the library where there is no file"},
    {.name = "set",
     .kind = OPTION_TEXT,
     .argument = "NAMES",
     .about = "dimensions and numbers, as H=8,dt=0.1; other dimensions are 4, 8, 12 ..."},
    {.name = "format",
     .kind = OPTION_CHOICE,
     .argument = "text|gcc|json",
     .otherwise = "text",
     .about = "gcc, json: only reads the file, and lists its mistakes for an editor"},
    {0},
};

/* The cell that a command is about. */
#define CELL_OPTION                                                                                \
    {.name = "cell",                                                                               \
     .letter = 'c',                                                                                \
     .kind = OPTION_TEXT,                                                                          \
     .argument = "NAME",                                                                           \
     .about = "a cell of the file (its last one), or of the library where there is no file"}

/* And its sizes. */
#define CELL_OPTIONS                                                                               \
    CELL_OPTION,                                                                                   \
        {.name = "set",                                                                            \
         .kind = OPTION_TEXT,                                                                      \
         .argument = "NAMES",                                                                      \
         .about = "dimensions and numbers, as H=64,dt=0.1; other dimensions are 4, 8, 12 ..."}

static const option_row show_options[] = {
    CELL_OPTIONS,
    {.name = "as",
     .kind = OPTION_CHOICE,
     .argument = "report|equations|tex|svg|graph|dot|torch|jax",
     .otherwise = "report",
     .about = "equations: the cell as it was understood, a line for each gate; tex: the same as a "
              "paper prints it; svg: a picture of what depends on what; graph: the graph in the "
              "language of docs/graph.md; dot: for Graphviz; torch, jax: as a module of PyTorch, "
              "or a function for JAX, that computes the same"},
    {.name = "pass",
     .kind = OPTION_TEXT,
     .argument = "LETTERS",
     .about = "the graph after these passes (docs/passes.md), or all"},
    {0},
};

static const option_row compile_options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_FILE,
     .argument = "OUT",
     .about = "the path of the files, without what follows the dot; an .o is left out"},
    CELL_OPTION,
    {.name = "set",
     .kind = OPTION_TEXT,
     .argument = "NAMES",
     .about = "dimensions and numbers, as H=64,dt=0.1; dimensions that weights show need none"},
    {.name = "weights",
     .letter = 'w',
     .kind = OPTION_FILE,
     .argument = "FILE",
     .about = "values of the parameters, to be part of the object (.npz, .safetensors); of the "
              "checkpoint of a run with one layer those of the layer"},
    {.name = "apart",
     .kind = OPTION_FLAG,
     .about = "the weights are OUT.weights, to be read or mapped, and no part of the object"},
    {.name = "batch",
     .letter = 'b',
     .kind = OPTION_FLAG,
     .about = "any number of samples side by side; else the object runs one stream"},
    {.name = "prefix",
     .letter = 'p',
     .kind = OPTION_TEXT,
     .argument = "NAME",
     .about = "what every symbol begins with; the name of OUT, when not given"},
    {.name = "cpu",
     .kind = OPTION_TEXT,
     .argument = "NAME",
     .otherwise = "x86-64-v3",
     .about = "x86-64-v2, -v3, -v4; multi: all three, it chooses; native: what this machine has"},
    {.name = "target",
     .kind = OPTION_TEXT,
     .argument = "NAME",
     .about = "x86-64, aarch64, armv7, riscv64, cortex-m4f or wasm32; each has a cpu of its own"},
    {.name = "flush",
     .kind = OPTION_FLAG,
     .about = "calls take denormals for zeros, so that a state that dies away costs no time"},
    {.name = "train",
     .kind = OPTION_FLAG,
     .about = "the object trains, too: a step of training, and the gradient alone"},
    {.name = "loss",
     .kind = OPTION_CHOICE,
     .argument = "mean-squared|cross-entropy",
     .otherwise = "mean-squared",
     .about = "of a cell's first result: how far it is from a target, or how unlikely it makes the "
              "right class"},
    OPTIMISER_OPTIONS(false),
    {.name = "seed",
     .kind = OPTION_INTEGER,
     .argument = "N",
     .otherwise = "1",
     .low = 0,
     .high = 2e+09,
     .about = "of initial weights, where the object trains and --weights does not give them"},
    CHECKPOINT_OPTION,
    {0},
};

static const option_row convert_options[] = {
    {.name = "torch",
     .kind = OPTION_FILE,
     .argument = "MAP",
     .about = "the weights are PyTorch's: a text of lines as 'lstm encoder.*_l0 layer1'"},
    {0},
};

static const option_row bench_options[] = {
    CELL_OPTIONS,
    {.name = "length",
     .letter = 'l',
     .kind = OPTION_INTEGER,
     .argument = "N",
     .otherwise = "64",
     .low = 1,
     .high = 1e+06,
     .about = "steps of a call"},
    {.name = "batch",
     .letter = 'b',
     .kind = OPTION_INTEGER,
     .argument = "N",
     .otherwise = "16",
     .low = 1,
     .high = 65536,
     .about = "samples of a call"},
    {.name = "threads",
     .letter = 't',
     .kind = OPTION_INTEGER,
     .argument = "N",
     .otherwise = "1",
     .low = 1,
     .high = 256,
     .about = "how many share a call; the roof is of one, or of two"},
    {.name = "seconds",
     .kind = OPTION_REAL,
     .argument = "X",
     .otherwise = "0.5",
     .low = 0,
     .high = 3600,
     .about = "how long each measurement goes on"},
    {.name = "python",
     .kind = OPTION_FILE,
     .argument = "FILE",
     .otherwise = "python3",
     .about = "whose PyTorch and JAX run the cell as well; '': none"},
    {.name = "nests",
     .kind = OPTION_INTEGER,
     .argument = "N",
     .otherwise = "8",
     .low = 0,
     .high = 512,
     .about = "so many loop nests are listed, the longest first"},
    {0},
};

static const option_row explain_options[] = {{0}};

static const option_row doctor_options[] = {{0}};

static const option_row help_options[] = {
    {.name = "format",
     .kind = OPTION_CHOICE,
     .argument = "text|markdown|man|bash|zsh",
     .otherwise = "text",
     .about = "plain text, docs/command.md, a man page, the completions of a shell"},
    {0},
};

const command_row commands[] = {
    {"train", "[FILE] --data FILE [OPTION...]", "trains a cell on a text or a table",
     "Trains a model around a cell of a file in the cell language, or of the library: symbols of\n"
     "a text in, the next symbol out; or rows of a table in, targets out; or sequences in, a\n"
     "target of each sequence, or of each of its steps, out. The folder of the run\n"
     "holds the record of its settings (run.json), a log of JSON lines (log.jsonl), the last\n"
     "checkpoint and the best one by validation (safetensors).\n"
     "\n"
     "The cell has one input, a vector as x[D], and its first result is what the model reads.\n"
     "\n"
     "Sequences are x, y and lengths of a file. x: [sequences, steps, numbers], or [sequences,\n"
     "steps], where integers are symbols. y of each sequence: [sequences] integers, which are\n"
     "classes, or [sequences] or [sequences, numbers]. y of each step: [sequences, steps] classes\n"
     "or [sequences, steps, numbers]. lengths, which may be missing: [sequences], how many steps\n"
     "there are. Every step of training reads --batch of them, in a new order each time that all\n"
     "were read.\n"
     "\n"
     "Validation reads every held-out row, or sequence, once and without dropout. Its loss is\n"
     "the mean of theirs, in the unit of training's: of classes nats (of a text it is printed in\n"
     "bits); of numbers the mean square, each target column in units of its own spread in\n"
     "training. The rows of a text or a table are cut into one stream more than they have whole\n"
     "--length, at most --batch, each as long as the others but for the end. Each begins in the\n"
     "state in which the cell begins, not in that after the rows before it. So the loss depends\n"
     "on --length and on --batch: the shorter the streams, the more of it is of the cell's first\n"
     "steps. With --batch 1 there is one stream.\n"
     "\n"
     "A checkpoint is replaced whole or not at all, and a run that goes on from one ends with the\n"
     "bits of a run that was never stopped, on any number of threads. SIGINT and SIGTERM finish\n"
     "the step, save, and end with status 130.",
     OPTION_FILE, 0, 1, train_options, train_run},
    {"generate", "RUN [OPTION...]", "draws text from a trained run",
     "Draws a text symbol by symbol from the checkpoint of a run and prints it as it is made. The\n"
     "same seed draws the same text.",
     OPTION_FOLDER, 1, 1, generate_options, generate_run},
    {"run", "RUN --data FILE [OPTION...]", "a trained run over a file",
     "Reads a file with the checkpoint of a run. Of a text it prints how many bits a symbol costs\n"
     "in the mean, and --output has the bits of each; of a table --output has what is foretold at\n"
     "each row (of each sequence, or each of its steps), and how far that is from the targets is\n"
     "printed where the file has them.",
     OPTION_FOLDER, 1, 1, run_options, apply_run},
    {"report", "RUN [--output FILE]", "a run as a page of pictures",
     "Writes one HTML page that needs nothing else: the loss, how far back the gradient reaches\n"
     "over training, gates that are saturated, rates, the loop nests of a step with their share\n"
     "of the roof, memory, and the model as a picture. Every number on it is in the log of the\n"
     "run.",
     OPTION_FOLDER, 1, 1, report_options, report_run},
    {"check", "FILE [OPTION...]", "asks a cell what can be asked of any cell",
     "Reads a file and runs each of its cells in ways that must agree: its gradient against\n"
     "difference quotients and against a plain evaluator, in f64; step = chunk = sequence, a row\n"
     "alone = the row in a batch, lengths, and threads, to the bit. Then warns of what is right\n"
     "and will not work, or is hardly meant: values and gradients that overflow, divisors that\n"
     "come near 0, gates that begin saturated, parameters whose gradient is 0 or what was\n"
     "rounded, states that forget or explode, old values that are read where there are new ones.\n"
     "A surrogate gradient is no fault: what stands around it is checked as if it were a\n"
     "straight line.",
     OPTION_FILE, 0, 1, check_options, examine_run},
    {"show", "FILE [OPTION...]", "what the compiler makes of a cell",
     "Tells the class of the recurrence; for each line of the cell in which stage it is computed\n"
     "(once, before the loop over time, inside it, after it), with its flops and the weights that\n"
     "it reads; and how many bytes training remembers of each step.",
     OPTION_FILE, 0, 1, show_options, show_run},
    {"compile", "[FILE|RUN] --output OUT [OPTION...]", "a cell or a run as an object and a header",
     "Writes a cell of a file or of the library, or the model of a trained run, as OUT.o, OUT.h\n"
     "and OUT.json, for C and C++ programs that have nothing of this library: no library is\n"
     "linked, no memory taken, no lock. The header has structs with the names of the cell, a\n"
     "function for a sequence and one for a step, and documents itself; it ends with a program\n"
     "that can be copied. The manifest (JSON) says the same to programs. What an object computes\n"
     "is what a run here computes, to the bit.\n"
     "\n"
     "The model of a run reads x and says y: numbers in the units of its data; or the logits of\n"
     "classes and the likeliest one. Of a text, x and the likeliest are characters, as numbers;\n"
     "-1 is none. Logits go by the symbols that run.json lists.\n"
     "\n"
     "With --train there is a function for a step of training, too, which updates parameters in\n"
     "memory of its caller, and one for the gradient. A run learns on as `eddy train` taught it,\n"
     "and reads x and y in the units of its data. Of a cell, the first result learns the input\n"
     "target. The loss is the mean over all steps and samples of a call.",
     OPTION_FILE, 0, 1, compile_options, compile_run},
    {"convert", "FROM TO [--torch MAP]", "weights from one format into another",
     "Reads the tensors of a file and writes them to another, each an npz if its name ends so,\n"
     "else safetensors. With --torch they are a state_dict of PyTorch's, and each line of the map\n"
     "takes one part of it: lstm, gru, rnn and the name of a layer's tensors, a star in the place\n"
     "of weight_ih, weight_hh, bias_ih and bias_hh; linear, a star for weight and bias; tensor, a\n"
     "name. Then the name that it has here. Whatever is left over is a mistake.",
     OPTION_FILE, 2, 2, convert_options, convert_run},
    {"bench", "FILE [OPTION...]", "how long a cell takes, beside PyTorch, JAX and the machine",
     "Measures the cell alone on random inputs: forwards, and what a step of training computes of\n"
     "it, the sum of the squares of its results and the gradients of that. Where a Python with\n"
     "PyTorch or JAX is found, they run what 'eddy show --as torch' (jax) writes, with the same\n"
     "weights and inputs, in turn with the cell. Results that differ by more than 0.1 percent are\n"
     "WRONG, and end the command with status 1; where the last bits of weights and inputs make\n"
     "much of a difference, ten times that much is allowed.\n"
     "\n"
     "The roof is the least time that the operations of a call, or the bytes that it touches,\n"
     "take on this machine, which is measured first. Last come the loop nests that take longest,\n"
     "and what bounds them.",
     OPTION_FILE, 0, 1, bench_options, bench_run},
    {"explain", "[CODE]", "what a code in a message means",
     "Tells what a mistake in a cell file is about, with a text that holds it and what is said of\n"
     "that text. Without a code, lists all.",
     OPTION_TEXT, 0, 1, explain_options, explain_run},
    {"doctor", "", "what this machine offers, and whether it computes right",
     "Prints the processor and the vectors that code is made for, the compiler behind it, the\n"
     "threads, and computes for a second: an LSTM is differentiated, compiled and trained; its\n"
     "gradient is held against difference quotients, one thread against all.",
     OPTION_TEXT, 0, 0, doctor_options, doctor_run},
    {"help", "[COMMAND] [--format FORMAT]", "what there is to know about commands",
     "Prints the page of a command, or a page about all of them.", OPTION_TEXT, 0, 1, help_options,
     help_run},
    {0},
};

const command_row *command_find(const char *name) {
    for (const command_row *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}
