"""The frontend: takes orders, shows their receipts, and explains its own tokens."""
