"""Figures for print, for the browser and for notebooks."""
