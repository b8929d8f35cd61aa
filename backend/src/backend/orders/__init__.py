"""What is made of an order: its receipt, signed and stored, and its document."""
