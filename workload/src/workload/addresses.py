"""Which hosts can't be rebound: any web page can make its own name stand for 127.0.0.1, and an address is no name."""

from ipaddress import ip_address


def is_address(host: str) -> bool:
    """Tell whether the host of a request is an IP address. In a URL, one of version 6 stands in brackets."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
