import csv
import sys

owed = {}
for row in csv.DictReader(open(sys.argv[1], encoding="utf-8", newline="")):
    customer = row["customer"]
    owed[customer] = owed.get(customer, 0) + int(row["cents"])

for customer, cents in sorted(owed.items()):
    print(f"{customer} owes {cents // 100}.{cents % 100:02}")
