"""What any web application needs: sessions and their keys, problems, security headers, probes, traces."""
