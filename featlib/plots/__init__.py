"""Every figure of the lesson, one function each: charts of any numbers, and the lesson's own."""

from featlib.plots.charts import bands, bars, class_bars, curves, pairs, scatter, tradeoff
from featlib.plots.figures import (
    accuracy_curve,
    activation_maps,
    calibration,
    channels,
    confusion_matrix,
    feature_map,
    filters,
    heat,
    histogram,
    image_grid,
    loss_curve,
    mistakes,
    pictures,
    prediction_trace,
    training_trace,
)
from featlib.plots.maps import picture_map
from featlib.plots.strategy import strategy
from featlib.plots.style import BLUE, GRAY, GREEN, ORANGE, RED, SERIES, Figure

__all__ = [
    "BLUE",
    "GRAY",
    "GREEN",
    "ORANGE",
    "RED",
    "SERIES",
    "Figure",
    "accuracy_curve",
    "activation_maps",
    "bands",
    "bars",
    "calibration",
    "channels",
    "class_bars",
    "confusion_matrix",
    "curves",
    "feature_map",
    "filters",
    "heat",
    "histogram",
    "image_grid",
    "loss_curve",
    "mistakes",
    "pairs",
    "picture_map",
    "pictures",
    "prediction_trace",
    "scatter",
    "strategy",
    "tradeoff",
    "training_trace",
]
