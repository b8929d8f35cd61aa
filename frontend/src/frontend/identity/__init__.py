"""Workload identity: the credential, the clients that use it, and the page that shows it."""
