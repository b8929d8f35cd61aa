"""AMQP 1.0 (ISO/IEC 19464), as much of it as a broker needs: types, frames, performatives, message sections.

The specification's parts are named in each module: https://docs.oasis-open.org/amqp/core/v1.0/os/
"""
