"""Counts words: a JSON string on each line of stdin, its answer on a line of stdout."""

import json
import sys
from collections import Counter

for line in sys.stdin:
    words = json.loads(line).split()
    commonest = Counter(word.strip(".,;:!?").lower() for word in words).most_common(1)
    answer = {"words": len(words), "commonest": commonest[0][0] if commonest else None}
    print(json.dumps(answer), flush=True)
