#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What bench_apply.sh measured, as a table, and the ratios within each round: ratios.py TIMES"""
import collections
import statistics
import sys


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def ratio(rounds, column, above, below):
    return [r[above][column] / r[below][column] for r in rounds.values() if above in r and below in r]


def main():
    rounds, names = collections.defaultdict(dict), {}
    with open(sys.argv[1], encoding="utf-8") as file:
        for line in file:
            number, name, wall, cpu, code = line.split()
            rounds[number][name] = float(wall), float(cpu)
            if name == "kubectl-again":
                whole = zip(rounds[number]["kubectl"], rounds[number][name])
                rounds[number]["kubectl until all is there"] = tuple(map(sum, whole))
            names.setdefault(name, code)
    for name, code in names.items():
        walls, cpus = zip(*(r[name] for r in rounds.values() if name in r))
        print(f"{name:14} wall {spread(walls)} s, CPU {spread(cpus)} s, exit {code}")
    for what, column, above, below, wanted in (
            ("CPU", 1, "library", "kubectl", ", wanted at most 0.20"),
            ("wall", 0, "library", "replay", ", wanted at most 1.20"),
            ("wall", 0, "library", "kubectl", ""),
            ("CPU", 1, "library", "kubectl until all is there", ""),
            ("wall", 0, "library", "kubectl until all is there", "")):
        values = ratio(rounds, column, above, below)
        if values:
            print(f"{what}: {above} / {below} = {spread(values)}{wanted}")


main()
