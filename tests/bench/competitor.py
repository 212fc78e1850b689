"""Processes that compete: each gets a line of JSON and answers with one.

Ours is build/PRESET/bin/bench_worker. The peers are Python scripts that run in a virtual
environment, which is made here, below build/, from peers/requirements.txt."""

import hashlib
import json
import os
import select
import subprocess
import sys
import time


class Failure(Exception):
    """A competitor that did not do what was asked; the message is for the table."""


class Competitor:
    def __init__(self, name, command, folder, threads=None):
        self.name, self.command, self.folder, self.threads = name, command, folder, threads
        self.process, self.rest = None, b""

    def start(self):
        os.makedirs(self.folder, exist_ok=True)
        # What libraries have to say about themselves is kept for whoever looks for a fault.
        with open(os.path.join(self.folder, f"{self.name}.txt"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        self.rest = b""

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def line(self, deadline):
        """The next line of the answers; None when time is up or there are no more."""
        pipe = self.process.stdout.fileno()
        while b"\n" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                return None
            block = os.read(pipe, 1 << 16)
            if not block:
                return None
            self.rest += block
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def ask(self, what, timeout=120, **request):
        """The answer. A competitor that takes longer, or dies, is started anew for the next row."""
        if not self.process:
            self.start()
        text = json.dumps({"do": what, **request}) + "\n"
        try:
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()
            line = self.line(time.monotonic() + timeout)
        except BrokenPipeError:
            line = None
        if line is None:
            alive = self.process.poll() is None
            self.stop()
            raise Failure(f"no answer in {timeout} s" if alive else "its process ended")
        answer = json.loads(line)
        if "error" in answer:
            raise Failure(answer["error"])
        return answer


# ---- the peers' environment

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")
MODULES = {
    "torch": "with_torch.py",
    "jax": "with_jax.py",
    "onnxruntime": "with_onnxruntime.py",
    "onednn": "with_onednn.py",
    "compiled": "with_torch.py",
}
# How many threads these have is settled when they start.
SETTLED = ("jax", "onednn")


def environment(root):
    """The Python of the virtual environment, made if it is not there or not of these pins."""
    requirements = os.path.join(PEERS, "requirements.txt")
    with open(requirements, "rb") as file:
        pins = hashlib.sha256(file.read()).hexdigest()
    python, mark = os.path.join(root, "bin", "python"), os.path.join(root, "pins")
    if os.path.exists(mark):
        with open(mark, encoding="utf-8") as file:
            if file.read() == pins:
                return python
    print(f"bench: making {root}, once", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", root], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--requirement", requirements]
    subprocess.run(install, check=True, stdout=sys.stderr)
    with open(mark, "w", encoding="utf-8") as file:
        file.write(pins)
    return python


def peers(python, names, counts, folder):
    """{name: the processes of that peer}: one, or one for each number of threads."""
    found = {}
    for name in names:
        command = [python, os.path.join(PEERS, MODULES[name])]
        if name in SETTLED:
            found[name] = [
                Competitor(f"{name}-{n}", [*command, str(n)], folder, threads=n) for n in counts
            ]
        else:
            found[name] = [Competitor(name, [*command, name], folder)]
    return found
