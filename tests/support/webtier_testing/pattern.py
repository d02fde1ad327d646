# SPDX-License-Identifier: Apache-2.0
"""Bodies in which every position is recognisable: what an application server sends for size=N."""


def pattern(size):
    """Returns `size` bytes of numbered eight-byte lines, so that a lost, doubled or moved piece shows."""
    lines = (size + 7) // 8
    return b"".join(b"%07d\n" % (number % 10_000_000) for number in range(lines))[:size]
