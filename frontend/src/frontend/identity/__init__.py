"""Workload identity: the credential and its clients, what each service lets them do, and the page that shows it.

Read `clients`, then `privileges` and `page`. `lazy_clients` makes a client when it is first used. `checks` calls all
services at once. `workload.journey` draws the page.
"""
