"""`make bench`: what an order costs, beside what it could cost at least and beside the obvious way."""
