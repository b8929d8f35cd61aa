"""What every workload here needs: a credential that logs its tokens, settings, logs, traces, Azure's errors read.

It knows neither orders nor any one service's client. Each module is used by itself.
"""
