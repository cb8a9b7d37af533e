"""What code has: functions, classes, constants of every kind, and sets, whose order changes with the process."""
import os.path

NUMBERS = (0, -1, 255, 1 << 40, -(1 << 80), 1.5, 2j, True, None, ...)
TEXTS = ("", "a b", "ab_c", "é", "\U0001f40d", b"\x00\xff")


class Word(str):
    KINDS = frozenset({"noun", "verb"})

    def kind(self, *, default="noun", **others):
        if self in {"run", "ride", "read", 1, 2.5, None}:
            return "verb"
        return next((kind for kind in self.KINDS if kind in others), default)


async def read(path, limit=1 << 40):
    try:
        with open(os.path.join("a b", path)) as file:
            return [line async for line in file if (length := len(line)) < limit and length]
    except (OSError, ValueError) as error:
        raise RuntimeError(f"{path!r} is not there") from error
