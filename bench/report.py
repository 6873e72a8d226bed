"""The suite's results as a page with plots."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

Document = dict[str, dict[str, Any]]

_HEAD = """# Performance

<!-- Made by `bench/suite.sh --docs`; what follows the mark near the end is written by hand. -->

Every figure is the median of {rounds} runs, with the least and the greatest in brackets. Compared
runs alternate, on the same photos and cores. Measured on {machine}.
"""
_MARK = "<!-- by hand -->"


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "| " + " | ".join("---" for _ in columns) + " |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def write_document(document: Document, file: Path, images: Path) -> None:
    """Writes the page; keeps the part written by hand at the end of the old one."""
    by_hand = ""
    if file.exists() and _MARK in file.read_text():
        by_hand = file.read_text().split(_MARK, 1)[1]
    machines = sorted({part["machine"] for part in document.values()})
    text = _HEAD.format(machine="; ".join(machines), rounds="the")
    budgets = [
        [
            budget["goal"],
            budget["measured"],
            "met" if budget["met"] else "**missed**",
            f"`{part['command']}`",
        ]
        for part in document.values()
        for budget in part["budgets"]
    ]
    text += "\n## Budgets\n\n" + _table(["goal", "measured", "", "command"], budgets)
    for part in document.values():
        text += f"\n## {part['title']}\n\n`{part['command']}`, {part['when']}, {part['seconds']} s"
        text += " (small runs)" if part["quick"] else ""
        text += f". {part['note']}\n\n" + _table(part["columns"], part["rows"])
        for plot in part["plots"]:
            where = os.path.relpath(images / _file(plot), file.parent)
            text += f"\n![{plot['title']}]({where})\n"
    file.write_text(f"{text}\n{_MARK}{by_hand or chr(10)}")


def _file(plot: dict[str, Any]) -> str:
    return f"performance-{plot['name']}.svg"


def write_plots(document: Document, folder: Path) -> None:
    plt.rcParams["svg.hashsalt"] = "performance"  # so that the same figures give the same file
    for part in document.values():
        for plot in part["plots"]:
            figure, axes = plt.subplots(figsize=(7, 4))
            for name, values in plot["lines"].items():
                axes.plot(plot["x"], values, marker="o", label=name)
            if plot["log"]:
                axes.set_xscale("log")
            axes.set(title=plot["title"], xlabel=plot["x_label"], ylabel=plot["y_label"])
            axes.set_ylim(bottom=0)
            axes.grid(alpha=0.3)
            axes.legend(frameon=False)
            figure.tight_layout()
            figure.savefig(folder / _file(plot), metadata={"Date": None})
            plt.close(figure)
