"""The main job on real spectra: fit, predict, and see which wavelengths made the prediction.

Two public sets that come with chemotools:

- coffee: ATR-FTIR of 60 coffees from three countries. Where do they come from?
- fermentation: ATR-FTIR of 21 mixtures. How much glucose do they hold? And how much did a real
  fermentation hold, followed on-line for 34 hours?

Both are predicted by cross-validation, on the same folds by PLS, whose number of latent variables
is chosen inside the training folds. Figures go to ``demo_figures/``.
"""

import time
import warnings
from pathlib import Path

import matplotlib
import numpy as np
from chemotools.datasets import (
    load_coffee,
    load_fermentation_test,
    load_fermentation_train,
)
from chemotools.derivative import SavitzkyGolay
from chemotools.feature_selection import RangeCut
from chemotools.scatter import StandardNormalVariate
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.metrics import balanced_accuracy_score, root_mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, label_binarize

from sklearn_spectral import ResNet1DClassifier, ResNet1DRegressor, explain

FIGURES = Path("demo_figures")
MINUTES_PER_SPECTRUM = 1.25  # the fermentation's on-line spectra


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


def rows(X, index):
    """Return rows of a DataFrame or an array."""
    return X.iloc[index] if hasattr(X, "iloc") else X[index]


def cross_validate(models, X, y, folds):
    """Return the out-of-fold predictions of every model and the last fitted models."""
    predictions = {name: np.empty_like(y) for name in models}
    fitted = {}
    for number, (train, test) in enumerate(folds, start=1):
        for name, model in models.items():
            start = time.perf_counter()
            fitted[name] = clone(model).fit(rows(X, train), y[train])
            predictions[name][test] = np.ravel(fitted[name].predict(rows(X, test)))
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


def coffee():
    """Tell the country a coffee comes from."""
    X, labels = load_coffee()
    y = labels["labels"].to_numpy().astype(str)
    print(
        f"\nCoffee: {X.shape[0]} ATR-FTIR spectra, {X.shape[1]} points, {', '.join(np.unique(y))}"
    )
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
    plsda = make_pipeline(StandardNormalVariate(), StandardScaler(with_std=False), PLSDA())
    models = {
        "PLS-DA": GridSearchCV(plsda, {"plsda__n_components": range(1, 16)}),
        "ResNet": make_pipeline(StandardNormalVariate(), ResNet1DClassifier(random_state=0)),
    }
    predictions, fitted = cross_validate(models, X, y, folds)
    for name, predicted in predictions.items():
        print(f"  {name}: balanced accuracy {balanced_accuracy_score(y, predicted):.3f}")
    print(
        "  (the set does not say which spectra are of the same coffee: if some are, these are\n"
        "  too good, for both)"
    )
    test = folds[-1][1]
    explanation = explain(fitted["ResNet"], rows(X, test))
    print("  the points that decided the first test spectra (the set has no wavenumbers):")
    for sample in (0, len(test) // 2, len(test) - 1):
        print(f"   {y[test][sample]}, predicted {explanation.targets[sample]}:")
        print_bands(explanation, sample, "logit")
    print_completeness(explanation)
    save(explanation.with_y(y[test]).plot(), "coffee")


def fermentation():
    """Tell how much glucose a fermentation broth holds."""
    X, reference = load_fermentation_train()
    y = reference["glucose"].to_numpy()
    wavenumbers = X.columns.to_numpy()
    print(
        f"\nFermentation: {X.shape[0]} ATR-FTIR spectra, glucose {y.min():g} to {y.max():.1f} g/L"
    )
    preprocessing = make_pipeline(
        RangeCut(start=950, end=1500, x_axis=wavenumbers),
        SavitzkyGolay(window_length=15, polyorder=2, deriv=1),
        StandardScaler(with_std=False),
    )
    folds = list(KFold(7, shuffle=True, random_state=0).split(X))
    pls = make_pipeline(preprocessing, PLSRegression(scale=False))
    models = {
        "PLS": GridSearchCV(
            pls,
            {"plsregression__n_components": range(1, 11)},
            scoring="neg_root_mean_squared_error",
        ),
        "ResNet": make_pipeline(preprocessing, ResNet1DRegressor(random_state=0)),
    }
    predictions, fitted = cross_validate(models, X, y, folds)
    for name, predicted in predictions.items():
        print(f"  {name}: RMSE of cross-validation {root_mean_squared_error(y, predicted):.2f} g/L")
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

    X_new, hplc = load_fermentation_test()
    index = (hplc["time"].to_numpy() * 60 / MINUTES_PER_SPECTRUM).round().astype(int)
    X_new = X_new.iloc[index.clip(max=len(X_new) - 1)]
    measured = X_new.std(axis=1).to_numpy() > 0  # at the end the instrument gave out
    X_new, glucose = X_new[measured], hplc["glucose"].to_numpy()[measured]
    print(f"  a real fermentation, {len(X_new)} samples with HPLC as reference:")
    fitted = {name: clone(model).fit(X, y) for name, model in models.items()}
    for name, model in fitted.items():
        error = root_mean_squared_error(glucose, np.ravel(model.predict(X_new)))
        print(f"  {name}: RMSE of prediction {error:.2f} g/L")
    print(
        "  (both far worse than by cross-validation: the on-line spectra hold much that the 21\n"
        "  mixtures do not, and no cross-validation among these can tell)"
    )
    course = explain(fitted["ResNet"], X_new)
    course = course.with_y(glucose)
    save(course.plot(technique="ftir", output_label="glucose (g/L)"), "fermentation_course")


if __name__ == "__main__":
    matplotlib.use("agg")
    # sklearn's PLS says at every search that later latent variables find nothing left to explain.
    warnings.filterwarnings("ignore", "y residual is constant")
    began = time.perf_counter()
    coffee()
    fermentation()
    print(f"\nDone in {time.perf_counter() - began:.0f} s.")
