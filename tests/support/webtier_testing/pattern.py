# SPDX-License-Identifier: Apache-2.0
"""Bodies in which every position is recognisable: what an application server sends for size=N."""


_LONGEST = 10_000_000  # lines: then the numbers begin anew
_made = b""


def pattern(size):
    """Returns `size` bytes of numbered eight-byte lines, so that a lost, doubled or moved piece shows."""
    global _made
    if len(_made) < min(size, 8 * _LONGEST):
        lines = min(max(size // 8 + 1, 1 << 13), _LONGEST)
        _made += b"".join(map(b"%07d\n".__mod__, range(len(_made) // 8, lines)))
    return _made[:size] if size <= len(_made) else (_made * (size // len(_made) + 1))[:size]
