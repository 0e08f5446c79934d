"""Adds up what llvm-cov tells of `src`, without the tests in it, and fails under 95 % of lines."""

import collections
import json
import os
import re
import subprocess
import sys

LIMIT = 95
# What a request or a token passes through before it is accepted or refused.
VERIFY_PATH = re.compile(r"src/(v4/|aws/(verify|ring|post/verify|stream/|cloudfront/verify)|azure/(\w+/)?(verify|ring)|gcs/(post/)?(verify|ring)"
                         r"|mac\.rs|encode\.rs|policy/|gateway/|view\.rs|target\.rs|ticket/verify)")

tool, *words = sys.argv[1:]
target = os.environ["CARGO_TARGET_DIR"]
root = os.getcwd() + "/"
with open(f"{target}/built.json") as built:
    artifacts = [json.loads(line) for line in built]
objects = [it["executable"] for it in artifacts if it.get("executable") and it["profile"]["test"]]
command = [tool, "export", f"-instr-profile={target}/all.profdata", objects[0], *(f"-object={it}" for it in objects[1:])]


def export(form):
    return subprocess.run([*command, f"-format={form}", f"{root}src"], check=True, stdout=subprocess.PIPE, text=True).stdout


def first_line_of_tests(name):
    with open(name) as file:
        for number, line in enumerate(file, 1):
            if line.startswith("#[cfg(test)]") or line.startswith("#[cfg(all(test"):
                return number
    return sys.maxsize


lines, branches = collections.defaultdict(dict), collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
end, name = 0, ""
for line in export("lcov").splitlines():
    if line.startswith("SF:"):
        name = line[3:].removeprefix(root)
        end = first_line_of_tests(line[3:])
    elif line.startswith("DA:"):
        number, count = map(int, line[3:].split(",")[:2])
        if number < end:
            lines[name][number] = max(count, lines[name].get(number, 0))
for file in json.loads(export("text"))["data"][0]["files"]:
    end = first_line_of_tests(file["filename"])
    for branch in file["branches"]:
        if branch[0] < end:
            # A function that is generic, or is built into several tests, is there several times.
            found = branches[file["filename"].removeprefix(root)][tuple(branch[:4])]
            found[0] += branch[4]
            found[1] += branch[5]
if not lines:
    sys.exit("nothing was measured")


def share(reached, all_of_it):
    return f"{reached} of {all_of_it}, {100 * reached / max(all_of_it, 1):.2f} %"


def reached_lines(files):
    return sum(1 for it in files for count in lines[it].values() if count), sum(len(lines[it]) for it in files)


def reached_branches(files):
    sides = [side for it in files for found in branches[it].values() for side in found]
    return sum(1 for side in sides if side), len(sides)


by_share = sorted(lines, key=lambda it: (lambda reached, total: reached / max(total, 1))(*reached_lines([it])))
print("the files with the fewest lines reached:")
for name in by_share[:12]:
    print(f"  {name}: {share(*reached_lines([name]))}")
for name in sorted(lines):
    if any(word in name for word in words):
        missed = [number for number, count in sorted(lines[name].items()) if not count]
        print(f"{name}: lines {missed}" if missed else f"{name}: every line")
        for (line, column, *_), (is_true, is_false) in sorted(branches[name].items()):
            if not (is_true and is_false):
                print(f"  {line}:{column} never {'either' if not is_true + is_false else 'false' if is_true else 'true'}")
on_path = [it for it in lines if VERIFY_PATH.match(it)]
print(f"verify path: lines {share(*reached_lines(on_path))}; branches {share(*reached_branches(on_path))}")
reached, total = reached_lines(lines)
print(f"all: lines {share(reached, total)}; branches {share(*reached_branches(lines))}")
if 100 * reached < LIMIT * total:
    sys.exit(f"fewer than {LIMIT} % of lines are reached")
