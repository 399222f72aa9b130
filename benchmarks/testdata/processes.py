"""Python's pools of processes at the works of the process goals.

processes.py WORK N [MORE] makes a pool, warms it up, does the work, checks the
results and prints how many nanoseconds an operation took. Workers are forked, which
is the fastest way that Python has, unless MORE says otherwise.
"""
import multiprocessing
import os
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor

TIMES = 3  # of works that are long: the median counts


def add_one(x):
    return x + 1


def echo(x):
    return x


def executor(workers, method="fork"):
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context(method))


def median_of(times, work):
    """The median time of a work, whose results it checks."""
    took = []
    for _ in range(times):
        begin = time.perf_counter_ns()
        good = work()
        took.append(time.perf_counter_ns() - begin)
        check(good())
    return statistics.median(took)


def check(good):
    if not good:
        sys.exit("a result is wrong")


def trip(n):
    """One call after the other: the median of them."""
    with executor(1) as pool:
        check(pool.submit(add_one, 1).result() == 2)
        took = []
        for i in range(n):
            begin = time.perf_counter_ns()
            result = pool.submit(add_one, i).result()
            took.append(time.perf_counter_ns() - begin)
            check(result == i + 1)
    return statistics.median(took)


def many(n, kind):
    """All calls at once, and then their results."""
    def counted(results):
        return lambda: results == list(range(1, n + 1))

    def by_executor():
        futures = [pool.submit(add_one, i) for i in range(n)]
        return counted([f.result() for f in futures])

    def by_pool():
        calls = [pool.apply_async(add_one, (i,)) for i in range(n)]
        return counted([c.get() for c in calls])

    if kind == "executor":
        with executor(2) as pool:
            check(list(pool.map(add_one, range(100)))[-1] == 100)
            return median_of(TIMES, by_executor) / n
    with multiprocessing.get_context("fork").Pool(2) as pool:
        check(pool.map(add_one, range(100))[-1] == 100)
        return median_of(TIMES, by_pool) / n


def mapping(n, kind):
    """map over a range; Pool's at the chunk, of many, that is best for it."""
    want = list(range(1, n + 1))
    if kind == "executor":
        with executor(2) as pool:
            def work():
                results = list(pool.map(add_one, range(n), chunksize=64))
                return lambda: results == want
            check(work()())
            return median_of(TIMES, work) / n, 64
    best = float("inf"), 0
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for chunk in sorted({64, 256, 1000, 2500, 5000, -(-n // 8), -(-n // 4), -(-n // 2)}):
            def work():
                results = pool.map(add_one, range(n), chunksize=chunk)
                return lambda: results == want
            check(work()())
            best = min(best, (median_of(TIMES, work) / n, chunk))
    return best


def echoing(n, size):
    """Bytes there and back, one call after the other: the median of them."""
    payload = os.urandom(int(size))
    with executor(1) as pool:
        check(pool.submit(echo, b"").result() == b"")
        took = []
        for _ in range(n):
            begin = time.perf_counter_ns()
            result = pool.submit(echo, payload).result()
            took.append(time.perf_counter_ns() - begin)
            check(result == payload)
            del result
    return statistics.median(took)


def start(n, method):
    """A new pool of one, to its first result: the median of n pools."""
    took = []
    for i in range(n):
        begin = time.perf_counter_ns()
        pool = executor(1, method)
        result = pool.submit(add_one, i).result()
        took.append(time.perf_counter_ns() - begin)
        pool.shutdown()
        check(result == i + 1)
    return statistics.median(took)


if __name__ == "__main__":
    works = {"trip": trip, "many": many, "map": mapping, "echo": echoing, "start": start}
    figures = works[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])
    print(*figures if isinstance(figures, tuple) else (figures,))
