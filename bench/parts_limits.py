"""How close each stage is to the limits of the machine: multiplications and memory."""

from __future__ import annotations

import time

import numpy as np
import openvino as ov
from harness import Options, Part, spread
from openvino import opset13 as ops
from parts_cpp import run_benchmarks

# Multiply-adds per image, times two; counted from the shapes of the layers.
_GFLOP = {"mobilenet_v2": 0.60, "clip_vit_b32": 8.8}


def _matmul_gflops(precision: str, size: int = 1536) -> float:
    """The best of ten products of two square matrices on one core, in 10^9 operations a second."""
    x = ops.parameter([size, size], np.float32)
    model = ov.Model(
        [ops.matmul(x, ops.constant(np.ones((size, size), np.float32)), False, True)], [x]
    )
    compiled = ov.Core().compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1}
    )
    request = compiled.create_infer_request()
    data = np.ones((size, size), np.float32)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        request.infer([data])
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times) / 1e9


def _copy_gb_per_second() -> float:
    """Bytes read and written by the best of ten copies of 256 MB on one core, in 10^9 a second."""
    source = np.ones(1 << 25)
    target = np.empty_like(source)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        np.copyto(target, source)
        times.append(time.perf_counter() - start)
    return 2 * source.nbytes / min(times) / 1e9


def limits(options: Options) -> Part:
    part = Part(
        "Limits of the machine, and what is reached",
        "bench/suite.sh --only limits",
        ["what", "measured", "of the limit"],
        note="Limits of one core: the product of two 1536 × 1536 matrices by the same library, and "
        "a copy of 256 MB. 8 bits have no such product here, so they are compared with bf16's.",
    )
    peak = {precision: _matmul_gflops(precision) for precision in ("f32", "bf16")}
    for precision, value in peak.items():
        part.add(f"matrix product, {precision}, GFLOP/s", f"{value:.0f}", "1")
    part.add("memory, GB/s", f"{_copy_gb_per_second():.1f}", "1")
    found = run_benchmarks("inference_bench", "^classify/.*/streams:1/batch:8/", options)
    for name, ms in found.items():
        _, model, precision, _ = name.split("/")
        reached = [_GFLOP[model] / each * 1e3 for each in ms]
        limit = peak["f32" if precision == "fp32" else "bf16"]
        part.add(f"{model}, {precision}, GFLOP/s", spread(reached), f"{max(reached) / limit:.2f}")
    return part
