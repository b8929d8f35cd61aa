"""The laptop's Azure and its cluster: every token verified, every access enforced.

The access file, the trusted issuers, the state folder and the ports are settings. Nothing here knows the application.
"""
