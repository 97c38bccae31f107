"""`SQLiteStore` over a fork: parent and child go on, each with connections of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import funnelkit
from funnelkit.storage.sqlite import SQLiteStore

SOURCE = str(Path(funnelkit.__file__).parents[1])

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

BEGIN = """
import os, sys, threading, warnings
from funnelkit.errors import StoreError
from funnelkit.storage.sqlite import SQLiteStore
from funnelkit.testing.samples import a_deal, new
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: that is what is tried here
store = SQLiteStore(sys.argv[1])
store.commit(new(a_deal("before")))

def in_child(do):
    pid = os.fork()
    if pid == 0:
        try:
            do()
        except BaseException as error:
            print("child:", repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    return pid

def wait(pid):
    print("exit", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


def run(code: str, path: Path) -> tuple[list[str], list[str]]:
    """Run a program on a new store; return what it printed and which deals are stored then."""
    command = [sys.executable, "-c", BEGIN + code, str(path)]
    env = {**os.environ, "PYTHONPATH": SOURCE}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env, timeout=60)
    assert done.stderr == ""
    with SQLiteStore(path) as store:
        assert store.check() == ()
        return done.stdout.splitlines(), [id for (id,) in store.query("SELECT id FROM deal ORDER BY id", {})]


def test_both_sides_write(tmp_path: Path) -> None:
    """After a fork the child writes and reads, then the parent; all is there in the end."""
    code = """
def child():
    store.commit(new(a_deal("child")))
    assert [deal.id for deal in store.find("deal", {})] == ["before", "child"]
wait(in_child(child))
store.commit(new(a_deal("parent")))
print([deal.id for deal in store.find("deal", {})])
store.close()
"""
    printed, stored = run(code, tmp_path / "crm.db")
    assert printed == ["exit 0", "['before', 'child', 'parent']"]
    assert stored == ["before", "child", "parent"]


def test_what_the_child_wrote_outlives_the_parents_close(tmp_path: Path) -> None:
    """The child holds its own locks: when the parent closes the file, its log stays with the child."""
    code = """
there, gone = os.pipe(), os.pipe()
def child():
    store.commit(new(a_deal("c1")))
    os.write(there[1], b"x")
    os.read(gone[0], 1)
    store.commit(new(a_deal("c2")))  # without locks of its own: into a log that was deleted
pid = in_child(child)
os.read(there[0], 1)
store.find("deal", {})
store.close()
os.write(gone[1], b"x")
wait(pid)
"""
    assert run(code, tmp_path / "crm.db") == (["exit 0"], ["before", "c1", "c2"])


def test_a_fork_waits_for_a_transaction_of_another_thread(tmp_path: Path) -> None:
    """Threads write all the time; every fork finds them between commits, and nothing is lost."""
    code = """
stop, acknowledged = threading.Event(), []
def write(name):
    number = 0
    while not stop.is_set():
        id = f"{name}-{number:05}"
        store.commit(new(*(a_deal(f"{id}-{part}") for part in range(5))))
        acknowledged.append(id)
        number += 1
        stop.wait(0.002)  # SQLite is not fair: others shall have a turn, too
threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
for thread in threads:
    thread.start()
for number in range(8):
    wait(in_child(lambda: store.commit(new(a_deal(f"child-{number:02}")))))
stop.set()
for thread in threads:
    thread.join()
print(len(acknowledged), flush=True)
store.close()
"""
    printed, stored = run(code, tmp_path / "crm.db")
    assert printed[:8] == ["exit 0"] * 8
    assert [id for id in stored if id.startswith("child")] == [f"child-{number:02}" for number in range(8)]
    assert len([id for id in stored if id.startswith(("a-", "b-"))]) == int(printed[8]) * 5


def test_a_pool_of_forked_processes_shares_the_store(tmp_path: Path) -> None:
    """Workers of ``multiprocessing`` made by fork use the store they inherit."""
    code = """
import multiprocessing
def work(number):
    store.commit(new(a_deal(f"w{number}")))
    return store.get("deal", f"w{number}").id
with multiprocessing.get_context("fork").Pool(3) as pool:
    print(pool.map(work, range(9)))
    pool.close()
    pool.join()
store.close()
"""
    printed, stored = run(code, tmp_path / "crm.db")
    expected = [f"w{number}" for number in range(9)]
    assert printed == [str(expected)]
    assert stored == ["before", *expected]


def test_a_closed_store_is_closed_in_the_child(tmp_path: Path) -> None:
    """A fork does not open what was closed."""
    code = """
store.close()
def child():
    try:
        store.find("deal", {})
    except StoreError as error:
        print(type(error).__name__, flush=True)
wait(in_child(child))
"""
    assert run(code, tmp_path / "crm.db")[0] == ["StoreClosedError", "exit 0"]


def test_a_fork_during_a_backup_waits_for_it(tmp_path: Path) -> None:
    """A copy that another thread is making is finished first; its progress may use the store meanwhile."""
    code = """
started, backed = threading.Event(), []
for number in range(20):
    store.commit(new(*(a_deal(f"d{number}-{part}", name="x" * 400) for part in range(1_000))))
def write(done, total):
    started.set()
    store.health()
    store.commit(new(a_deal(f"at{done}")))
thread = threading.Thread(target=lambda: backed.append(store.backup(sys.argv[1] + ".copy", progress=write)))
thread.start()
started.wait()
wait(in_child(lambda: store.commit(new(a_deal("child")))))
thread.join()
with SQLiteStore(backed[0]) as copy:
    print(copy.query("SELECT COUNT(*) FROM deal", {}), copy.check())
store.close()
"""
    printed, stored = run(code, tmp_path / "crm.db")
    assert printed == ["exit 0", "[(20001,)] ()"]
    assert "child" in stored


def test_a_task_that_forks_ends_and_all_else_goes_on(tmp_path: Path) -> None:
    """A backup whose progress forks loses its connection; verbs and questions get new ones, on both sides."""
    code = """
def use():
    number = len(store.find("deal", {}))
    store.commit(new(a_deal(f"d{number}")))
    assert store.query("SELECT COUNT(*) FROM deal", {}) == [(number + 1,)]
def forking(done, whole):
    wait(in_child(use))
    use()
try:
    store.backup(sys.argv[1] + ".copy", progress=forking)
except StoreError as error:
    print(error)
use()
"""
    printed, stored = run(code, tmp_path / "crm.db")
    assert printed[0] == "exit 0"
    assert "closed" in printed[1]
    assert stored == ["before", "d1", "d2", "d3"]
    assert [file.name for file in tmp_path.iterdir() if "copy" in file.name] == []
