"""What the reports share."""

import sys

import pandas as pd

COLUMNS = {"date", "region", "product", "units", "price"}


def read(path):
    table = pd.read_csv(path)
    missing = COLUMNS - set(table.columns)
    if missing:
        sys.exit(f"no column {', '.join(sorted(missing))} in the data")
    table["date"] = pd.to_datetime(table["date"])
    table["revenue"] = table["units"] * table["price"]
    return table


def print_table(table):
    """Prints CSV: whoever wants another form has the numbers."""
    table.to_csv(sys.stdout, float_format="%.2f", lineterminator="\n")
