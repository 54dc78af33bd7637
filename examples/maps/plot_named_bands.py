"""
How much does each band contribute?
===================================

Spectroscopists think in bands, not in points. ``contributions`` sums a map over bands: those you
name, those of a textbook table, those where the map has its peaks, or a number of equal width.
"""

# %%
# A calibration of sunflower oil in olive oil, and other samples to explain.
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
# **Named bands**, both ends in the unit of the axis. The contribution is in per cent of sunflower
# oil, as the prediction; the share relates it to the absolute map.
highest = explanation[[int(explanation.outputs.argmax())]]
own = {
    "double bonds": (1635, 1675),
    "CH2": (1420, 1480),
    "ester": (1725, 1765),
}
print(highest.contributions(own).to_string(index=False, float_format="%.2f"))

# %%
# **Textbook bands.** The tables hold assignments with their source.
table = band_table("raman-lipids")
print(table.loc[table["band"] == "C=C stretch 1655", "source"].item())

# %%
# Contributions of the table's bands to the lowest and the highest prediction. Bands off the axis
# are left out, and what is in no band is shown as a bar of its own, so that the bars of a spectrum
# are all there is between the base value and the prediction. That is not small: flanks reach beyond
# the table's limits.
extremes = [
    int(explanation.outputs.argmin()),
    int(explanation.outputs.argmax()),
]
figure, axis = plt.subplots(figsize=(8, 4.2), layout="constrained")
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
axis.set(
    xlabel=f"Contribution (% sunflower oil), from {explanation.base_values[0]:.0f} % on"
)
axis.legend()

# %%
# **Peaks of the map.** Where nothing is known of the bands, the map itself tells them. They cover
# the axis, so that their contributions add up to the prediction less the base value.
peaks = highest.contributions("peaks")
columns = ["band", "start", "end", "contribution", "share"]
print(peaks[columns].to_string(index=False, float_format="%.2f"))
print(
    f"Sum of all bands {peaks['contribution'].sum():.2f}, "
    f"prediction less base value {(highest.outputs - highest.base_values).item():.2f}"
)

# %%
# **Equal widths**, for a look that presumes nothing.
sevenths = highest.contributions(7)[columns]
print(sevenths.to_string(index=False, float_format="%.2f"))
plt.show()
