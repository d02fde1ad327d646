# SPDX-License-Identifier: Apache-2.0
"""As much of a MySQL client as tests need, over libmariadb, which the modules use too."""
import ctypes
import ctypes.util

_SO = "libmariadb.so.3"
_CHARSET_NAME = 7  # enum mysql_option


class MysqlError(Exception):
    """What the server or the library said; `number` is its error number."""

    def __init__(self, number, text):
        super().__init__(f"{number}: {text}")
        self.number = number


def _library():
    lib = ctypes.CDLL(_SO)
    pointer, size = ctypes.c_void_p, ctypes.c_ulong
    for name, result, *arguments in (
            ("mysql_init", pointer, pointer), ("mysql_options", ctypes.c_int, pointer, ctypes.c_int, ctypes.c_char_p),
            ("mysql_real_connect", pointer, pointer, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p,
             ctypes.c_char_p, ctypes.c_uint, ctypes.c_char_p, size),
            ("mysql_real_query", ctypes.c_int, pointer, ctypes.c_char_p, size),
            ("mysql_store_result", pointer, pointer), ("mysql_num_fields", ctypes.c_uint, pointer),
            ("mysql_fetch_row", ctypes.POINTER(pointer), pointer),
            ("mysql_fetch_lengths", ctypes.POINTER(size), pointer), ("mysql_free_result", None, pointer),
            ("mysql_real_escape_string", size, pointer, ctypes.c_char_p, ctypes.c_char_p, size),
            ("mysql_insert_id", ctypes.c_uint64, pointer), ("mysql_affected_rows", ctypes.c_uint64, pointer),
            ("mysql_errno", ctypes.c_uint, pointer), ("mysql_error", ctypes.c_char_p, pointer),
            ("mysql_close", None, pointer)):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class Mysql:
    """A connection over a Unix socket. Values are bytes; one thread at a time."""

    def __init__(self, path, database=None, user="root", password=None):
        self._lib = _library()
        self._handle = self._lib.mysql_init(None)
        self._lib.mysql_options(self._handle, _CHARSET_NAME, b"utf8mb4")
        if not self._lib.mysql_real_connect(self._handle, None, user.encode(), password and password.encode(),
                                            database and database.encode(), 0, str(path).encode(), 0):
            error = self._error()
            self.close()
            raise error

    def _error(self):
        return MysqlError(self._lib.mysql_errno(self._handle), self._lib.mysql_error(self._handle).decode())

    def _quote(self, value):
        if value is None:
            return b"NULL"
        if isinstance(value, int):
            return b"%d" % value
        raw = value.encode() if isinstance(value, str) else value
        room = ctypes.create_string_buffer(2 * len(raw) + 1)
        size = self._lib.mysql_real_escape_string(self._handle, room, raw, len(raw))
        return b"'" + room.raw[:size] + b"'"

    def query(self, text, *values):
        """Runs a statement, each %s in it replaced by a value; returns the rows, tuples of bytes or None."""
        pieces = text.encode().split(b"%s")
        assert len(pieces) == len(values) + 1, text
        statement = pieces[0] + b"".join(self._quote(value) + piece for value, piece in zip(values, pieces[1:]))
        if self._lib.mysql_real_query(self._handle, statement, len(statement)):
            raise self._error()
        result = self._lib.mysql_store_result(self._handle)
        if not result:
            return []
        try:
            return list(self._rows(result))
        finally:
            self._lib.mysql_free_result(result)

    def _rows(self, result):
        fields = self._lib.mysql_num_fields(result)
        while row := self._lib.mysql_fetch_row(result):
            sizes = self._lib.mysql_fetch_lengths(result)
            yield tuple(ctypes.string_at(row[at], sizes[at]) if row[at] else None for at in range(fields))

    def insert_id(self):
        return self._lib.mysql_insert_id(self._handle)

    def affected(self):
        return self._lib.mysql_affected_rows(self._handle)

    def close(self):
        if self._handle:
            self._lib.mysql_close(self._handle)
            self._handle = None
