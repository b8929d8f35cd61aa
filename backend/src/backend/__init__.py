"""The worker that turns each order into a signed receipt, and the operator's commands `redrive` and `repair`."""
