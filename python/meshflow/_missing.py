"""Why the native module could not be imported, in words."""

import os
import sys


def explain(error):
    """The sentence for `error`: built for another Python, not built at all, or what the loader said."""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = os.path.dirname(os.path.abspath(__file__))
    try:
        tags = sorted(name.split(".")[1] for name in os.listdir(folder) if name.startswith("_meshflow.") and name.endswith(".so"))
    except OSError:
        tags = []
    built = [version_of(tag) for tag in tags]
    if not tags:
        return (f"the native part of meshflow is missing in {folder}; in a checkout, build it for this Python ({running}) "
                "with ./dev python")
    if running not in built:
        return (f"this meshflow was built for Python {' and '.join(built)}, and this is Python {running}; use that one, or "
                "build it for this one with ./dev python in the checkout")
    return f"the native part of meshflow could not be loaded: {error}"


def version_of(tag):
    """'3.11' for 'cpython-311-x86_64-linux-gnu'."""
    digits = tag.split("-")[1] if "-" in tag else ""
    return f"{digits[0]}.{digits[1:]}" if digits[:1] == "3" and digits.isdigit() else tag
