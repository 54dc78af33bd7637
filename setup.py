"""README.md as a package index shows it: links within the repository become links to it."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
home = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
readme = (HERE / "README.md").read_text(encoding="utf-8")
# What stands before a link, in Markdown and in HTML: figures are shown as files, the rest as pages.
for place, before in (
    ("raw", r'(!\[[^]]*\]\(|src(?:set)?=")'),
    ("blob", r'((?<!!)\[[^]!]*\]\(|href=")'),
):
    readme = re.sub(rf"{before}(?!\w+:|#)", rf"\1{home['Repository']}/{place}/main/", readme)
setup(long_description=readme, long_description_content_type="text/markdown")
