"""The exceptions of MeshFlow."""

from __future__ import annotations


class MeshFlowError(Exception):
    """Something failed, or was refused.

    code      what a program may decide upon: invalid_argument, invalid_input, not_found, already_exists, limit_exceeded,
              budget_exceeded, blocked, permission_denied, unavailable, timeout, cancelled, conflict, unsupported, io,
              callback_failed, internal
    message   one sentence that names what was wrong
    hint      what would be right; may be empty
    position  (file, line, column) where it was found in a text, or None
    """

    def __init__(self, code, message, hint="", position=None, text=None):
        super().__init__(text or (f"{message} ({hint})" if hint else message))
        self.code = code
        self.message = message
        self.hint = hint
        self.position = position

    def __reduce__(self):
        return type(self), (self.code, self.message, self.hint, self.position, str(self))


class InvalidValueError(MeshFlowError, ValueError):
    """A value, or a text, that cannot be used."""


class UnknownFieldError(MeshFlowError, TypeError):
    """A name that no field has; the message names the nearest one."""


def error_from(code, message, hint, position, text):
    """The exception for an error of the native module, which calls this."""
    kind = InvalidValueError if code in ("invalid_argument", "invalid_input") else MeshFlowError
    return kind(code, message, hint, position, text)
