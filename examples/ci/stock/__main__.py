import sys

from . import read, table

print(table(read(sys.stdin)))
