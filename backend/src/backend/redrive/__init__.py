"""Lists the dead letters of the queue and sends repaired ones back. A workload of its own, with its own identity."""
