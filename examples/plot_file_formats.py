"""
From CSV, JCAMP-DX, SPC or OPUS files to a model: how?
======================================================

This package reads no files: for each format there is a reader already. What a model needs is one
table, a row a spectrum, on one wavenumber axis. The readers used here are ``pandas``, ``jcamp``
and ``spc-io`` (``pip install jcamp spc-io``).
"""

# %%
# Files to read, written here from the fermentation set that comes with chemotools: the spectra are
# divided between three instruments' exports.
import struct
import tempfile
from pathlib import Path

import jcamp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from chemotools.datasets import load_fermentation_train
from chemotools.derivative import SavitzkyGolay
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from spc_io import SPC

from sklearn_spectral import ResNet1DRegressor, cross_explain

X, reference = load_fermentation_train()
wavenumbers = X.columns.to_numpy()
folder = Path(tempfile.mkdtemp())
for row, spectrum in enumerate(X.to_numpy()):
    if row % 3 == 0:
        pd.DataFrame({"cm-1": wavenumbers, "absorbance": spectrum}).to_csv(
            folder / f"{row:02d}.csv", index=False
        )
    elif row % 3 == 1:
        pairs = "\n".join(f"{x:.4f} {y:.8f}" for x, y in zip(wavenumbers, spectrum, strict=True))
        head = f"##TITLE={row:02d}\n##JCAMP-DX=4.24\n##DATA TYPE=INFRARED SPECTRUM\n"
        units = "##XUNITS=1/CM\n##YUNITS=ABSORBANCE\n##XFACTOR=1\n##YFACTOR=1\n"
        text = f"{head}{units}##NPOINTS={len(spectrum)}\n##XYPOINTS=(XY..XY)\n{pairs}\n##END=\n"
        (folder / f"{row:02d}.jdx").write_text(text, encoding="utf-8")
    else:
        # The first fields of the header, 512 bytes long; wavenumbers; the header of the spectrum,
        # 32 bytes long; intensities.
        first, last, date = wavenumbers[0], wavenumbers[-1], 2023 << 20 | 1 << 16 | 1 << 11
        fields = (0x80, 0x4B, 0, 0x80, len(spectrum), first, last, 1, 1, 2, 0, 0, date)
        header = struct.pack("<4BiddiBBBBi", *fields).ljust(512, b"\0")
        subheader = bytes([0, 0x80]).ljust(32, b"\0")
        x, y = (values.astype("<f4").tobytes() for values in (wavenumbers, spectrum))
        (folder / f"{row:02d}.spc").write_bytes(header + x + subheader + y)


# %%
# One small function a format, each from a path to wavenumbers and intensities.
def read_csv(path):
    """Read two columns, with a line of names above them or without."""
    table = pd.read_csv(path, header=None).apply(pd.to_numeric, errors="coerce")
    first = int(table.notna().all(axis=1).argmax())  # the line of names is no numbers
    if table.iloc[first:].isna().any(axis=None):
        raise ValueError(f"{path} holds something between or below the numbers that is none.")
    return table.iloc[first:].to_numpy(dtype=float).T


def read_jcamp(path):
    """Read the one spectrum of a JCAMP-DX file, packed or not, as absorbance if it is infrared."""
    content = jcamp.readfile(path)
    if "children" in content or "x" not in content:  # a compound file
        raise ValueError(f"{path} holds several spectra: read content['children'] one by one.")
    y = np.asarray(content["y"], dtype=float)
    unit = str(content.get("yunits", "")).lower()
    if "transmit" in unit or unit.strip() == "%t":
        if y.max() > 2 or "%" in unit or "percent" in unit:  # which units do not always say
            y = y / 100
        y = -np.log10(np.clip(y, 1e-6, None))
    return content["x"], y


def read_spc(path):
    """Read the first spectrum of an SPC file."""
    with path.open("rb") as file:
        content = SPC.from_bytes_io(file)
    return content[0].xarray, content[0].yarray


READERS = {".csv": read_csv, ".jdx": read_jcamp, ".spc": read_spc}

# %%
# Bruker's OPUS files, which end in a number, are read by ``brukeropus`` (``pip install
# brukeropus``). There is none here to read, so that these lines are not run when this page is
# built; ``a`` is the absorbance, where the file has one:
#
# .. code-block:: python
#
#     from brukeropus import read_opus
#
#     def read_opus_file(path):
#         content = read_opus(path)
#         if not hasattr(content, "a"):  # a background, or single channels only
#             raise ValueError(f"{path} holds no absorbance, but {content.all_keys}.")
#         return content.a.x, content.a.y
#
# Instruments differ in direction, range and spacing of the axis: sort it, and interpolate all
# spectra onto one that lies within all of them.
axis = np.arange(950.0, 1500.0, 1.5)
names, rows = [], []
for path in sorted(folder.iterdir()):
    x, y = READERS[path.suffix](path)
    order = np.argsort(x)
    if x[order[0]] > axis[0] or x[order[-1]] < axis[-1]:
        raise ValueError(f"{path.name} runs from {x.min():g} to {x.max():g} cm-1 only.")
    names.append(path.stem)
    rows.append(np.interp(axis, np.asarray(x)[order], np.asarray(y)[order]))
spectra = pd.DataFrame(rows, index=names, columns=axis)
print(f"{len(spectra)} spectra, {spectra.shape[1]} points")

# %%
# The reference values by the names of the files, never by their order alone: a file that is missing
# would shift all that follow.
glucose = pd.Series(reference["glucose"].to_numpy(), index=[f"{row:02d}" for row in range(len(X))])
y = glucose.loc[spectra.index].to_numpy()

# %%
# From here on it is the table of all other examples. The column names are the wavenumbers, and the
# maps know them.
model = make_pipeline(
    SavitzkyGolay(window_length=15, polyorder=2, deriv=1), ResNet1DRegressor(random_state=0)
)
explanation = cross_explain(model, spectra, y, cv=KFold(5, shuffle=True, random_state=0))
rmse = np.sqrt(np.mean((explanation.outputs - y) ** 2))
print(f"RMSE of cross-validation: {rmse:.2f} g/L")
explanation.plot(samples=[int(y.argmax())], technique="ftir", output_label="glucose (g/L)")
plt.show()
