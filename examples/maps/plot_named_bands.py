"""
Contributions of bands
======================

Spectroscopists interpret bands, not single points. ``contributions`` adds up a
map over bands: your own bands, bands of a textbook table, bands at the peaks
of the map, or a number of bands of equal width. See also
:doc:`/user_guide/explaining`.
"""

# %%
# The model is a calibration of sunflower oil in olive oil. It is explained on
# samples that were set aside.
import matplotlib.pyplot as plt
from chemotools.baseline import ArPls
from chemotools.scatter import StandardNormalVariate
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline

from sklearn_spectral import ResNet1DRegressor, band_table, explain
from sklearn_spectral.datasets import make_oil_blends

blends = make_oil_blends(80, cosmic_rays=0, random_state=0)
splitter = GroupShuffleSplit(1, test_size=0.3, random_state=0)
train, test = next(splitter.split(blends.data, groups=blends.groups))
model = make_pipeline(
    ArPls(), StandardNormalVariate(), ResNet1DRegressor(random_state=0)
)
model.fit(
    blends.data[train],
    blends.target[train],
    resnet1dregressor__groups=blends.groups[train],
)
explanation = explain(model, blends.data[test], x_axis=blends.x_axis)

# %%
# **Your own bands** are given by both ends, in the unit of the axis. The
# contribution is in per cent of sunflower oil, like the prediction. The share
# is the contribution divided by the sum of the absolute map.
highest = explanation[[int(explanation.outputs.argmax())]]
own = {
    "double bonds": (1635, 1675),
    "CH2": (1420, 1480),
    "ester": (1725, 1765),
}
print(highest.contributions(own).to_string(index=False, float_format="%.2f"))

# %%
# **Textbook bands** come from tables of assignments, with their sources.
table = band_table("raman-lipids")
print(table.loc[table["band"] == "C=C stretch 1655", "source"].item())

# %%
# The figure shows the contributions of the bands of the table to the lowest
# and the highest prediction. Bands outside the axis are omitted. The points
# that are in no band have a bar of their own, so that the bars of a spectrum
# add up to the difference between base value and prediction. This bar is not
# small, because the flanks of bands extend beyond the limits of the table.
extremes = [
    int(explanation.outputs.argmin()),
    int(explanation.outputs.argmax()),
]
figure, axis = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
for place, row in enumerate(extremes):
    one = explanation[[row]]
    bands = one.contributions("raman-lipids")
    rest = one.maps.sum() - bands["contribution"].sum()
    names = [*bands["band"], "in no band"]
    axis.barh(
        [position + 0.4 * place for position in range(len(names))],
        [*bands["contribution"], rest],
        height=0.4,
        color=("tab:blue", "tab:orange")[place],
        label=f"predicted: {one.outputs[0]:.0f} %",
    )
axis.set_yticks([position + 0.2 for position in range(len(names))], names)
axis.invert_yaxis()
axis.axvline(0, color="0.4", linewidth=0.8)
base = explanation.base_values[0]
axis.set(xlabel=f"Contribution (% sunflower oil); base value {base:.0f} %")
axis.legend()

# %%
# **Peaks of the map** are useful if no bands are known. These bands cover the
# whole axis, so their contributions add up to the prediction minus the base
# value.
peaks = highest.contributions("peaks")
columns = ["band", "start", "end", "contribution", "share"]
print(peaks[columns].to_string(index=False, float_format="%.2f"))
difference = (highest.outputs - highest.base_values).item()
print(f"Sum of all bands: {peaks['contribution'].sum():.2f} %")
print(f"Prediction minus base value: {difference:.2f} %")

# %%
# **Bands of equal width** need no assumption.
sevenths = highest.contributions(7)[columns]
print(sevenths.to_string(index=False, float_format="%.2f"))
plt.show()
