"""What any web application needs: the server, sessions and their keys, problems, security headers, probes."""
