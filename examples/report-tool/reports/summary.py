# /// script
# requires-python = ">=3.11"
# dependencies = ["pandas>=2"]
# ///
"""what each product has earned"""

import sys

import sales

table = sales.read(sys.argv[1])
earned = table.groupby("product").agg(units=("units", "sum"), revenue=("revenue", "sum"))
sales.print_table(earned.sort_values("revenue", ascending=False))
