"""Image readers against the PIL processors of transformers: tensors, numbers of tokens, rotary positions."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_models
import torch
import transformers as hub

from vlgym.core.errors import VlgymError
from vlgym_agents.policies.processors import IdeficsReader, QwenReader, image_settings, layout
from vlgym_agents.policies.prompt import Tokens

SIZES = [(48, 80), (33, 31), (16, 16), (7, 50), (200, 120), (640, 360), (6, 9)]


def qwen(settings=None, max_pixels=None) -> QwenReader:
    config = tiny_models.config("qwen2_vl", tiny_models.tokenizer())
    return QwenReader(config, settings or tiny_models.IMAGES["qwen"], max_pixels)


def idefics(settings=None, max_pixels=None) -> IdeficsReader:
    words = tiny_models.tokenizer("smol")
    settings = settings or tiny_models.IMAGES["idefics"]
    return IdeficsReader(tiny_models.config("idefics3", words), settings, Tokens(words, set()), max_pixels)


@pytest.mark.parametrize("size", SIZES)
def test_qwen_equals_transformers(size):
    image = tiny_models.screen(np.random.default_rng(1), *size)
    theirs = hub.Qwen2VLImageProcessorPil(**{k: v for k, v in tiny_models.IMAGES["qwen"].items() if k[:5] != "image"})
    want, reader = theirs(images=[image, image[::-1].copy()], return_tensors="pt"), qwen()
    mine = reader.inputs([image, image[::-1].copy()])
    assert torch.equal(mine["image_grid_thw"], want["image_grid_thw"])
    torch.testing.assert_close(mine["pixel_values"], want["pixel_values"], atol=1e-5, rtol=0)
    tokens = want["image_grid_thw"][0].prod().item() // 4
    assert reader.expand(size) == [reader.placeholder] * tokens
    assert np.prod(reader.grid(size)) == tokens


@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_idefics_equals_transformers(size, split):
    image = tiny_models.screen(np.random.default_rng(2), *size)
    settings = {**tiny_models.IMAGES["idefics"], "do_image_splitting": split}
    theirs = hub.Idefics3ImageProcessorPil(**{k: v for k, v in settings.items() if k != "image_processor_type"})
    want = theirs(images=[image], return_tensors="pt", return_row_col_info=True)
    reader = idefics(settings)
    mine = reader.inputs([image])["pixel_values"]
    torch.testing.assert_close(mine, want["pixel_values"], atol=1e-5, rtol=0)
    assert reader.tiles(size) == (want["rows"][0][0], want["cols"][0][0])
    assert reader.expand(size).count(reader.placeholder) == mine.shape[1] * reader.per_tile


@pytest.mark.parametrize("size", [(48, 80), (20, 20), (90, 30)])
def test_idefics_ids_equal_the_composite_processor(size):
    words, image = tiny_models.tokenizer("smol"), tiny_models.screen(np.random.default_rng(3), *size)
    images = hub.Idefics3ImageProcessorPil(
        **{k: v for k, v in tiny_models.IMAGES["idefics"].items() if k[:7] != "image_p"}
    )
    processor = hub.Idefics3Processor(images, words, image_seq_len=4)
    want = processor(text="<image>", images=[[image]], add_special_tokens=False)["input_ids"][0]
    assert idefics().expand(size) == list(want)


def test_positions_equal_the_librarys_rope_index(tmp_path):
    tiny_models.save("qwen2_vl", tmp_path)
    model = hub.AutoModelForImageTextToText.from_pretrained(tmp_path)
    rng, reader = np.random.default_rng(0), qwen()
    sizes = [(48, 80), (16, 33), (90, 20)]
    ids = [*rng.integers(0, 90, 5)]
    for n, size in enumerate(sizes):
        ids += [*reader.expand(size), *rng.integers(0, 90, 3 + n)]
    ids = np.asarray(ids)
    grids = reader.inputs([tiny_models.screen(rng, *size) for size in sizes])["image_grid_thw"]
    whole = torch.from_numpy(ids)[None]
    want, delta = model.model.get_rope_index(
        whole, mm_token_type_ids=(whole == reader.placeholder).int(), image_grid_thw=grids
    )
    mine, after = layout(ids, reader.placeholder, [reader.grid(s) for s in sizes], 0)
    assert torch.equal(mine, want[:, 0])
    assert after == len(ids) + int(delta[0, 0])
    cut = 5 + len(reader.expand(sizes[0])) + 2  # continuing in the middle of the text changes nothing
    first, middle = layout(ids[:cut], reader.placeholder, [reader.grid(sizes[0])], 0)
    second, end = layout(ids[cut:], reader.placeholder, [reader.grid(s) for s in sizes[1:]], middle)
    assert torch.equal(torch.cat([first, second], 1), mine)
    assert end == after


def test_max_pixels_bounds_the_tokens():
    assert len(qwen().expand((640, 360))) > 30 >= len(qwen(max_pixels=30 * 256).expand((640, 360)))
    assert idefics().tiles((640, 360)) == (2, 2)
    assert idefics(max_pixels=32 * 32).tiles((640, 360)) == (0, 0)


def test_elongated_images_are_refused_in_a_sentence():
    with pytest.raises(VlgymError, match="2 x 401 pixels"):
        qwen().expand((2, 401))


@pytest.mark.parametrize("make", [qwen, idefics])
def test_saved_settings_read_back_the_same(make, tmp_path):
    reader = make(max_pixels=70 * 256)
    reader.save(tmp_path)
    again = make(settings=image_settings(str(tmp_path)))
    image = tiny_models.screen(np.random.default_rng(4), 300, 200)
    assert torch.equal(reader.inputs([image])["pixel_values"], again.inputs([image])["pixel_values"])
    assert reader.expand((300, 200)) == again.expand((300, 200))
    assert "image_processor_type" in json.loads((tmp_path / "preprocessor_config.json").read_text())
