"""What a run may do, cost and take."""

from __future__ import annotations

import os

from . import _meshflow
from ._errors import InvalidValueError, MeshFlowError, UnknownFieldError

_NAMES = tuple(_meshflow.Fields.names())
_GROUPS = {name.partition(".")[0] for name in _NAMES if "." in name}
_TOP = tuple(dict.fromkeys(name.partition(".")[0] for name in _NAMES))


class Policy:
    """The fields of a policy, as keyword arguments; those left out, or None, keep their defaults.

    A group of fields is a dict: human_in_loop={"enabled": True}. Fields can be read and set as attributes; one that its mode
    decides on is None until it is given. Unknown fields, wrong types and values out of range are errors that name the field.
    """

    __slots__ = ("_fields",)

    def __init__(self, **fields):
        object.__setattr__(self, "_fields", _meshflow.Fields())
        for name, value in fields.items():
            self._set(name, value)
        self._fields.check()

    @classmethod
    def from_yaml(cls, text, file="policy"):
        """The policy that a YAML map of fields describes."""
        return cls._of(_meshflow.Fields.from_yaml(text, file))

    @classmethod
    def from_environment(cls, base=None):
        """`base`, or the defaults, with the fields that MESHFLOW_… variables set."""
        return cls._of(_meshflow.Fields.from_environment((base or cls())._fields))

    @classmethod
    def _of(cls, fields):
        policy = cls()
        object.__setattr__(policy, "_fields", fields)
        return policy

    @staticmethod
    def field_names():
        """All fields, those of groups with a dot."""
        return list(_NAMES)

    def replace(self, **fields):
        """A copy in which the given fields are changed."""
        copy = self._of(_meshflow.Fields(self._fields))
        for name, value in fields.items():
            copy._set(name, value)
        copy._fields.check()
        return copy

    def as_dict(self):
        return {name: getattr(self, name) for name in _TOP}

    def __getattr__(self, name):
        if name in _GROUPS:
            prefix = name + "."
            return {full[len(prefix):]: self._fields.get(full) for full in _NAMES if full.startswith(prefix)}
        if name in _NAMES:
            return self._fields.get(name)
        raise AttributeError(f"a policy has no field {name}")

    def __setattr__(self, name, value):
        self._set(name, value)

    def __dir__(self):
        return sorted({*super().__dir__(), *_TOP})

    def __eq__(self, other):
        return self._fields == other._fields if isinstance(other, Policy) else NotImplemented

    __hash__ = None

    def __repr__(self):
        default = Policy()
        changed = [f"{name}={value!r}" for name, value in self.as_dict().items() if value != getattr(default, name)]
        return f"Policy({', '.join(changed)})"

    def __reduce__(self):
        return _policy_from_dict, (self.as_dict(),)

    def _set(self, name, value):
        if name in _GROUPS:
            self._set_group(name, value)
        elif name not in _NAMES:
            raise _unknown(self._fields, name)
        elif value is not None:
            self._fields.set(name, _plain(name, value))

    def _set_group(self, group, values):
        if values is None:
            return
        if not isinstance(values, dict):
            known = ", ".join(name[len(group) + 1:] for name in _NAMES if name.startswith(group + "."))
            raise InvalidValueError("invalid_argument", f"{group} is a group of fields, not {_kind(values)}", f"a dict with {known}")
        for name, value in values.items():
            self._set(f"{group}.{name}", value)


def _policy_from_dict(fields):
    return Policy(**fields)


def _kind(value):
    return f"{type(value).__name__} ({value!r})"


def _plain(name, value):
    """`value` as one of the types that the native module takes."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, (tuple, set, frozenset)):
        value = list(value)
    if isinstance(value, int) and not -2**63 <= value < 2**63:
        raise InvalidValueError("invalid_argument", f"{name} cannot be {value}", "a number that fits 64 bits")
    if isinstance(value, list) and not all(isinstance(entry, str) for entry in value):
        raise InvalidValueError("invalid_argument", f"{name} is a list of texts, not {value!r}")
    if isinstance(value, dict) and not all(isinstance(part, str) for entry in value.items() for part in entry):
        raise InvalidValueError("invalid_argument", f"{name} maps texts to texts, not {value!r}")
    if not isinstance(value, (bool, int, float, str, list, dict)):
        raise InvalidValueError("invalid_argument", f"{name} cannot be {_kind(value)}")
    return value


def _unknown(fields, name):
    try:
        fields.get(name)
    except MeshFlowError as error:
        return UnknownFieldError(error.code, error.message, error.hint, error.position, str(error))
    return UnknownFieldError("not_found", f"a policy has no field {name}")
