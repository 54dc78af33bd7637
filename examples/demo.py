"""The main job: fit, predict, and see which wavenumbers made the prediction.

- oils: simulated Raman spectra of 60 samples of three vegetable oils, two replicates of each. Which
  oil is it?
- fermentation: real ATR-FTIR spectra of 21 mixtures, which come with chemotools. How much glucose
  do they hold?

Both are predicted by cross-validation, and on the same folds by PLS. Its number of latent
variables, and for the oils whether SNV precedes it, is chosen inside the training folds. Replicates
of a sample stay together. Figures go to ``demo_figures/``.
"""

import time
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from chemotools.datasets import load_fermentation_train
from chemotools.derivative import SavitzkyGolay
from chemotools.feature_selection import RangeCut
from chemotools.scatter import StandardNormalVariate
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.metrics import balanced_accuracy_score, root_mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, label_binarize

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, explain
from sklearn_spectral.datasets import make_oil_blends

FIGURES = Path("demo_figures")


class PLSDA(ClassifierMixin, BaseEstimator):
    """PLS discriminant analysis: PLS on class membership, the highest wins."""

    def __init__(self, n_components=2):
        self.n_components = n_components

    def fit(self, X, y):
        """Fit PLS on one column of zeros and ones a class."""
        self.classes_ = np.unique(y)
        membership = label_binarize(y, classes=self.classes_)
        self.pls_ = PLSRegression(self.n_components, scale=False).fit(X, membership)
        return self

    def predict(self, X):
        """Return the class with the highest predicted membership."""
        return self.classes_[self.pls_.predict(X).argmax(axis=1)]


def cross_validate(models, X, y, folds, groups=None):
    """Return the out-of-fold predictions of every model and the last fitted models."""
    predictions = {name: np.empty_like(y) for name in models}
    fitted = {}
    for number, (train, test) in enumerate(folds, start=1):
        for name, model in models.items():
            start = time.perf_counter()
            params = {} if groups is None else {"groups": groups[train]}
            fitted[name] = clone(model).fit(X.iloc[train], y[train], **params)
            predictions[name][test] = np.ravel(fitted[name].predict(X.iloc[test]))
            seconds = time.perf_counter() - start
            print(f"  fold {number} of {len(folds)}: {name} fitted in {seconds:.1f} s", flush=True)
    return predictions, fitted


def print_bands(explanation, sample, unit, n_bands=4):
    """Print the bands that moved one output most, and whether all of them add up to it."""
    bands = explanation[[sample]].contributions()
    strongest = bands.reindex(bands["contribution"].abs().sort_values(ascending=False).index)
    for row in strongest.head(n_bands).itertuples():
        print(
            f"    {row.start:6.0f} to {row.end:6.0f}  {row.contribution:+9.3f} {unit}"
            f"  ({row.share:+.0%})"
        )
    base, output = explanation.base_values[sample], explanation.outputs[sample]
    total = bands["contribution"].sum() + base
    print(
        f"    all {len(bands)} bands {bands['contribution'].sum():+.4f}, base value {base:+.4f}: "
        f"sum {total:.4f}, output {output:.4f}"
    )


def print_completeness(explanation):
    """Print how far contributions and base value are from the outputs."""
    total = explanation.maps.sum(axis=1) + explanation.base_values
    error = np.abs(total - explanation.outputs).max() / np.abs(explanation.outputs).max()
    print(f"  contributions add up to the output, largest relative error {error:.0e}")


def save(display, name):
    """Save a figure for the screen and as a vector graphic."""
    FIGURES.mkdir(exist_ok=True)
    for suffix in ("png", "svg"):
        display.figure_.savefig(FIGURES / f"{name}.{suffix}", dpi=120)
    print(f"  figure: {FIGURES / name}.png", flush=True)


def oils():
    """Tell which oil a sample is."""
    data = make_oil_blends(
        60, oil=["olive", "sunflower", "rapeseed"], adulterant=None, random_state=0
    )
    X, y = pd.DataFrame(data.data, columns=data.x_axis), data.target
    print(f"\nOils: {len(X)} simulated Raman spectra of 60 samples, {', '.join(np.unique(y))}")
    folds = list(StratifiedGroupKFold(4, shuffle=True, random_state=0).split(X, y, data.groups))
    plsda = make_pipeline(StandardNormalVariate(), StandardScaler(with_std=False), PLSDA())
    models = {
        "PLS-DA": GridSearchCV(
            plsda,
            {
                "standardnormalvariate": ["passthrough", StandardNormalVariate()],
                "plsda__n_components": range(1, 11),
            },
            cv=StratifiedGroupKFold(4),
        ),
        "ResNet": ResNet1DClassifier(random_state=0),
    }
    predictions, fitted = cross_validate(models, X, y, folds, data.groups)
    for name, predicted in predictions.items():
        print(f"  {name}: balanced accuracy {balanced_accuracy_score(y, predicted):.3f}")
    test = folds[-1][1]
    explanation = explain(fitted["ResNet"], X.iloc[test])
    print("  the bands (cm-1) that decided the first, a middle and the last test spectrum:")
    for sample in (0, len(test) // 2, len(test) - 1):
        print(f"   {y[test][sample]}, predicted {explanation.targets[sample]}:")
        print_bands(explanation, sample, "logit")
    print_completeness(explanation)
    figure = explanation.with_y(y[test]).plot(by="y", bands="raman-lipids", technique="raman")
    save(figure, "oils")


def fermentation():
    """Tell how much glucose a fermentation broth holds."""
    X, reference = load_fermentation_train()
    y = reference["glucose"].to_numpy()
    print(
        f"\nFermentation: {X.shape[0]} ATR-FTIR spectra, glucose {y.min():g} to {y.max():.1f} g/L"
    )
    light = RangeCut(start=900, end=1800, x_axis=X.columns)  # outside of it there is hardly any
    by_hand = make_pipeline(
        RangeCut(start=950, end=1500, x_axis=X.columns),
        SavitzkyGolay(window_length=15, polyorder=2, deriv=1),
    )
    folds = list(KFold(7, shuffle=True, random_state=0).split(X))

    def pls(preprocessing):
        return GridSearchCV(
            make_pipeline(preprocessing, PLSRegression(scale=False)),
            {"plsregression__n_components": range(1, 8)},
            scoring="neg_root_mean_squared_error",
            cv=KFold(5, shuffle=True, random_state=0),
        )

    models = {
        "PLS": pls(light),
        "PLS, range and derivative by hand": pls(by_hand),
        "ResNet": make_pipeline(light, ResNet1DRegressor(random_state=0)),
    }
    predictions, fitted = cross_validate(models, X, y, folds)
    for name, predicted in predictions.items():
        print(f"  {name}: RMSE of cross-validation {root_mean_squared_error(y, predicted):.2f} g/L")
    print(
        "  (the network finds by itself what PLS must be told; 21 mixtures that follow Beer and\n"
        "  Lambert's law are the home ground of PLS with the right preprocessing)"
    )
    test = folds[-1][1]
    explanation = explain(fitted["ResNet"], X.iloc[test])
    print("  the bands (cm-1) that made the predictions of the last fold:")
    for sample, reference in enumerate(y[test]):
        print(f"   reference {reference:.1f} g/L, predicted {explanation.outputs[sample]:.1f} g/L:")
        print_bands(explanation, sample, "g/L")
    print_completeness(explanation)
    figure = explanation.with_y(y[test]).plot(
        bands="ftir-carbohydrates", technique="ftir", output_label="glucose (g/L)"
    )
    save(figure, "fermentation")


if __name__ == "__main__":
    matplotlib.use("agg")
    # scikit-learn's PLS warns at every search where later latent variables have nothing to explain.
    warnings.filterwarnings("ignore", "y residual is constant")
    began = time.perf_counter()
    oils()
    fermentation()
    print(f"\nDone in {time.perf_counter() - began:.0f} s.")
