"""Which proxy a server is asked through, as kubectl decides it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment


def proxy_for(server: str) -> str | None:
    """Returns the address of the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY ask for; None for none."""
    parts = urlsplit(server)
    known = getproxies_environment()
    proxy = known.get(parts.scheme)
    if not proxy or _is_excepted(parts.hostname or "", _port(server), known.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _port(server: str) -> int:
    parts = urlsplit(server)
    return parts.port or {"https": 443}.get(parts.scheme, 80)


def without_credentials(proxy: str) -> str:
    """Returns the address of a proxy as it may be shown."""
    parts = urlsplit(proxy)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def credentials_of(proxy: str) -> str:
    """Returns the user and the password in the address of a proxy, with a colon between; empty without them."""
    userinfo = urlsplit(proxy).netloc.rpartition("@")[0]
    return unquote(userinfo)


def _is_excepted(host: str, port: int | None, exceptions: str) -> bool:
    if host == "localhost" or _has_address_in(host, "127.0.0.0/8") or _has_address_in(host, "::1"):
        return True  # a proxy on the way out does not know this machine's ports
    for each in exceptions.lower().split(","):
        name, colon, its_port = each.strip().partition(":") if each.count(":") == 1 else (each.strip(), "", "")
        if not name or (colon and its_port != str(port)):
            continue
        # A leading dot leaves out the domain itself.
        domain = name.removeprefix("*") if name.startswith("*.") else name
        is_below = host.endswith(domain if domain.startswith(".") else f".{domain}")
        if name in ("*", host) or is_below or _has_address_in(host, name):
            return True
    return False


def _has_address_in(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False
