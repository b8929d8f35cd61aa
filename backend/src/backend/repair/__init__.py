"""Find documents without their receipt, and make the receipt again. A workload of its own, with its own identity."""
