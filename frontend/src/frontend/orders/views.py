"""All views of orders. They share a blueprint, because flask-openapi3 describes a path by one blueprint alone."""

from frontend.orders import following, listing, placing
from frontend.orders.blueprint import orders

__all__ = ["following", "listing", "orders", "placing"]
