"""The laptop's Azure and its cluster: every token verified, every access enforced.

A program of its own: the access file, the issuers it trusts, the state folder and the ports are settings, and
nothing in it knows the application that runs on it.
"""
