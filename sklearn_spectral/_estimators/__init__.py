"""The estimators that users fit."""
