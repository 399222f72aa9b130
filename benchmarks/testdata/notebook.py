"""The worker of the lecture's notebook, cell 10, over a file of addresses.

The cell is as it is there, but for the addresses, for the utf-8 that every terminal
has, and for the clock: the last line on stderr is how many seconds the work took,
and how many of the processors, without the start of Python and its imports.
"""
import lxml.html
import queue
import requests
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor


def processors():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


sys.stdout.reconfigure(encoding="utf-8")
with open(sys.argv[1]) as lines:
    addresses = lines.read().split()
begin, used = time.monotonic(), processors()

num_workers = 3
executor = ThreadPoolExecutor(max_workers=num_workers)


def worker(q: queue.Queue):
    titles = []

    while True:
        item = q.get()
        if item is None:
            break
        res = requests.get(item)
        titles.append(lxml.html.fromstring(res.text).xpath('//title/text()')[0].strip())

    return ';'.join(titles)


q = queue.Queue(maxsize=2)

futures = [executor.submit(worker, q) for _ in range(num_workers)]

for item in addresses:
    q.put(item)

for i in range(num_workers):
    q.put(None)

for t in futures:
    print(t.result())

print(time.monotonic() - begin, processors() - used, file=sys.stderr)
