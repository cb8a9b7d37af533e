"""Summarises the files of the current folder, as a table or as JSON.

Uses nothing but the standard library, and enough of it that its bytecode matters: the second run of this
script starts several times sooner than under a plain `docker run`.
"""
import argparse
import asyncio
import json
import logging
import subprocess
import sys
import urllib.request
from pathlib import Path

log = logging.getLogger("report")


def measure(path):
    data = path.read_bytes()
    return {"type": path.suffix.lstrip(".") or "(none)", "bytes": len(data), "lines": data.count(b"\n")}


async def summarise(folder):
    """One row per type of file, the largest first; files are read side by side."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    log.info("%d files in %s", len(files), folder)
    rows = {}
    for found in await asyncio.gather(*(asyncio.to_thread(measure, path) for path in files)):
        row = rows.setdefault(found["type"], {"type": found["type"], "files": 0, "lines": 0, "bytes": 0})
        row["files"] += 1
        row["lines"] += found["lines"]
        row["bytes"] += found["bytes"]
    return sorted(rows.values(), key=lambda row: (-row["bytes"], row["type"]))


def table(rows):
    columns = ["type", "files", "lines", "bytes"]
    widths = [max(len(column), *(len(str(row[column])) for row in rows)) for column in columns]
    for row in [dict(zip(columns, columns)), *rows]:
        first, *rest = (str(row[column]) for column in columns)
        yield "  ".join([first.ljust(widths[0]), *(text.rjust(width) for text, width in zip(rest, widths[1:]))])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON rather than a table")
    parser.add_argument("--post", metavar="URL", help="send the report there, too")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell what is done")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING, format="%(message)s")

    rows = asyncio.run(summarise(Path()))
    if not rows:
        sys.exit("no files here")
    kernel = subprocess.run(["uname", "-s"], check=True, capture_output=True, text=True).stdout.strip()
    report = json.dumps({"kernel": kernel, "types": rows}, indent=2)
    print(report if options.json else "\n".join(table(rows)))
    if options.post:
        request = urllib.request.Request(options.post, report.encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            log.info("%s answered %d", options.post, answer.status)


if __name__ == "__main__":
    main()
