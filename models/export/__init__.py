"""Makes model folders for the classifier; see models/README.md."""
