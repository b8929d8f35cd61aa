"""How messages are received, handled and settled."""
