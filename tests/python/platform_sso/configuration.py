"""psso.toml, read and written."""

import json

try:
    import tomllib
except ImportError:  # before Python 3.11
    import tomli as tomllib


def read(text):
    return tomllib.loads(text)


def _value(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_value(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    # Texts, numbers and booleans are written the same way in both.
    return json.dumps(value, ensure_ascii=False)


def write(fields):
    return "".join(f"{name} = {_value(value)}\n" for name, value in fields.items())
