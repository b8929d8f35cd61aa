"""Finds documents without their receipt and makes the receipt again. A workload of its own, with its own identity."""
