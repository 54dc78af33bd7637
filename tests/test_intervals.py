"""Intervals around predictions, by hand and on spectra of known errors."""

import numpy as np
import pytest

from sklearn_spectral import prediction_interval

NINE = np.arange(9.0)


def test_interval_by_hand():
    """Nine errors of 1 to 9: for 0.9 all of (9 + 1) x 0.9, for 0.5 five of them."""
    left_out = NINE + [-1, 2, -3, 4, -5, 6, -7, 8, -9]
    assert prediction_interval([10.0, 20], NINE, left_out).tolist() == [[1, 19], [11, 29]]
    assert prediction_interval([10.0], NINE, left_out, coverage=0.5).tolist() == [[5, 15]]


def test_groups_count_alike_by_hand():
    """Three groups, errors 1; 2, 4; 3, 3, 3, 3: of (3 + 1) x 0.5 = 2 groups' worth are held by 3.

    By rows it would be the fourth of seven errors, 3 as well; for 0.6 2.4 groups' worth are held
    by 3 too, and the fifth row has 3. For 0.7 it is 4: 2.8 of 2.5 and then 3 groups' worth.
    """
    y, left_out = np.zeros(7), np.array([1.0, 2, 4, 3, 3, 3, 3])
    groups = ["a", "b", "b", "c", "c", "c", "c"]
    halves = [
        prediction_interval([0.0], y, left_out, groups=groups, coverage=c)[0, 1]
        for c in (0.25, 0.3, 0.5, 0.6, 0.7)
    ]
    assert halves == [1, 2, 3, 3, 4]


@pytest.mark.parametrize("grouped", [False, True])
def test_intervals_hold_as_often_as_asked_for(grouped):
    """Errors of samples and of replicates; the expectation is 0.9, and 2000 draws say so."""
    rng = np.random.RandomState(0)
    held = []
    for _ in range(2000):
        sizes = rng.randint(1, 5, 30) if grouped else np.ones(30, dtype=int)
        groups = np.repeat(np.arange(30), sizes)
        errors = rng.standard_t(3, 30)[groups] + rng.normal(size=len(groups))
        low, high = prediction_interval([0.0], np.zeros(len(groups)), errors, groups=groups)[0]
        held.append(low <= rng.standard_t(3) + rng.normal() <= high)
    # (30 + 1) x 0.9 = 27.9: the 28th error of 30, which 28 / 31 of new ones do not exceed.
    assert np.mean(held) == pytest.approx(28 / 31, abs=0.02)


def test_what_cannot_be_held_is_an_error():
    with pytest.raises(ValueError, match=r"8 groups .* too few for a coverage of 0.9: 9 are"):
        prediction_interval([0.0], np.zeros(8), np.zeros(8))
    with pytest.raises(ValueError, match="coverage=1"):
        prediction_interval([0.0], NINE, NINE, coverage=1)
    with pytest.raises(ValueError, match=r"y has 9 values, but predicted \(left_out\) 8"):
        prediction_interval([0.0], NINE, NINE[1:])
    with pytest.raises(ValueError, match=r"predicted has shape \(1, 2\)"):
        prediction_interval([[0.0, 1.0]], NINE, NINE)
