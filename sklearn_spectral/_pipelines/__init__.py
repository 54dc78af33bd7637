"""Whole scikit-learn models around our estimators."""
