import unittest
from decimal import Decimal

import stock

LINES = ["name,count,price", "nail,1000,0.02", "hammer,3,14.50"]


class Stock(unittest.TestCase):
    def test_worth_is_count_times_price(self):
        self.assertEqual(stock.worth(stock.read(LINES)), Decimal("63.50"))

    def test_nothing_is_worth_nothing(self):
        self.assertEqual(stock.worth(stock.read(LINES[:1])), 0)

    def test_the_table_ends_in_the_sum(self):
        last = stock.table(stock.read(LINES)).splitlines()[-1]
        self.assertEqual(last.split(), ["all", "63.50"])
