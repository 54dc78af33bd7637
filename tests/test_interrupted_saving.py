"""Saving that is interrupted at any point leaves the old file or the new one."""

import inspect
import subprocess
import sys

import pytest

from helpers import blends

# Saves one model, then tries to put another in its place, in children that never get to it.
INTERRUPTED = (
    inspect.getsource(blends)
    + """
import os, resource, sys, time
import numpy as np, torch
from sklearn_spectral import ResNet1DRegressor

torch.set_num_threads(1)
path = sys.argv[1]
X, y = blends()
old, new = [ResNet1DRegressor(max_epochs=0, random_state=i).fit(X, y) for i in (1, 2)]
old.save(path)
before = open(path, "rb").read()

def in_a_child(interrupted):
    child = os.fork()
    if not child:
        interrupted()
        os._exit(0)
    return child

# Dies before each of the lines that write, in turn, until none is left.
def killed_at(line):
    def trace(frame, event, arg):
        nonlocal line
        if frame.f_code.co_name != "write":
            return None
        line -= event == "line"
        if line == 0:
            os.kill(os.getpid(), 9)
        return trace

    sys.settrace(trace)
    new.save(path)

line = 1
while os.waitpid(in_a_child(lambda: killed_at(line)), 0)[1] == 9:
    is_old = open(path, "rb").read() == before
    assert is_old or ResNet1DRegressor.load(path).random_state == 2
    if line == 1:
        assert is_old
    line += 1
assert line > 8 and open(path, "rb").read() != before

# Saves again and again, until killed from outside.
def for_ever():
    while True:
        for model in (old, new):
            model.save(path)
        os.write(done, b".")

for i in range(10):
    ready, done = os.pipe()
    child = in_a_child(for_ever)
    os.read(ready, 1)
    time.sleep(0.003 * i)
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert ResNet1DRegressor.load(path).random_state in (1, 2)

# The operating system lets no file grow beyond half of what is needed.
old.save(path)
for name in os.listdir(os.path.dirname(path)):
    if name.endswith(".tmp"):
        os.unlink(os.path.join(os.path.dirname(path), name))

def full_disk():
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2,) * 2)
    try:
        new.save(path)
    except OSError:
        os._exit(7)

assert os.waitstatus_to_exitcode(os.waitpid(in_a_child(full_disk), 0)[1]) == 7
assert open(path, "rb").read() == before
assert os.listdir(os.path.dirname(path)) == ["model"]
"""
)


@pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")
def test_interrupted_saving_keeps_the_old_file(tmp_path):
    command = [sys.executable, "-c", INTERRUPTED, tmp_path / "model"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
