"""Numbers that begin with a zero byte: one in 256, and where implementations forget to pad.

Everything that passes is counted by name; `until` makes keys and signatures that need padding on purpose.
"""

import collections

seen = collections.Counter()
padded = collections.Counter()


def number(name, data):
    seen[name] += 1
    padded[name] += data[0] == 0


def halves(data):
    return data[: len(data) // 2], data[len(data) // 2 :]


def signature(name, data):
    """An ECDSA signature, r and s."""
    for letter, half in zip("rs", halves(data)):
        number(f"{name} {letter}", half)


def coordinates(name, point):
    for letter, half in zip("xy", halves(point[1:])):
        number(f"{name} {letter}", half)


def until(wanted, make):
    """Makes one after the other until `wanted` likes it."""
    while True:
        made = make()
        if wanted(made):
            return made


def summary():
    """{name: [how many, how many of them begin with a zero byte]}"""
    return {name: [seen[name], padded[name]] for name in sorted(seen)}
