"""What may be shown of an address: where it leads, never what opens the door."""

import re


def mask(url: str) -> str:
    """Return a URL without anything but its scheme; for addresses that are secrets as a whole, such as a channel's."""
    scheme, found, _ = url.partition("://")
    return f"{scheme}://***" if found and scheme.replace("+", "").replace("-", "").isalnum() else "***"


def hide_credentials(address: str) -> str:
    """Return a URL without user, password and query; a path stays what it is."""
    if "://" not in address:
        return address
    scheme, _, rest = address.partition("://")
    # Up to the last @: a password may hold one itself, and may hold a slash.
    rest = re.sub(r"^.*@", "***@", rest, flags=re.DOTALL)
    return f"{scheme}://" + re.sub(r"[?#].*", "?***", rest, flags=re.DOTALL)
