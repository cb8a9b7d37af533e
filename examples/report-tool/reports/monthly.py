# /// script
# requires-python = ">=3.11"
# dependencies = ["pandas>=2"]
# ///
"""what was earned in each month, by region"""

import sys

import sales

table = sales.read(sys.argv[1])
months = table.pivot_table(
    index=table["date"].dt.strftime("%Y-%m").rename("month"),
    columns="region",
    values="revenue",
    aggfunc="sum",
    fill_value=0,
)
sales.print_table(months)
