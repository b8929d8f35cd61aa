"""What any web application needs: a server, sessions, problems, probes."""
