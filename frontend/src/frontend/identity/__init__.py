"""Workload identity: the credential and its clients, what each service lets them do, and the page that shows it.

Read `clients`, then `privileges`, `journey` and `page`.
"""
