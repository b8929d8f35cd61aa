"""The dashboard: a page on loopback that shows what happens on the local cloud. It only reads, and shows no token."""
