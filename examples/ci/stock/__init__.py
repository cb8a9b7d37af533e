"""What is in stock, and what it is worth."""

import csv
from decimal import Decimal

from tabulate import tabulate


def read(lines):
    """The articles of a CSV file: name, count, price."""
    return [(row["name"], int(row["count"]), Decimal(row["price"])) for row in csv.DictReader(lines)]


def worth(articles):
    return sum((count * price for _, count, price in articles), Decimal(0))


def table(articles):
    rows = [(name, count, price, count * price) for name, count, price in articles]
    rows.append(("all", None, None, worth(articles)))
    return tabulate(rows, headers=("article", "count", "price", "worth"), floatfmt=".2f")
