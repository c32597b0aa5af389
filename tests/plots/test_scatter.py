import numpy as np
import pytest

from keras_haframe.metrics import half_width
from keras_haframe.plots import plot_accuracy_severity

SEEDS = [
    {"top1": 0.60, "severity": 1.70, "mistakes": 40},
    {"top1": 0.62, "severity": 1.60, "mistakes": 38},
    {"top1": 0.64, "severity": 1.65, "mistakes": 36},
]


def test_means_and_intervals(ax):
    plot_accuracy_severity({"HAFrame": SEEDS, "one seed": SEEDS[:1]}, ax=ax)
    first, second = ax.containers
    line, _, bars = first.lines
    assert line.get_xydata().tolist() == [[pytest.approx(62.0), pytest.approx(1.65)]]
    across, along = (bar.get_segments()[0] for bar in bars)
    x, y = half_width([60.0, 62.0, 64.0]), half_width([1.7, 1.6, 1.65])
    np.testing.assert_allclose(across[:, 0], [62 - x, 62 + x])
    np.testing.assert_allclose(along[:, 1], [1.65 - y, 1.65 + y])
    assert x == pytest.approx(4.302653 * 2 / np.sqrt(3), rel=1e-6)  # t(0.975, 2) s / sqrt(n)
    assert not second.has_xerr and not second.has_yerr


def test_labels_and_other_metrics(ax):
    plot_accuracy_severity({"HAFrame": SEEDS}, ax=ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("top-1 %", "mistake severity (levels)")
    other = plot_accuracy_severity({"HAFrame": SEEDS}, x="severity", y="mistakes")
    assert (other.get_xlabel(), other.get_ylabel()) == ("severity", "mistakes")
    assert other.containers[0].lines[0].get_ydata()[0] == pytest.approx(38)


def test_methods_differ_by_color_and_marker(ax):
    rows = {f"m{i}": SEEDS for i in range(9)}
    plot_accuracy_severity(rows, ax=ax)
    looks = set()
    for container in ax.containers:
        line = container.lines[0]
        looks.add((line.get_color(), line.get_marker(), line.get_markerfacecolor()))
    assert len(looks) == 9
    assert [t.get_text() for t in ax.get_legend().get_texts()] == list(rows)


def test_the_legend_covers_no_point():
    ax = plot_accuracy_severity({f"method {i}": SEEDS for i in range(6)})
    ax.figure.canvas.draw()
    legend = ax.get_legend().get_window_extent()
    assert legend.y1 < ax.get_window_extent().y0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({}, "at least one method. Received: none"),
        ({"a": []}, r"`rows\['a'\]` needs the metrics .* Received: no run"),
        ({"a": [{"top1": 0.5}]}, r"'severity'. Received: \['top1'\]"),
    ],
)
def test_wrong_rows(rows, message):
    with pytest.raises(ValueError, match=message):
        plot_accuracy_severity(rows)
