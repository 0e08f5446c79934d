"""Adds up what llvm-cov tells of `src`, without the tests in it. Fails under 95 % of lines, and for a side of a branch of the
verify path that no test takes, unless `.ci/coverage.unreached` gives the reason; a listed one that is taken fails as well."""

import collections
import json
import os
import re
import subprocess
import sys

LIMIT = 95
# What a request or a token passes through before it is accepted or refused.
VERIFY_PATH = re.compile("src/(" + "|".join((
    r"v4/",
    r"aws/(verify|expect|signed_request|ring|fields|canonical)\.rs",
    r"aws/(post|stream|cloudfront|auth_token|legacy|v4a)/",
    r"azure/(verify|read|signed|fields|reach|ring)\.rs",
    r"azure/(shared_key|messaging)/",
    r"gcs/(verify|fields|canonical|ring)\.rs",
    r"(gcs/)?post/",
    r"ticket/verify\.rs",
    r"(mac|encode|scan|head|view|target)\.rs",
)) + ")")
UNREACHED = ".ci/coverage.unreached"

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


def condition(name, place):
    """The text of a branch in one line, so that an edit above it changes nothing."""
    first, left, last, right = place
    with open(name) as file:
        part = file.readlines()[first - 1:last]
    # Columns count bytes.
    part[-1] = part[-1].encode()[:right - 1].decode()
    part[0] = part[0].encode()[left - 1:].decode()
    return " ".join("".join(part).split())


found, where = collections.Counter(), collections.defaultdict(list)
for name in sorted(on_path):
    for place, sides in sorted(branches[name].items()):
        for side, count in zip(("true", "false"), sides):
            if not count:
                key = f"{name}: never {side}: {condition(name, place)}"
                found[key] += 1
                where[key].append(f"{place[0]}:{place[1]}")
with open(UNREACHED) as file:
    entries = [line.rstrip("\n").split("  # ", 1) for line in file if line.strip() and not line.startswith("#")]
without_reason = [entry[0] for entry in entries if len(entry) < 2 or not entry[1].strip()]
listed = collections.Counter(entry[0] for entry in entries)
print(f"verify path: {sum(found.values())} sides of a branch not taken, {sum((found & listed).values())} of them listed with the reason")
reached, total = reached_lines(lines)
print(f"all: lines {share(reached, total)}; branches {share(*reached_branches(lines))}")
wrong = [f"{UNREACHED}: no reason: {it}" for it in without_reason]
wrong += [f"not taken and not listed: {it} (at {', '.join(where[it])})" for it in sorted(found - listed)]
wrong += [f"listed, but taken or gone: {it}" for it in sorted(listed - found)]
if 100 * reached < LIMIT * total:
    wrong.append(f"fewer than {LIMIT} % of lines are reached")
if wrong:
    sys.exit("\n".join(wrong))
