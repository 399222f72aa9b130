#!/usr/bin/env python3
"""Writes golden.txt: what tqdm shows, for the Go tests to compare with.

    python3 progress/testdata/golden.py

Needs python3-tqdm; the head of golden.txt names the version. The clock is ours
and goes in steps of 1/512 s, which are exact in tqdm's floats and in Go's
nanoseconds: no line depends on how a difference of two times was rounded.

One record a line, its fields separated by tabs, texts as JSON:

    meter  ARGUMENTS  LINE           one line out of its parts
    bar    ARGUMENTS  WRITTEN        a bar begins at tick 0, with what it wrote
    add    TICK  N  WRITTEN          what happened to it then, in order
    print  TICK  TEXT  WRITTEN
    stale  TICK  WRITTEN             tqdm's monitor thread looked at the bar
    close  TICK  WRITTEN
"""
import io
import json
import pathlib
import platform
import random

import tqdm
import tqdm._monitor
import tqdm.std

TICKS = 512
out = []


def text(value):
    return json.dumps(value, ensure_ascii=False)


def record(*fields):
    out.append("\t".join(fields))


def meter(n, total, ticks, **more):
    """One line; more: columns, prefix, postfix, unit, divisor, rate."""
    args = dict(n=n, total=-1 if total is None else total, ticks=ticks, **more)
    divisor = more.get("divisor", 0)
    line = tqdm.tqdm.format_meter(
        n, total, ticks / TICKS,
        ncols=more.get("columns"),
        prefix=more.get("prefix", ""),
        postfix=more.get("postfix"),
        unit=more.get("unit", "it"),
        unit_scale=bool(divisor),
        unit_divisor=divisor or 1000,
        rate=more.get("rate"),
    )
    record("meter", text(args), text(line))


class Bar:
    """A tqdm whose clock stands still until at() moves it."""

    def __init__(self, total, columns=None, prefix="", postfix="", unit="it", divisor=0):
        self.tick = 0
        self.file = io.StringIO()
        self.seen = 0
        tqdm.std.time = lambda: self.tick / TICKS
        args = dict(total=-1 if total is None else total, prefix=prefix, postfix=postfix, unit=unit, divisor=divisor)
        if columns is not None:
            args["columns"] = columns
        self.bar = tqdm.tqdm(
            total=total, file=self.file, ncols=columns, desc=prefix, postfix=postfix or None, unit=unit,
            unit_scale=bool(divisor), unit_divisor=divisor or 1000, ascii=False)
        record("bar", text(args), self.written())

    def written(self):
        all_of_it = self.file.getvalue()
        new, self.seen = all_of_it[self.seen:], len(all_of_it)
        return text(new)

    def at(self, tick):
        assert tick >= self.tick
        self.tick = tick
        return self

    def after(self, ticks):
        return self.at(self.tick + ticks)

    def add(self, n=1):
        self.bar.update(n)
        record("add", str(self.tick), str(n), self.written())
        return self

    def print(self, s):
        tqdm.tqdm.write(s, file=self.file)
        record("print", str(self.tick), text(s), self.written())
        return self

    def stale(self):
        """One round of tqdm's own monitor, on this thread."""
        bar, rounds = self.bar, []

        class Killed:
            @staticmethod
            def wait(_):
                rounds.append(None)

            @staticmethod
            def is_set():
                return len(rounds) > 1

        monitor = object.__new__(tqdm._monitor.TMonitor)
        for name, value in dict(woken=0, sleep_interval=10, was_killed=Killed, tqdm_cls=tqdm.tqdm,
                                _time=lambda: self.tick / TICKS, get_instances=lambda: [bar]).items():
            setattr(monitor, name, value)
        monitor.run()
        record("stale", str(self.tick), self.written())
        return self

    def close(self):
        self.bar.close()
        record("close", str(self.tick), self.written())


def meters():
    # the line of the contract, and its bar at every eighth of a block
    meter(420, 1000, 1638, rate=131.25)
    for n in range(0, 81, 5):
        meter(n, 80, 512)
    meter(420, 1000, 0)
    meter(0, 1000, 0)
    meter(0, 1000, 512)
    meter(1000, 1000, 512 * 8)
    meter(999, 1000, 512 * 8)
    meter(1, 3, 512 * 7)
    meter(2, 3, 512 * 7)
    # rates: below one a second they turn over
    meter(1, 10, 512)
    meter(1, 10, 513)
    meter(1, 10, 512 * 100)
    meter(3, 10, 512 * 2)
    meter(123456789, 1000000000, 512)
    meter(5, 10, 512, rate=0.001)
    meter(5, 10, 512, rate=99999.999)
    # hours
    meter(1, 2, 512 * 3599)
    meter(1, 2, 512 * 3600)
    meter(1, 100000, 512 * 3661)
    meter(7, 9, 512 * 360000)
    # no total, none left, more than there were
    for n in (0, 1, 420):
        meter(n, None, 1638)
        meter(n, 0, 1638)
    meter(0, None, 0)
    meter(0, 0, 0)
    meter(11, 10, 512)
    meter(10, 10, 512)
    meter(-3, 10, 512)
    meter(-3, None, 512)
    # columns
    for columns in (1, 2, 5, 9, 10, 20, 30, 39, 40, 41, 42, 43, 44, 50, 60, 80, 120, 200):
        meter(420, 1000, 1638, columns=columns)
        meter(420, 1000, 1638, columns=columns, prefix="titles", postfix="failed=3")
    meter(420, 1000, 1638, columns=0)
    meter(420, 1000, 1638, columns=0, prefix="titles")
    meter(420, None, 1638, columns=80, prefix="titles", postfix="failed=3")
    # words around the bar
    meter(420, 1000, 1638, prefix="titles")
    meter(420, 1000, 1638, prefix="titles: ")
    meter(420, 1000, 1638, prefix="titles:")
    meter(420, 1000, 1638, postfix="failed=3")
    meter(420, None, 1638, prefix="titles")
    meter(420, None, 1638, prefix="titles: ")
    meter(420, None, 1638, postfix="failed=3", unit=" pages")
    meter(420, 1000, 1638, unit="page")
    meter(420, 1000, 1638, unit="")
    # Cyrillic, East Asian, combining marks, emoji, colours
    for prefix in ("Заголовки", "и\u0306од", "川の流れ", "漢", "か\u3099", "ｈａｌｆﾊﾝｶｸ", "🌊 поток", "e\u0301a", "\x1b[32mgo\x1b[0m"):
        meter(420, 1000, 1638, prefix=prefix)
        for columns in (3, 8, 40, 60, 61):
            meter(420, 1000, 1638, prefix=prefix, columns=columns)
    for columns in range(40, 56):
        meter(420, 1000, 1638, postfix="川の流れ", columns=columns)
    meter(420, 1000, 1638, prefix="поток", postfix="川の流れ", columns=70, unit="стр.")
    meter(420, 1000, 1638, prefix="\x1b[32mgo", columns=20)
    # bytes, and other scaled units
    for n in (0, 1, 9, 10, 99, 100, 999, 1000, 1023, 1024, 9994, 10235, 102348, 10 ** 6, 1048576, 123456789,
              10 ** 12, 10 ** 15, 10 ** 18, 8 * 10 ** 18):
        meter(n, None, 512, unit="B", divisor=1024)
        meter(n, 9 * 10 ** 18, 512, unit="it", divisor=1000)
    meter(5 << 20, 1 << 30, 512 * 3, unit="B", divisor=1024)
    meter(5 << 20, 1 << 30, 512 * 3, unit="B", divisor=1024, columns=80, prefix="load")
    meter(3, 10, 512 * 100, unit="B", divisor=1024)
    meter(3, 10, 512 * 100000, unit="B", divisor=1024)
    meter(3, 10, 512, unit="B", divisor=1024, rate=999.49)
    meter(3, 10, 512, unit="B", divisor=1024, rate=999.51)


def bars():
    # looked at again only after 0.1 s
    b = Bar(10)
    for tick in (0, 10, 51, 52, 53, 100, 103, 104, 156, 157):
        b.at(tick).add()
    b.close()

    # steady, then twice as fast, then nearly nothing: the average, and how many make it look at the clock
    b = Bar(1000)
    for _ in range(60):
        b.after(8).add()
    for _ in range(120):
        b.after(4).add()
    for _ in range(12):
        b.after(200).add()
    b.after(1).close()

    # uneven times and uneven counts
    rnd = random.Random(42)
    b = Bar(5000, columns=72, prefix="titles", unit="page")
    for _ in range(150):
        b.after(rnd.choice((1, 3, 9, 30, 77))).add(rnd.choice((1, 1, 1, 2, 5, 40)))
    b.after(5).close()

    # no total, in bytes
    b = Bar(None, unit="B", divisor=1024, postfix="поток")
    for _ in range(40):
        b.after(rnd.randrange(1, 90)).add(rnd.randrange(1, 3 << 20))
    b.after(300).close()

    # slower than one a second
    b = Bar(5, columns=60)
    for _ in range(5):
        b.after(512 * 3 + 7).add()
    b.close()

    # over an hour
    b = Bar(4, columns=60)
    for _ in range(4):
        b.after(512 * 1501).add()
    b.close()

    # past the total, back, nothing at all
    b = Bar(4)
    for n in (2, 2, 1, 0, -2, 0, -3, 3):
        b.after(60).add(n)
    b.after(60).close()

    # a line that gets shorter is padded
    b = Bar(100, prefix="川の流れ")
    b.after(512).add(1)
    b.after(60).add(60)
    b.after(60).add(30)
    b.after(60).add(30)
    b.close()

    # lines in between
    b = Bar(100, columns=60, prefix="поток")
    b.print("at once")
    b.after(60).add(10).print("川の流れ").print("")
    b.after(1).add(10).print("two\nlines")
    b.after(60).add(10)
    b.after(60).close()

    # closed at once, and empty
    Bar(10).close()
    Bar(0).close()
    Bar(None).after(60).add(1).close()
    b = Bar(0)
    b.after(60).add(0)
    b.after(600).close()

    # many at once, then none for over 10 s
    b = Bar(1000, columns=60)
    b.after(60).add(300)
    b.after(60).add(300)
    b.after(60).add(1)
    b.at(120 + 5119).stale()
    b.at(120 + 5120).stale()
    b.after(300).add(1)
    b.after(60).add(1)
    b.after(20).add(5)
    b.after(40).add(5)
    b.close()

    # the same without anybody looking after it
    b = Bar(1000, columns=60)
    b.after(60).add(1)
    b.after(5200).add(2)
    b.after(60).add(2)
    b.after(60).add(2)
    b.close()


tqdm.tqdm.monitor_interval = 0  # stale() stands for the thread
meters()
bars()
head = [
    f"# What tqdm {tqdm.__version__} shows (Python {platform.python_version()}).",
    "# Written by golden.py, which says what the fields are. Do not edit.",
]
path = pathlib.Path(__file__).with_name("golden.txt")
path.write_text("\n".join(head + out) + "\n", encoding="utf-8")
