"""The shop: orders are placed, listed and followed, each until its receipt.

Read `placing`, then `following`. `sender`, `order_reader` and `receipt_reader` are all that reaches Azure.
"""
