"""What every competitor in Python does: it answers lines of JSON, and takes the time of calls."""

import json
import os
import statistics
import sys
import time


def sample(calls, seconds):
    """Seconds of a call, on the wall and of this thread: medians of samples, each of a millisecond
    at least. The first call, which wakes threads and fills caches, counts only if there is time
    for no other. calls(n) makes n calls."""

    def once(count):
        wall, core = time.perf_counter(), time.thread_time()
        calls(count)
        core, wall = time.thread_time() - core, time.perf_counter() - wall
        return wall / count, core / count

    start = time.perf_counter()
    samples = [once(1)]
    count = max(1, int(0.001 / samples[0][0]))
    if samples[0][0] < seconds:
        samples = []
    while not samples or time.perf_counter() - start < seconds:
        samples.append(once(count))
    wall, core = (statistics.median(column) for column in zip(*samples))
    return {"seconds": wall, "core_seconds": core, "samples": len(samples)}


def serve(answer_to):
    """Answers until standard input ends. What libraries print goes to standard error."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            answer = answer_to(json.loads(line))
        except Exception as error:  # whatever a library throws is an answer
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        out.write(json.dumps(answer) + "\n")
        out.flush()
