"""A peer of `eddy bench`: runs what `eddy show --as torch` or `--as jax` writes.

    python3 peer.py torch|jax FOLDER THREADS

The folder has module.py, what was written, and given.npz with "param W", "fixed A" and "input x".
The first line says what is running, "ready PyTorch 2.5.1"; then every line of standard input is
answered by one:

    begin MODE INPUTS RESULTS   MODE is forward or training, the others are names with commas;
                                runs the cell once and writes found.npz with "output h" and, in
                                training, "sum of squares" and "gradient W"
    time SECONDS                the median of calls that go on for so long
"""

import os
import statistics
import sys
import time

KIND, FOLDER, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3])


class Torch:
    def __init__(self):
        import torch

        self.torch, self.name = torch, f"PyTorch {torch.__version__}"
        torch.set_num_threads(THREADS)

    def begin(self, space, training, weights, fixed, inputs):
        self.training = training
        self.cell, self.weights = space["Cell"](), weights
        if hasattr(self.cell, "load"):
            self.cell.load({**weights, **fixed})
        self.inputs = [self.torch.from_numpy(array) for array in inputs]

    def call(self):
        if not self.training:
            with self.torch.inference_mode():
                self.results = tuple_of(self.cell(*self.inputs))
            return
        for weight in self.cell.parameters():
            weight.grad = None
        self.results = tuple_of(self.cell(*self.inputs))
        self.loss = sum((y * y).sum() for y in self.results if y.dtype.is_floating_point)
        self.loss.backward()

    def found(self):
        found = [y.detach().numpy() for y in self.results]
        if not self.training:
            return found, None, {}
        gradients = {name: 0 * weight for name, weight in self.weights.items()}
        for theirs, name in self.cell.names.items():
            weight = getattr(self.cell, name)
            if weight.grad is not None:
                gradients[theirs] = weight.grad.numpy()
        return found, self.loss.detach().numpy(), gradients


class Jax:
    def __init__(self):
        os.environ["NPROC"], os.environ["JAX_PLATFORMS"] = str(THREADS), "cpu"
        if THREADS == 1:
            flags = os.environ.get("XLA_FLAGS", "")
            os.environ["XLA_FLAGS"] = flags + " --xla_cpu_multi_thread_eigen=false"
        import jax

        self.jax, self.name = jax, f"JAX {jax.__version__}"

    def begin(self, space, training, weights, fixed, inputs):
        def loss(weights, fixed, inputs):
            results = tuple_of(space["cell"]({**weights, **fixed}, *inputs))
            return sum((y * y).sum() for y in results if y.dtype.kind == "f"), results

        def forward(weights, fixed, inputs):
            return (0, tuple_of(space["cell"]({**weights, **fixed}, *inputs))), {}

        step = self.jax.value_and_grad(loss, has_aux=True) if training else forward
        self.training, self.step = training, self.jax.jit(step)
        self.given = self.jax.device_put((weights, fixed, inputs))

    def call(self):
        self.answer = self.step(*self.given)
        self.jax.block_until_ready(self.answer)

    def found(self):
        (loss, results), gradients = self.answer
        return results, loss if self.training else None, gradients


def tuple_of(results):
    return results if isinstance(results, tuple) else (results,)


def begin(peer, numpy, mode, inputs, results):
    given, space = numpy.load(os.path.join(FOLDER, "given.npz")), {}
    with open(os.path.join(FOLDER, "module.py"), encoding="utf-8") as file:
        exec(compile(file.read(), "module.py", "exec"), space)

    def named(kind):
        return {key[len(kind) :]: given[key] for key in given if key.startswith(kind)}

    inputs = [given[f"input {name}"] for name in inputs.split(",") if name]
    peer.begin(space, mode == "training", named("param "), named("fixed "), inputs)
    peer.call()
    values, loss, gradients = peer.found()
    found = {f"output {name}": value for name, value in zip(results.split(","), values)}
    found.update({f"gradient {name}": value for name, value in gradients.items()})
    if loss is not None:
        found["sum of squares"] = loss
    found = {name: numpy.ascontiguousarray(v, numpy.float32) for name, v in found.items()}
    numpy.savez(os.path.join(FOLDER, "found.npz"), **found)


def median(peer, seconds):
    peer.call()  # fills caches
    start, samples = time.perf_counter(), []
    while not samples or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        peer.call()
        samples.append(time.perf_counter() - before)
    return statistics.median(samples)


def main():
    """What libraries print goes to standard error."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(line):
        out.write(line.replace("\n", " ")[:500] + "\n")
        out.flush()

    try:
        import numpy

        peer = (Torch if KIND == "torch" else Jax)()
    except ImportError as error:
        return answer(f"missing {error}")
    answer(f"ready {peer.name}")
    for line in sys.stdin:
        words = line.split(" ")
        try:
            if words[0] == "begin":
                begin(peer, numpy, *(word.strip() for word in words[1:]))
                answer("begun")
            else:
                answer(f"{median(peer, float(words[1])):.9g}")
        except Exception as error:  # whatever a library throws is an answer
            answer(f"failed {type(error).__name__}: {error}")


main()
