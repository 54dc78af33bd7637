"""The README's code runs as it stands."""

import re
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

README = Path(__file__).parents[1] / "README.md"


def test_readme_code_runs(capsys):
    matplotlib.use("agg")
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 1
    namespace = {}
    for block in blocks:
        exec(compile(block, str(README), "exec"), namespace)
    plt.close("all")
    assert float(capsys.readouterr().out.split()[0]) > 0.8
