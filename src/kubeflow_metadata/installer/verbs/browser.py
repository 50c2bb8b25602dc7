"""Opens a page in the user's browser, where there is one to open."""

from __future__ import annotations

import os
import sys
import webbrowser


def show(url: str) -> bool:
    """Opens a page; returns whether a browser took it."""
    # Without a display Python would take a browser for terminals, over what is shown there.
    has_display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    if sys.platform.startswith("linux") and not has_display:
        return False
    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False
