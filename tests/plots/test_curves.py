import keras
import numpy as np
import pytest

from keras_haframe.plots import plot_curves, read_history


def test_epochs_without_a_measurement_are_skipped(ax):
    run = {"train_nc2": [np.nan, 0.5, np.nan, 0.25], "test_nc2": [np.nan, 0.75, np.nan, 0.5]}
    plot_curves({"HAFrame": run}, "nc2", ax=ax)
    train, test = ax.lines
    np.testing.assert_array_equal(train.get_xdata(), [2, 4])
    np.testing.assert_array_equal(train.get_ydata(), [0.5, 0.25])
    np.testing.assert_array_equal(test.get_ydata(), [0.75, 0.5])
    assert (train.get_linestyle(), test.get_linestyle()) == ("-", "--")
    assert train.get_color() == test.get_color()
    assert ax.get_yscale() == "log" and ax.get_xlabel() == "epoch"


def test_a_run_that_goes_on_keeps_its_epochs(ax):
    plot_curves({"a": {"epoch": [10, 11], "train_nc1": [2.0, 1.0]}}, ax=ax)
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [11, 12])


def test_runs_have_their_own_colors_and_one_entry_each(ax):
    run = {"train_nc1": [2.0, 1.0], "test_nc1": [3.0, 2.0]}
    plot_curves({"ETF": run, "HAFrame": run}, ax=ax)
    assert len({line.get_color() for line in ax.lines}) == 2
    legend = ax.get_legend()
    assert [t.get_text() for t in legend.get_texts()] == ["ETF", "HAFrame"]
    assert "dashed: test" in legend.get_title().get_text()


def test_validation_is_dashed_too_and_named_so(ax):
    run = {"train_loss": [2.0, 1.0], "validation_loss": [3.0, 2.0]}
    plot_curves({"a": run}, "loss", splits=("train", "validation"), ax=ax)
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--"]
    assert ax.get_legend().get_title().get_text() == "runs (dashed: validation)"


def test_one_epoch_is_a_dot_at_a_whole_number(ax):
    plot_curves({"a": {"epoch": [4], "train_nc2": [0.5], "test_nc2": [0.75]}}, "nc2", ax=ax)
    assert ax.get_xticks().tolist() == [5]
    train, test = ax.lines
    assert train.get_marker() == test.get_marker() == "o"
    assert train.get_markerfacecolor() != test.get_markerfacecolor() == "white"


def test_the_legend_of_four_lines_stands_below():
    """Two runs on training and test data: inside it would cover one of them."""
    run = {"train_nc1": [2.0, 1.0], "test_nc1": [3.0, 2.0]}
    ax = plot_curves({"ETF": run, "HAFrame": run})
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().y1 < ax.get_window_extent().y0


@pytest.mark.parametrize("count", [3, 4])
def test_a_long_legend_stands_below(count):
    runs = {f"run {i}": {"train_nc1": [2.0, 1.0]} for i in range(count)}
    ax = plot_curves(runs)
    ax.figure.canvas.draw()
    below = ax.get_legend().get_window_extent().y1 < ax.get_window_extent().y0
    assert below == (count > 3)


def test_zeros_on_a_logarithmic_scale(ax):
    plot_curves({"a": {"train_nc4": [0.5, 0.1, 0.0]}}, "nc4", ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.5, 0.1, 0.05])


@pytest.mark.parametrize(("values", "log"), [([0.0, 0.0], True), ([0.5, 0.0], False)])
def test_zeros_stay_on_a_linear_scale(ax, values, log):
    plot_curves({"a": {"train_nc4": values}}, "nc4", log=log, ax=ax)
    assert ax.get_yscale() == "linear"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), values)


@pytest.mark.parametrize(("measure", "bottom"), [("nc2", True), ("severity", False)])
def test_collapse_is_in_the_picture(ax, measure, bottom):
    plot_curves({"a": {f"train_{measure}": [2.0, 1.5]}}, measure, log=False, ax=ax)
    assert (ax.get_ylim()[0] == 0) == bottom


def test_runs_without_the_measure_are_left_out(ax):
    plot_curves({"a": {"train_nc1": [1.0]}, "b": {"train_nc2": [1.0]}}, "nc2", ax=ax)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["b"]
    assert ax.lines[0].get_marker() == "o"  # one value makes no line


def test_no_run_has_the_measure():
    with pytest.raises(ValueError, match=r"No run has a value of \['train_nc9'.*'train_nc1'"):
        plot_curves({"a": {"train_nc1": [1.0]}}, "nc9")
    with pytest.raises(ValueError, match="No run has a value"):
        plot_curves({"a": {"train_nc1": [np.nan]}})


def test_names_and_legend(ax):
    plot_curves({"a": {"train_nc3_etf": [1.0]}}, "nc3_etf", ax=ax, legend=False)
    assert ax.get_title() == "NC3: classifier to ETF" and ax.get_legend() is None


def test_reading_what_keras_writes(tmp_path):
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    log = keras.callbacks.CSVLogger(str(tmp_path / "history.csv"))
    x = np.ones((4, 2), "float32")
    fitted = model.fit(
        x, x[:, :1], epochs=3, verbose=0, callbacks=[log], validation_data=(x, x[:, :1]),
        validation_freq=2,
    )  # fmt: skip
    history = read_history(tmp_path / "history.csv")
    np.testing.assert_array_equal(history["epoch"], [0, 1, 2])
    np.testing.assert_allclose(history["loss"], fitted.history["loss"], rtol=1e-6)
    assert np.isnan(history["val_loss"][[0, 2]]).all()  # "NA" in the file
    assert history["val_loss"][1] == pytest.approx(fitted.history["val_loss"][0])


def test_reading_short_lines_and_words(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("epoch,loss,note\n0,1.5,fine\n1\n")
    history = read_history(path)
    np.testing.assert_array_equal(history["loss"], [1.5, np.nan])
    assert np.isnan(history["note"]).all()


@pytest.mark.parametrize("text", ["", "a,a\n1,2\n"])
def test_files_that_are_no_history(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match="first line of distinct column names"):
        read_history(tmp_path / "a.csv")
