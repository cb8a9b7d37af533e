"""Compiles modules for images.

    python -m compile 3.13.5 [FOLDER]

`sources` has records: two numbers, the name that tracebacks show, and the source. `bytecode` gets records of the same
form in the same order, with the bytecode, or nothing where there is none; then those of the library in FOLDER.
"""
import concurrent.futures
import importlib.machinery
import importlib.util
import marshal
import os
import struct
import sys
import warnings

# What the official images have taken out, what needs a screen, and what there is only to be read.
ASIDE = {"__pycache__", "site-packages", "test", "tests", "idle_test", "idlelib", "turtledemo", "pydoc_data"}
HEAD = struct.Struct("<II")
# Valid whatever its source is.
UNCHECKED_HASH = struct.pack("<I", 1)


def bytecode(name, source):
    """The bytecode; nothing for what cannot be compiled: templates, tests of syntax errors."""
    warnings.simplefilter("ignore")
    try:
        loader = importlib.machinery.SourceFileLoader("<module>", name)
        code = marshal.dumps(loader.source_to_code(source, name))
    except Exception:
        return b""
    return importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source) + code


def from_list(place):
    name, offset, size = place
    with open("sources", "rb") as file:
        file.seek(offset)
        return name, bytecode(name, file.read(size))


def from_library(name):
    with open(name, "rb") as file:
        return name, bytecode(name, file.read())


def places():
    found, offset = [], 0
    with open("sources", "rb") as file:
        while True:
            head = file.read(HEAD.size)
            if not head:
                return found
            length, size = HEAD.unpack(head)
            name = file.read(length).decode()
            offset += HEAD.size + length
            found.append((name, offset, size))
            offset += size
            file.seek(offset)


def library(top):
    found = []
    for folder, folders, files in os.walk(top):
        # `config-3.13-x86_64-linux-gnu` and `_sysconfigdata_…` differ from platform to platform.
        folders[:] = [name for name in folders if name not in ASIDE and not name.startswith("config-")]
        files = [name for name in files if name.endswith(".py") and not name.startswith("_sysconfigdata_")]
        found.extend(os.path.join(folder, name) for name in files)
    return sorted(found)


def check(wanted):
    own = sys.version_info
    version = "{}.{}.{}".format(*own[:3])
    if own.releaselevel != "final":
        version += {"alpha": "a", "beta": "b", "candidate": "rc"}[own.releaselevel] + str(own.serial)
    is_same = version == wanted or version.startswith(wanted + ".") and own.releaselevel == "final"
    if sys.implementation.name != "cpython" or "t" in sys.abiflags or not is_same:
        sys.exit("this is {} {}, and not CPython {}".format(sys.implementation.name, version, wanted))


def main():
    check(sys.argv[1])
    modules, names = places(), library(sys.argv[2]) if len(sys.argv) > 2 else []
    count = len(modules) + len(names)
    workers = min(os.cpu_count() or 1, 1 + count // 50)
    with open("bytecode", "wb") as out:

        def write(results):
            for name, code in results:
                name = name.encode()
                out.write(HEAD.pack(len(name), len(code)) + name + code)

        if workers == 1:
            write(map(from_list, modules))
            write(map(from_library, names))
        else:
            with concurrent.futures.ProcessPoolExecutor(workers) as pool:
                write(pool.map(from_list, modules, chunksize=20))
                write(pool.map(from_library, names, chunksize=20))


if __name__ == "__main__":
    main()
