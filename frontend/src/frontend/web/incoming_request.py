"""An HTTP request while it arrives: when it is whole, and when it is refused before that."""

import h11

LONGEST_BODY = 64 * 1024  # bytes; the application answers a longer one with 413
_LONGEST_HEAD = 16 * 1024  # bytes
_LONGEST = 3 * LONGEST_BODY  # bytes on the wire: a body in small chunks takes more room than its content


class Refused(Exception):
    """The request can't be served: the status of the answer, and the reason as a sentence's part."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class IncomingRequest:
    """Collects a request's bytes in `received`. What they mean is for gunicorn's parser to say, once all are there."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.path = b""
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD)
        self._body = 0  # bytes of it that are there

    def add(self, data: bytes) -> bool:
        """Add the bytes that follow, at least one.

        Returns True when the request is whole, or when it announces a body that is too long: the application refuses
        it unread. Raises `Refused` (400, 413, 431 or 501).
        """
        self.received += data
        self._http.receive_data(data)
        while (event := self._next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.EndOfMessage):
                return True
            if isinstance(event, h11.Request):
                self.path = event.target.partition(b"?")[0]
                if int(dict(event.headers).get(b"content-length", 0)) > LONGEST_BODY:
                    return True
            elif isinstance(event, h11.Data):
                self._body += len(event.data)
                if self._body > LONGEST_BODY:
                    raise Refused(413, f"its body has more than {LONGEST_BODY} bytes")
        if len(self.received) > _LONGEST:
            raise Refused(413, f"it has more than {_LONGEST} bytes")
        return False

    def permission(self) -> bytes:
        """What the client waits for before it sends the body (`Expect: 100-continue`), once; nothing otherwise."""
        if not self._http.they_are_waiting_for_100_continue:
            return b""
        return self._http.send(h11.InformationalResponse(status_code=100, headers=[], reason="Continue")) or b""

    def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise Refused(error.error_status_hint, str(error)) from error
