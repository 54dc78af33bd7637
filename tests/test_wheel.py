"""What is published: sdist and wheel hold what they should and work where nothing else is."""

import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "sklearn_spectral"
LINK = re.compile(r'\]\(([^)]+)\)|(?:src|srcset|href)="([^"]+)"')  # Markdown and HTML


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the sdist and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, REPOSITORY], check=True)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


@pytest.mark.slow
def test_sdist_and_wheel_hold_the_package_and_nothing_else(built):
    sdist, wheel = built
    sources = {path.relative_to(REPOSITORY).as_posix() for path in PACKAGE.rglob("*.py")}
    sources |= {"sklearn_spectral/py.typed", "sklearn_spectral/_spectra/bands.csv"}
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    assert {name for name in names if ".dist-info/" not in name} == sources
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with tarfile.open(sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    made = {"", "PKG-INFO", "setup.cfg"}
    folders = {parent.as_posix() for name in names for parent in Path(name).parents}
    names = {each for each in names - made - folders if ".egg-info" not in each}
    # All that is under version control: its tests and its site need the rest of the repository.
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    assert names == {each for each in tracked if each and not each.startswith((".ci/", ".gitig"))}


@pytest.mark.slow
def test_every_link_of_the_published_readme_is_absolute(built):
    with zipfile.ZipFile(built[1]) as file:
        (name,) = (each for each in file.namelist() if each.endswith(".dist-info/METADATA"))
        text = file.read(name).decode()
    links = [a or b for a, b in LINK.findall(text)]
    assert len(links) == len(LINK.findall((REPOSITORY / "README.md").read_text(encoding="utf-8")))
    assert [each for each in links if not re.match(r"https://|#", each)] == []
    home = re.search(r"Project-URL: Repository, (.+)", text)[1]
    for figure in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
        assert figure.startswith(f"{home}/raw/main/")


@pytest.mark.slow
def test_the_readme_runs_where_only_the_wheel_is_installed(built, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    windows = sys.platform == "win32"
    python = tmp_path / "venv" / ("Scripts" if windows else "bin") / "python"
    # torch first and pinned, as the Makefile does.
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    torch = re.search(r"TORCH \?= (.+)", makefile)[1]
    for what in (torch, f"{built[1]}[plot]"):
        subprocess.run([python, "-m", "pip", "install", "--quiet", what], check=True)
    blocks = re.findall(
        r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    script = tmp_path / "readme.py"
    script.write_text(
        "\n".join(blocks) + "\nimport sklearn_spectral as s; print(s.__file__)\n", encoding="utf-8"
    )
    done = subprocess.run(
        [python, "-W", "error", script],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout.splitlines()[-1]
