"""What the operator holds: the command line, the control socket, and what the terminal says."""
