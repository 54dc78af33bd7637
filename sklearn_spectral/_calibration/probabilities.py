"""From memberships in classes to logits, and how certain the probabilities may be."""

from itertools import pairwise

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import entr, log_softmax, softmax

# Logits per unit of class membership.
LOGITS_RANGE = (1.0, 30.0)
# Divided by this, logits say nothing, however long they were trained.
HOTTEST = 1e6
# Most temperatures are below the second of these: it is looked for between neighbours.
TEMPERATURES = (1.0, 100.0, HOTTEST)


def logits_per_membership(out_of_fold, chance, memberships, sample_weight):
    """Return the factor that makes logits of predicted memberships, from left-out spectra.

    A calibration predicts class membership, 0 or 1: as logits its values would leave every
    probability near chance. This factor gives left-out spectra the highest likelihood.

    Parameters
    ----------
    out_of_fold : ndarray of shape (n_samples, n_classes)
        Predicted memberships of left-out spectra, less the frequencies of the classes.
    chance : ndarray of shape (n_classes,)
        Logits of the frequencies.
    memberships : ndarray of shape (n_samples, n_classes)
    sample_weight : ndarray of shape (n_samples,)

    Returns
    -------
    factor : float
    """
    # As if one more spectrum had been of no class in particular (Platt 1999, "Probabilistic
    # outputs for support vector machines"): classes that separate fully are not certain.
    doubt = 1 / (len(memberships) + 1)
    wanted = (1 - doubt) * memberships + doubt * softmax(chance)

    def misfit(log_factor):
        logits = chance + np.exp(log_factor) * out_of_fold
        return -sample_weight @ (log_softmax(logits, axis=1) * wanted).sum(axis=1)

    bounds = np.log(LOGITS_RANGE)
    return float(np.exp(minimize_scalar(misfit, bounds=bounds, method="bounded").x))


def logits_of_memberships(calibration, memberships, sample_weight):
    """Return the calibration of logits, from one of memberships in classes.

    Parameters
    ----------
    calibration : Calibration
        Of `memberships`.
    memberships : ndarray of shape (n_samples, n_classes)
        1 for the class of a spectrum, else 0.
    sample_weight : ndarray of shape (n_samples,)
    """
    frequencies = np.average(memberships, axis=0, weights=sample_weight)
    # A class that is yet to come (partial_fit) counts as half a spectrum.
    chance = np.log(np.maximum(frequencies, 0.5 / len(memberships)))
    slope = logits_per_membership(
        calibration.out_of_fold - frequencies, chance, memberships, sample_weight
    )
    calibration = calibration * slope
    calibration.constant += chance - slope * frequencies
    return calibration


def mean_entropy(logits, sample_weight):
    """Return the mean entropy of the probabilities of some spectra, in nats."""
    return np.average(entr(softmax(logits, axis=1)).sum(axis=1), weights=sample_weight)


def temperature(logits, entropy, sample_weight):
    """Return what to divide logits by so that their mean entropy is at least `entropy`.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, n_classes)
    entropy : float
    sample_weight : ndarray of shape (n_samples,)

    Returns
    -------
    temperature : float
        At least 1, at most `HOTTEST`.
    """

    def excess(log_temperature):
        return mean_entropy(logits / np.exp(log_temperature), sample_weight) - entropy

    if excess(0.0) >= 0:
        return 1.0
    for colder, hotter in pairwise(np.log(TEMPERATURES)):
        if excess(hotter) > 0:
            return float(np.exp(brentq(excess, colder, hotter)))
    return HOTTEST
