"""
Load CSV, JCAMP-DX, SPC and OPUS files
======================================

This package does not read files, because there is already a reader for each
format. A model needs one table, with one spectrum per row, on one wavenumber
axis. This example uses the readers ``pandas``, ``jcamp`` and ``spc-io``
(``pip install jcamp spc-io``). See :doc:`/user_guide/data` for tables with
wavenumbers.
"""

# %%
# First, the example writes the files that it will read. The spectra are the
# fermentation set of chemotools, divided among the export formats of three
# instruments.
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
        pairs = "\n".join(
            f"{x:.4f} {y:.8f}"
            for x, y in zip(wavenumbers, spectrum, strict=True)
        )
        head = f"##TITLE={row:02d}\n##JCAMP-DX=4.24\n"
        head += "##DATA TYPE=INFRARED SPECTRUM\n"
        units = (
            "##XUNITS=1/CM\n##YUNITS=ABSORBANCE\n##XFACTOR=1\n##YFACTOR=1\n"
        )
        size = f"##NPOINTS={len(spectrum)}\n##XYPOINTS=(XY..XY)\n"
        text = f"{head}{units}{size}{pairs}\n##END=\n"
        (folder / f"{row:02d}.jdx").write_text(text, encoding="utf-8")
    else:
        # Header (512 bytes), wavenumbers, header of the spectrum
        # (32 bytes), intensities.
        first, last = wavenumbers[0], wavenumbers[-1]
        date = 2023 << 20 | 1 << 16 | 1 << 11
        fields = (
            0x80,
            0x4B,
            0,
            0x80,
            len(spectrum),
            first,
            last,
            1,
            1,
            2,
            0,
            0,
            date,
        )
        header = struct.pack("<4BiddiBBBBi", *fields).ljust(512, b"\0")
        subheader = bytes([0, 0x80]).ljust(32, b"\0")
        x, y = (
            values.astype("<f4").tobytes()
            for values in (wavenumbers, spectrum)
        )
        (folder / f"{row:02d}.spc").write_bytes(header + x + subheader + y)


# %%
# Each format has one small function, from a path to wavenumbers and
# intensities.
def read_csv(path):
    """Read two columns, with or without a header row."""
    table = pd.read_csv(path, header=None).apply(
        pd.to_numeric, errors="coerce"
    )
    first = int(table.notna().all(axis=1).argmax())  # skips a header row
    if table.iloc[first:].isna().any(axis=None):
        raise ValueError(f"{path}: text between or below the numbers.")
    return table.iloc[first:].to_numpy(dtype=float).T


def read_jcamp(path):
    """Read one spectrum of a JCAMP-DX file; transmittance as absorbance."""
    content = jcamp.readfile(path)
    if "children" in content or "x" not in content:  # a compound file
        raise ValueError(f"{path} has several spectra in 'children'.")
    y = np.asarray(content["y"], dtype=float)
    unit = str(content.get("yunits", "")).lower()
    if "transmit" in unit or unit.strip() == "%t":
        # The unit does not always tell whether values are per cent.
        if y.max() > 2 or "%" in unit or "percent" in unit:
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
# OPUS files of Bruker, whose file names end in a number, are read by
# ``brukeropus`` (``pip install brukeropus``). There is no such file in this
# example, so these lines are not run; ``a`` is the absorbance, if the file
# contains one:
#
# .. code-block:: python
#
#     from brukeropus import read_opus
#
#     def read_opus_file(path):
#         content = read_opus(path)
#         if not hasattr(content, "a"):  # background or single channels
#             raise ValueError(f"{path} has only {content.all_keys}.")
#         return content.a.x, content.a.y
#
# Instruments differ in direction, range and spacing of the axis. Sort each
# axis, and interpolate all spectra to one axis that is inside all of them.
axis = np.arange(950.0, 1500.0, 1.5)
names, rows = [], []
for path in sorted(folder.iterdir()):
    x, y = READERS[path.suffix](path)
    order = np.argsort(x)
    if x[order[0]] > axis[0] or x[order[-1]] < axis[-1]:
        raise ValueError(f"{path.name}: only {x.min():g} to {x.max():g} cm-1.")
    names.append(path.stem)
    rows.append(np.interp(axis, np.asarray(x)[order], np.asarray(y)[order]))
spectra = pd.DataFrame(rows, index=names, columns=axis)
print(f"{len(spectra)} spectra, {spectra.shape[1]} points")

# %%
# Assign the reference values by the names of the files, never by their order
# alone: a missing file would shift all values after it.
glucose = pd.Series(
    reference["glucose"].to_numpy(),
    index=[f"{row:02d}" for row in range(len(X))],
)
y = glucose.loc[spectra.index].to_numpy()

# %%
# The table is now the same as in all other examples. The column names are the
# wavenumbers, and the maps use them.
model = make_pipeline(
    SavitzkyGolay(window_length=15, polyorder=2, deriv=1),
    ResNet1DRegressor(random_state=0),
)
explanation = cross_explain(
    model, spectra, y, cv=KFold(5, shuffle=True, random_state=0)
)
rmse = np.sqrt(np.mean((explanation.outputs - y) ** 2))
print(f"RMSE of cross-validation: {rmse:.2f} g/L")
explanation.plot(
    samples=[int(y.argmax())], technique="ftir", output_label="glucose (g/L)"
)
plt.show()
