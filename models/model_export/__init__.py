"""Export of model folders: graphs in OpenVINO's IR, labels and `model.json` (see docs/models.md)."""

VERSION = "1"
"""Written into every folder; raise it when the same inputs would give a different folder."""


class ExportError(Exception):
    """Something that the user can act on; its text is shown as one line, without a traceback."""
