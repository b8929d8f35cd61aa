"""Orders: placed, listed, followed, and their receipts."""
