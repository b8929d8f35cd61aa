"""The HTTP server: a worker for gunicorn that receives requests whole, and sends answers, without a thread's time."""
