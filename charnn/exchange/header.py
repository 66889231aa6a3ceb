"""A network as a C99 header: its weights as arrays, and a function that reads a symbol and writes scores."""

from pathlib import Path

import numpy as np

from ..io.durable import replace
from ..runs.run import Run
from ..version import __version__
from .program import SYMBOL, Operation, Program
from .steps import program

PER_LINE = 12  # numbers on a line of an array
FUNCTIONS = {  # the rows of `program.OPERATIONS`: n is the size of what is written
    "onehot": "(float *y, int x, int n) { for (int i = 0; i < n; i++) y[i] = i == x; }",
    "product": "(float *y, const float *a, const float *w, int rows, int n) {\n"
    "    for (int j = 0; j < n; j++) y[j] = 0;\n"
    "    for (int i = 0; i < rows; i++) for (int j = 0; j < n; j++) y[j] += a[i] * w[(size_t)i * n + j];\n}",
    "add": "(float *y, const float *a, const float *b, int n) { for (int i = 0; i < n; i++) y[i] = a[i] + b[i]; }",
    "multiply": "(float *y, const float *a, const float *b, int n) { for (int i = 0; i < n; i++) y[i] = a[i] * b[i]; }",
    "scale": "(float *y, const float *a, float k, int n) { for (int i = 0; i < n; i++) y[i] = k * a[i]; }",
    "join": "(float *y, const float *a, const float *b, int first, int n) {\n"
    "    memcpy(y, a, first * sizeof(float));\n"
    "    memcpy(y + first, b, (n - first) * sizeof(float));\n}",
    "attend": "(float *y, const float *q, const float *k, const float *v, const float *r, int heads, int steps, "
    "int n) {\n"
    "    const int d = n / heads;\n"
    "    for (int h = 0; h < heads; h++) {\n"
    "        float *z = y + h * d, top = -INFINITY, total = 0;\n"
    "        for (int j = 0; j < d; j++) z[j] = 0;\n"
    "        for (int c = 0; c < steps; c++) {\n"
    "            const float *key = k + (size_t)c * n + h * d, *value = v + (size_t)c * n + h * d;\n"
    "            float score = 0;\n"
    "            for (int j = 0; j < d; j++) score += q[h * d + j] * key[j];\n"
    "            score = score / sqrtf((float)d) + r[h * steps + c];\n"
    "            const float kept = score > top ? expf(top - score) : 1;\n"
    "            if (score > top) top = score;\n"
    "            const float p = expf(score - top);\n"
    "            total = kept * total + p;\n"
    "            for (int j = 0; j < d; j++) z[j] = kept * z[j] + p * value[j];\n"
    "        }\n"
    "        for (int j = 0; j < d; j++) z[j] /= total;\n"
    "    }\n}",
    "tanh": "(float *y, const float *a, int n) { for (int i = 0; i < n; i++) y[i] = tanhf(a[i]); }",
    "sigmoid": "(float *y, const float *a, int n) { for (int i = 0; i < n; i++) y[i] = 1 / (1 + expf(-a[i])); }",
    "relu": "(float *y, const float *a, int n) { for (int i = 0; i < n; i++) y[i] = a[i] > 0 ? a[i] : 0; }",
    "normalise": "(float *y, const float *a, const float *gain, const float *shift, float epsilon, int n) {\n"
    "    double mean = 0, square = 0;\n"
    "    for (int i = 0; i < n; i++) mean += a[i];\n"
    "    mean /= n;\n"
    "    for (int i = 0; i < n; i++) square += (a[i] - mean) * (a[i] - mean);\n"
    "    const double scale = 1 / sqrt(square / n + epsilon);\n"
    "    for (int i = 0; i < n; i++) y[i] = (float)(shift[i] + gain[i] * (a[i] - mean) * scale);\n}",
    "softmax": "(float *y, const float *a, int n) {\n"
    "    float top = a[0], total = 0;\n"
    "    for (int i = 1; i < n; i++) if (a[i] > top) top = a[i];\n"
    "    for (int i = 0; i < n; i++) total += y[i] = expf(a[i] - top);\n"
    "    for (int i = 0; i < n; i++) y[i] /= total;\n}",
    "joint": "(float *y, const float *a, int n) {\n"
    "    float top = a[1], total = 0;\n"
    "    for (int i = 2; i < n; i++) if (a[i] > top) top = a[i];\n"
    "    for (int i = 1; i < n; i++) total += expf((y[i] = a[i]) - top);\n"
    "    y[0] = a[0] + top + logf(total);\n}",
}
HEAD = """/* A character-level language model, written by charnn {version}. C99; link with -lm.

    charnn_state state;
    float scores[CHARNN_SYMBOLS];
    charnn_begin(&state);
    charnn_step(&state, CHARNN_END, scores);   // the end of a sequence also stands before the first
    int next = charnn_likeliest(scores);       // its code point is charnn_characters[next]

   softmax(scores) is the distribution of the next symbol. What ends a sequence: {sequence}.
   Corpus: sha256 {sha256} */
#ifndef CHARNN_H
#define CHARNN_H
#include <math.h>
#include <stddef.h>
#include <string.h>

enum {{ CHARNN_SYMBOLS = {symbols}, CHARNN_END = 0, CHARNN_RESET = {reset} }}; /* RESET: the end resets the state */

"""
SEQUENCES = {
    "line": "a line end",
    "paragraph": "the line end of an empty line",
    "file": "the end of a file, which stands for no character",
}
LIKELIEST = """static inline int charnn_likeliest(const float *scores) {
    int best = 0;
    for (int i = 1; i < CHARNN_SYMBOLS; i++) if (scores[i] > scores[best]) best = i;
    return best;
}

static inline void charnn_begin(charnn_state *s) { memset(s, 0, sizeof *s); }
"""


def write(path: str | Path, run: Run) -> None:
    """Write a run as a C header."""
    text = source(run).encode("ascii")
    replace(path, lambda file: file.write(text))


def source(run: Run) -> str:
    """The header's text."""
    step, vocabulary = program(run), run.vocabulary
    first = ord(vocabulary.newline) if vocabulary.end else 0
    head = HEAD.format(
        version=__version__,
        sequence=SEQUENCES[vocabulary.sequence],
        sha256=run.origin.sha256,
        symbols=step.symbols,
        reset=int(run.reset),
    )
    characters = ",".join(map(str, (first, *vocabulary.characters)))
    parts = [head, f"static const unsigned charnn_characters[CHARNN_SYMBOLS] = {{{characters}}};\n\n"]
    parts += [_array(f"charnn_{_name(name)}", numbers) for name, numbers in step.arrays.values()]
    state = "".join(f" float state_{i}[{step.sizes[n]}];" for i, n in enumerate(step.before)) or " char none;"
    parts.append(f"\ntypedef struct {{{state} }} charnn_state;\n\n")
    used = {operation.name for operation in step.operations}
    parts += [f"static inline void charnn_{name}{body}\n" for name, body in FUNCTIONS.items() if name in used]
    return "".join([*parts, "\n", LIKELIEST, "\n", _step(step), "#endif\n"])


def _name(name: str) -> str:
    return name.replace("/", "_")


def _array(name: str, numbers: np.ndarray) -> str:
    shown = [f"{number:.9g}" for number in numbers.ravel().tolist()]  # nine digits give a float32 exactly
    lines = (",".join(shown[i : i + PER_LINE]) for i in range(0, len(shown), PER_LINE))
    return f"static const float {name}[{len(shown)}] = {{\n" + ",\n".join(lines) + "};\n"


def _step(step: Program) -> str:
    """The function that reads a symbol."""
    names = {index: f"charnn_{_name(name)}" for index, (name, _) in step.arrays.items()}
    names |= {index: f"v{index}" for index in range(len(step.sizes)) if index not in names}
    lines = ["if (CHARNN_RESET && symbol == CHARNN_END) charnn_begin(s);"]
    made = [*step.before, *(operation.out for operation in step.operations)]
    views = {operation.out for operation in step.operations if operation.name in ("take", "slice")}
    lines += [f"float v{index}[{step.sizes[index]}];" for index in made if index not in views]
    lines += [f"memcpy(v{n}, s->state_{i}, sizeof v{n});" for i, n in enumerate(step.before)]
    lines += [_call(step, operation, names) for operation in step.operations]
    lines += [f"memcpy(s->state_{i}, {names[n]}, {step.sizes[n]} * sizeof(float));" for i, n in enumerate(step.after)]
    lines.append(f"memcpy(scores, {names[step.scores]}, CHARNN_SYMBOLS * sizeof(float));")
    body = "".join(f"    {line}\n" for line in lines)
    return f"static inline void charnn_step(charnn_state *s, int symbol, float *scores) {{\n{body}}}\n"


def _call(step: Program, operation: Operation, names: dict[int, str]) -> str:
    name, out, reads, number = operation
    n = step.sizes[out]
    if name == "take":
        return f"const float *v{out} = {names[reads[1]]} + (size_t)symbol * {n};"
    if name == "slice":
        return f"const float *v{out} = {names[reads[0]]} + {number:.0f};"
    given = [f"v{out}", *("symbol" if index == SYMBOL else names[index] for index in reads)]
    given += [str(step.sizes[reads[0]])] if name in ("product", "join") else []
    given += [f"{number:.0f}", str(step.sizes[reads[3]])] if name == "attend" else []
    given += [f"{number:.9e}f"] if name in ("scale", "normalise") else []
    return f"charnn_{name}({', '.join([*given, str(n)])});"
