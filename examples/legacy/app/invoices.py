# -*- coding: utf-8 -*-
import csv
import sys

owed = {}
for row in csv.DictReader(open(sys.argv[1], "rb")):
    customer = row["customer"].decode("utf-8")
    if not owed.has_key(customer):
        owed[customer] = 0
    owed[customer] += int(row["cents"])

for customer, cents in sorted(owed.iteritems()):
    print "%s owes %s.%02d" % (customer.encode("utf-8"), cents / 100, cents % 100)
