"""The Python stack: transformers, torch and Pillow, one image at a time.

Runs in the venv of requirements-baseline.txt; `suite.py` starts it. Every line on the standard
input is `PATH COUNT`; the answer is a line with the images per second for that file COUNT times.

The weights are random, since the official ones cannot be downloaded everywhere; the arithmetic is
the same. For CLIP the texts go through the model with each image, as in that stack; tokenizing
them, which it also does each time, is left out.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
import transformers
from PIL import Image

_TOKENS = 7  # "a photo of a cat" with both special tokens


def _processor(name: str, **options: object) -> object:
    """The processor on Pillow, not the one that needs torchvision."""
    pillow = getattr(transformers, f"{name}Pil", None)
    return (pillow or getattr(transformers, name))(**options)


class MobileNet:
    def __init__(self) -> None:
        config = transformers.MobileNetV2Config(num_labels=1001)
        self.model = transformers.MobileNetV2ForImageClassification(config).eval()
        self.processor = _processor("MobileNetV2ImageProcessor")

    def classify(self, photo: Path) -> object:
        image = Image.open(photo).convert("RGB")
        inputs = self.processor(images=image, return_tensors="pt")  # type: ignore[operator]
        return torch.softmax(self.model(**inputs).logits, -1).topk(5)


class Clip:
    def __init__(self, labels: int) -> None:
        self.model = transformers.CLIPModel(transformers.CLIPConfig()).eval()
        self.processor = _processor("CLIPImageProcessor")
        self.tokens = torch.randint(1, 49_000, (labels, _TOKENS))
        self.tokens[:, -1] = 49_407

    def classify(self, photo: Path) -> object:
        image = Image.open(photo).convert("RGB")
        inputs = self.processor(images=image, return_tensors="pt")  # type: ignore[operator]
        logits = self.model(input_ids=self.tokens, **inputs).logits_per_image
        return torch.softmax(logits, -1).topk(min(5, logits.shape[-1]))


def main() -> None:
    kind, threads, labels = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    stack = MobileNet() if kind == "mobilenet_v2" else Clip(labels)
    print("ready", flush=True)
    with torch.inference_mode():
        for line in sys.stdin:
            path, count = line.rsplit(" ", 1)
            start = time.perf_counter()
            for _ in range(int(count)):
                stack.classify(Path(path))
            print(int(count) / (time.perf_counter() - start), flush=True)


if __name__ == "__main__":
    main()
