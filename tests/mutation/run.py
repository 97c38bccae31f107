"""How many small mistakes would the tests notice? Each mutant is one; a test that fails kills it.

    python tests/mutation/run.py decide               every mutant of a group of groups.toml
    python tests/mutation/run.py rows --sample 100    so many of each module, by chance
    python tests/mutation/run.py decide --only gate.ledger --mutants x_moved__mutmut_3

mutmut makes the mutants, in a copy of the working tree. The tests are collected once; then each mutant is
tried in a fork of that process, by the tests that reach its function: those first that have killed before,
then the quick ones, until one fails or ``--seconds`` of tests have passed. What runs while modules are
imported is tried in a process of its own. The survivors of a pass of the group are tried by the next one.
It takes minutes to an hour, and is not part of CI.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SWITCH = "MUTANT_UNDER_TEST"  # the environment variable that mutmut's switches read
SURVIVED, KILLED, BROKEN = 0, 1, 70  # pytest's own codes, and ours for what must not happen
PROCESSES = "other processes"
STARTS = {"subprocess.Popen", "os.fork", "os.posix_spawn"}
"""Events of tests that start processes. What runs there is not seen."""

OPTIONS = ["-q", "-p", "no:cacheprovider", "-W", "ignore", "-o", "tmp_path_retention_policy=none"]

Mutants = dict[str, dict[str, str]]
"""Name → its module, its function and what is changed."""


def copied(folder: Path) -> None:
    """Copy the files that git knows, as they are in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "src", "tests", "docs", "examples", "*.toml", "*.md"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


def mutated(folder: Path, module: str) -> Mutants:
    """Write all mutants of a module into its file, behind switches; return what they are."""
    from mutmut.mutation.file_mutation import mutate_file_contents

    path = folder / "src" / "funnelkit" / f"{module.replace('.', '/')}.py"
    made = mutate_file_contents(str(path), path.read_text())
    path.write_text(made.code)
    lines = made.code.splitlines()

    def text(name: str) -> list[str]:
        span = made.line_span_by_function_name[name]
        return lines[span.start - 1 : span.end]

    mutants = {}
    for name in made.mutant_names:
        function = name.partition("__mutmut_")[0]
        before, after = text(f"{function}__mutmut_orig"), text(name)
        changed = list(difflib.unified_diff(before, after, n=0, lineterm=""))[3:]
        what = "\n".join(line for line in changed if "__mutmut_" not in line and not line.startswith("@@"))
        mutants[f"funnelkit.{module}.{name}"] = {"module": module, "function": function, "change": what}
    return mutants


class Trial:
    """A plugin of pytest that runs the collected tests once per mutant.

    Args:
        mutants: What is to be tried.
        args: ``seconds``: how long the tests of one mutant may take, as they took without it;
            ``jobs``: how many mutants are tried at a time.
        found: The file that gets a line of JSON for each mutant that was tried.
        notes: The file of how long each test takes and what it reaches; tests in it are not measured again.
    """

    def __init__(self, mutants: Mutants, args: argparse.Namespace, found: Path, notes: Path) -> None:
        self.mutants, self.seconds, self.jobs = mutants, args.seconds, args.jobs
        self.found, self.notes = found, notes
        self.at_import: set[str] = set()
        self.took: dict[str, float] = {}
        self.reached: dict[str, list[str]] = defaultdict(list)
        self.kills: Counter[tuple[str, str]] = Counter()  # by function and test, and by module and test
        for name, verdict in verdicts(found).items():
            self.kills.update((place, verdict["by"]) for place in places(name))

    def pytest_runtestloop(self, session: Any) -> bool:
        """Try every mutant, instead of the tests."""
        watch(None)
        if session.testsfailed:
            raise session.Interrupted("a file of tests cannot be collected")
        session.config._tmp_path_factory.getbasetemp()  # noqa: SLF001 (or each fork would empty it)
        self.items = {item.nodeid: item for item in session.items}
        if waited(forked(self._measure), None):
            raise SystemExit("the tests cannot be measured")
        for name, (seconds, functions) in self._measured().items():
            self.took[name] = seconds
            for function in functions:
                self.reached[function].append(name)
        self.at_import -= self.reached.keys()
        self.reached.update({function: list(self.took) for function in self.at_import})
        total = sum(self.took.values())
        say(f"{len(self.took)} of {len(self.items)} tests pass and can be used, {total:.0f} s")
        gc.collect()
        gc.freeze()  # a fork then copies less
        self._try_all()
        return True

    def _measured(self) -> dict[str, Any]:
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        known = {name: what for name, *what in map(json.loads, lines)}
        return {name: known[name] for name in self.items if name in known}

    def _measure(self) -> int:
        """Run all tests without a mutant; note how long each takes and which functions it reaches."""
        reached: set[str] = set()
        watch(reached)
        sys.addaudithook(lambda event, _: reached.add(PROCESSES) if event in STARTS else None)
        known = self._measured()
        with self.notes.open("a") as file:
            for item, following in pairs(item for name, item in self.items.items() if name not in known):
                reached.clear()
                start = time.perf_counter()
                if passes(item, following):
                    seconds = time.perf_counter() - start
                    file.write(json.dumps([item.nodeid, seconds, sorted(reached)]) + "\n")
        return SURVIVED

    def _try_all(self) -> None:
        running: dict[int, tuple[str, float, list[str]]] = {}
        waiting = list(self.mutants)
        with self.found.open("a") as file:
            while waiting or running:
                while waiting and len(running) < self.jobs:
                    name = waiting.pop(0)
                    tests = self._tests(name)
                    limit = 5 * sum(self.took[test] for test in tests) + 20
                    running[forked(self._attempt, name, tests)] = (name, time.monotonic() + limit, tests)
                time.sleep(0.005)
                for pid, (name, deadline, tests) in list(running.items()):
                    code = waited(pid, deadline)
                    if code is not None:
                        del running[pid]
                        file.write(json.dumps(self._verdict(name, code, tests)) + "\n")
                        file.flush()

    def _tests(self, name: str) -> list[str]:
        """Return the tests of a mutant in the order they are tried."""
        function, module = places(name)
        nth: Counter[str] = Counter()
        order = {}
        for test in sorted(self.reached[function], key=self.took.__getitem__):
            same = test.partition("[")[0]  # one case of each test first, then the second ones
            order[test] = (-self.kills[function, test], -self.kills[module, test], nth[same], self.took[test])
            nth[same] += 1
        tests = sorted(order, key=order.__getitem__)
        tests += [test for test in self.reached[PROCESSES] if test not in order]  # who knows what they reach
        chosen, total = [], 0.0
        for test in tests:
            total += self.took[test]
            if total > self.seconds and chosen:
                break
            chosen.append(test)
        return chosen

    def _attempt(self, name: str, tests: Sequence[str]) -> int:
        os.environ[SWITCH] = name
        if places(name)[0] in self.at_import:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.execv(sys.executable, [sys.executable, "-m", "pytest", "-x", *OPTIONS, *tests])  # noqa: S606
        for number, (item, following) in enumerate(pairs(self.items[test] for test in tests)):
            if not passes(item, following):
                killer_file(self.found, name).write_text(tests[number])
                return KILLED
        return SURVIVED

    def _verdict(self, name: str, code: int, tests: Sequence[str]) -> dict[str, Any]:
        note, killer = killer_file(self.found, name), ""
        if note.exists():
            killer = note.read_text()
            note.unlink()
            self.kills.update((place, killer) for place in places(name))
        verdict = {0: "survived", 1: "killed", 2: "killed", BROKEN: "broken"}.get(code, "timeout")
        if not tests:
            verdict = "unreached"
        all_of_them = len(tests) >= len(self.reached[places(name)[0]])
        say(f"{verdict:9} {name} {killer}")
        return {"name": name, "verdict": verdict, "by": killer, "tests": len(tests), "all": all_of_them}


def killer_file(found: Path, name: str) -> Path:
    """Return the file in which a fork says which test has killed a mutant."""
    return found.with_name(f"by-{name}")


def places(name: str) -> tuple[str, str]:
    """Return the function of a mutant, and its module."""
    function = name.partition("__mutmut_")[0]
    return function, function.rpartition(".")[0]


def pairs(items: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Return each item with the one after it."""
    several = list(items)
    return list(zip(several, [*several[1:], None], strict=False))  # no pair of no items


def passes(item: Any, following: Any) -> bool:
    """Run one test."""
    from _pytest.runner import runtestprotocol

    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def forked(function: Any, *arguments: Any) -> int:
    """Start a fork that ends with what the function returns; return its number."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    code = BROKEN
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = function(*arguments)
    except BaseException as error:  # noqa: BLE001 (nothing may get out of a fork)
        say(f"broken: {error!r}")
    finally:
        os._exit(code)


def watch(reached: set[str] | None) -> None:
    """Add the functions that run from now on to a set; not those in processes that tests start."""
    from mutmut.mutation import trampoline

    os.environ.pop(SWITCH, None)
    trampoline._mutant_under_test = None if reached is None else "stats"  # noqa: SLF001
    if reached is not None:
        trampoline.record_trampoline_hit = lambda name, **_: reached.add(name)  # type: ignore[attr-defined]


def waited(pid: int, deadline: float | None) -> int | None:
    """Return how a fork has ended; None while it runs. After the deadline it is killed."""
    done, status = os.waitpid(pid, 0 if deadline is None else os.WNOHANG)
    if not done:
        if deadline is None or time.monotonic() < deadline:
            return None
        os.killpg(pid, signal.SIGKILL)
        done, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def say(text: str) -> None:
    """Write a line to whoever started us; pytest has taken the standard streams."""
    os.write(OUTPUT, f"{text}\n".encode())


OUTPUT = os.dup(2)


def run_pass(folder: Path, trial: Trial, arguments: Sequence[str]) -> int:
    """Collect tests in the copy and try the mutants by them."""
    import pytest

    os.environ.update(PYTHONPATH=str(folder / "src"), HYPOTHESIS_PROFILE="ci")
    watch(trial.at_import)
    sys.path[:0] = [str(folder / "src"), str(folder)]
    pytest.main([f"--basetemp={folder / 'temporary'}", *OPTIONS, *arguments], plugins=[trial])
    return 0 if trial.took else 1


def chosen(mutants: Mutants, args: argparse.Namespace) -> Mutants:
    """Return the mutants to try, in an order by chance: an interrupted run is a fair sample, too."""
    names = sorted(mutants)
    random.Random(args.seed).shuffle(names)
    taken: Counter[str] = Counter()
    result = {}
    for name in names:
        mutant = mutants[name]
        if args.mutants and not any(word in f"{name}$" for word in args.mutants):
            continue
        if args.sample and taken[mutant["module"]] >= args.sample:
            continue
        taken[mutant["module"]] += 1
        result[name] = mutant
    return result


def verdicts(found: Path) -> dict[str, dict[str, Any]]:
    """Return the last verdict on each mutant that was tried; a kill is never taken back."""
    last: dict[str, dict[str, Any]] = {}
    for line in found.read_text().splitlines() if found.exists() else ():
        verdict = json.loads(line)
        if last.get(verdict["name"], verdict)["verdict"] not in {"killed", "timeout"}:
            last[verdict["name"]] = verdict
        else:
            last.setdefault(verdict["name"], verdict)
    return last


def table(all_of_them: Mutants, found: dict[str, dict[str, Any]]) -> str:
    """Return a row for each module, then each survivor."""
    rows = ["| module | mutants | tried | killed | survived | share |", "|---|---:|---:|---:|---:|---:|"]
    made = Counter(mutant["module"] for mutant in all_of_them.values())
    tried = Counter(all_of_them[name]["module"] for name in found)
    dead = {name for name, verdict in found.items() if verdict["verdict"] in {"killed", "timeout"}}
    killed = Counter(all_of_them[name]["module"] for name in dead)
    for module in made:
        share = f"{killed[module] / tried[module]:.1%}" if tried[module] else ""
        counts = (made[module], tried[module], killed[module], tried[module] - killed[module], share)
        rows.append(f"| `{module}` | {' | '.join(map(str, counts))} |")
    for name in sorted(set(found) - dead):
        rows += ["", f"{name} ({found[name]['verdict']})", all_of_them[name]["change"]]
    return "\n".join(rows)


def main() -> None:
    """Run a group as the command line says."""
    groups = tomllib.loads(Path(__file__).with_name("groups.toml").read_text())
    parser = argparse.ArgumentParser(description="Mutation tests.")
    parser.add_argument("group", choices=groups)
    parser.add_argument("--only", nargs="+", default=[], help="modules of the group")
    parser.add_argument("--mutants", nargs="+", default=[], help="parts of names; $ is the end of one")
    parser.add_argument("--sample", type=int, default=0, help="so many of each module; 0 is all")
    parser.add_argument("--seconds", type=float, default=10, help="of tests for one mutant in one pass")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="keep verdicts here; its survivors are tried again")
    parser.add_argument("--new", action="store_true", help="leave out what --out has a verdict on")
    args = parser.parse_args()
    group = groups[args.group]
    with tempfile.TemporaryDirectory(prefix="funnelkit-mutants-") as name:
        folder = Path(name)
        copied(folder)
        found = (args.out or folder / "found.jsonl").absolute()
        os.chdir(folder)  # where mutmut looks for its settings
        modules = args.only or group["modules"]
        all_of_them = {key: mutant for module in modules for key, mutant in mutated(folder, module).items()}
        wanted = chosen(all_of_them, args)
        if args.new:
            wanted = {name: mutant for name, mutant in wanted.items() if name not in verdicts(found)}
        say(f"{len(wanted)} of {len(all_of_them)} mutants")
        try:
            for number, arguments in enumerate(group["passes"], 1):
                last = verdicts(found)
                dead = {name for name in last if last[name]["verdict"] in {"killed", "timeout"}}
                left = {name: mutant for name, mutant in wanted.items() if name not in dead}
                trial = Trial(left, args, found, found.with_suffix(f".{number}.reached"))
                if left and waited(forked(run_pass, folder, trial, arguments), None):
                    raise SystemExit("pytest has failed")
        finally:
            known = {key: value for key, value in verdicts(found).items() if key in all_of_them}
            print(table(all_of_them, known))


if __name__ == "__main__":
    main()
