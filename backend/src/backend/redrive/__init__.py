"""List the queue's dead letters, and send repaired ones back. A workload of its own, with its own identity."""
