"""From rows to tensors: other sizes, other channels, other ranges, holes and strangers."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from lepton.core.config.settings import EncoderConfig
from lepton.core.errors import LeptonError
from lepton.core.table import Table
from lepton.models.inputs import fit_inputs, inputs_from_json
from tests.unit.factories import base, columns, images, names


def picture(x):
    x = np.asarray(x)
    return Table("image", names([str(i) for i in range(len(x))]), names([None] * len(x)), images=x)


def framed_square(side, margin, inner):
    """A white square on black, (1, 1, side, side)."""
    x = np.zeros((1, 1, side, side), dtype=np.uint8)
    x[:, :, margin : margin + inner, margin : margin + inner] = 255
    return x


def test_content_framing_forgets_margin_and_resolution():
    inputs = fit_inputs(picture(framed_square(28, 4, 20)), EncoderConfig(image_size=28))
    assert inputs.fit == "content"  # found by itself: the borders are plain
    wide, tight = (inputs.frame(framed_square(*s)) for s in ((28, 4, 20), (8, 0, 8)))
    assert (wide - tight).abs().mean() < 0.08  # what is left is the blur of eight pixels


def test_photographs_are_taken_whole():
    noise = np.random.default_rng(0).integers(0, 255, (10, 3, 20, 20), dtype=np.uint8)
    assert fit_inputs(picture(noise), EncoderConfig()).fit == "stretch"


def test_dark_ink_on_white_paper_is_framed_too():
    inputs = fit_inputs(picture(255 - framed_square(28, 4, 20)), EncoderConfig(image_size=28))
    assert inputs.background == (1.0,)
    framed = inputs.frame(255 - framed_square(28, 12, 4))
    assert framed[0, 0, 14, 14] < 0.1
    assert framed[0, 0, 0, 0] > 0.9


def test_a_blank_image_has_no_content_and_does_no_harm():
    inputs = fit_inputs(picture(framed_square(28, 4, 20)), EncoderConfig())
    assert torch.isfinite(inputs.to_tensor(picture(np.zeros((2, 1, 9, 9), dtype=np.uint8)))).all()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (3, 10, 40), (1, 200, 150), (1, 1, 1)])
@pytest.mark.parametrize("fit", ["content", "stretch"])
def test_a_model_reads_images_of_another_shape(shape, fit):
    inputs = fit_inputs(images(20, shape=(1, 28, 28)), EncoderConfig(image_size=28, fit=fit))
    x = inputs.to_tensor(images(5, shape=shape, seed=1))
    assert x.shape == (5, 1, 28, 28)
    assert torch.isfinite(x).all()


def test_a_model_of_colour_reads_grey():
    inputs = fit_inputs(images(20, shape=(3, 12, 12)), EncoderConfig(image_size=12))
    assert inputs.to_tensor(images(5, shape=(1, 8, 8))).shape == (5, 3, 12, 12)


def test_bytes_and_floats_mean_the_same_light():
    inputs = fit_inputs(images(20), EncoderConfig(fit="stretch"))
    x = images(5).images
    torch.testing.assert_close(inputs.frame(x), inputs.frame(x.astype(np.float32) / 255))


def test_pixels_that_are_not_finite_are_refused_with_the_row():
    x = images(5, dtype="float32").images.copy()
    x[3, 0, 0, 0] = np.nan
    with pytest.raises(LeptonError, match="1 of 5") as error:
        base("image").predict_proba(picture(x))
    assert "row 4" in error.value.why


def test_rows_of_another_kind_are_refused():
    with pytest.raises(LeptonError, match="reads images"):
        base("image").predict_proba(columns(3))
    with pytest.raises(LeptonError, match="reads columns"):
        base("tabular").predict_proba(images(3))


def test_no_rows_give_no_answers():
    assert base("image").predict_proba(images(3).take([])).shape == (0, 3)
    assert base("tabular").predict_proba(columns(3).take([])).shape == (0, 3)


def table(**given):
    frame = pd.DataFrame(given)
    return Table("tabular", names([str(i) for i in range(len(frame))]), names([None] * len(frame)), frame=frame)


def test_missing_numbers_are_the_mean_and_say_so():
    inputs = fit_inputs(table(a=[1.0, 3.0]), EncoderConfig())
    assert inputs.to_tensor(table(a=[np.nan, 3.0])).tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_absurd_numbers_are_clipped_and_infinite_ones_missing():
    inputs = fit_inputs(table(a=[1.0, 3.0]), EncoderConfig())
    assert inputs.to_tensor(table(a=[1e30, -np.inf])).tolist() == [[5.0, 0.0], [0.0, 1.0]]


def test_a_constant_or_empty_column_does_no_harm():
    inputs = fit_inputs(table(a=[2.0, 2.0], b=[np.nan, np.nan]), EncoderConfig())
    assert torch.isfinite(inputs.to_tensor(table(a=[2.0, 9.0], b=[np.nan, 1.0]))).all()


def test_categories_never_seen_share_a_slot_and_missing_has_its_own():
    inputs = fit_inputs(table(c=["x", "y", None]), EncoderConfig())
    assert inputs.to_tensor(table(c=["x", "z", None])).tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_columns_are_found_by_name_and_extra_ones_ignored():
    inputs = fit_inputs(table(a=[1.0, 3.0], b=[0.0, 2.0]), EncoderConfig())
    given = inputs.to_tensor(table(z=["?"], b=[2.0], a=[1.0]))
    assert given.tolist() == [[-1.0, 0.0, 1.0, 0.0]]


def test_a_missing_column_and_text_for_numbers_are_named():
    inputs = fit_inputs(table(a=[1.0, 3.0], b=[0.0, 2.0]), EncoderConfig())
    with pytest.raises(LeptonError, match=r"lack 1 column.*: b"):
        inputs.to_tensor(table(a=[1.0]))
    with pytest.raises(LeptonError, match="'a'"):
        inputs.to_tensor(table(a=["many"], b=[1.0]))


@pytest.mark.parametrize("rows", [images(20), columns(20)], ids=["image", "tabular"])
def test_inputs_survive_json(rows):
    inputs = fit_inputs(rows, EncoderConfig())
    again = inputs_from_json(json.loads(json.dumps(inputs.to_json())))
    assert again == inputs
    assert torch.equal(again.to_tensor(rows), inputs.to_tensor(rows))
