"""Prints the CSV of a result as a table."""

import csv
import sys

rows = list(csv.DictReader(sys.stdin))
width = max((len(row["filename"]) for row in rows), default=0)
for row in rows:
    score = f"{float(row['top_confidence']):6.1%}" if row["top_confidence"] else " " * 6
    print(f"  {row['filename']:{width}}  {score}  {row['top_prediction'] or row['error']}")
