"""An HTTP request while it arrives: when it is whole, and when it is refused before that."""

import h11

LONGEST_BODY = 64 * 1024  # bytes; the application answers a longer one with 413
_LONGEST_HEAD = 16 * 1024  # bytes
_LONGEST = 3 * LONGEST_BODY  # bytes on the wire: a body in small chunks takes more room than its content


class UnservableRequest(Exception):
    """`status` is that of the answer, and the text is the reason as a part of a sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class IncomingRequest:
    """Find the end of a request. What its bytes mean is for gunicorn's parser to say, once all are there."""

    def __init__(self) -> None:
        self.path = b""
        self.whole = False
        self._received = bytearray()
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD)
        self._body = 0  # bytes of the body that are there

    def add(self, data: bytes) -> bool:
        """Add the bytes that follow, at least one. Raises `UnservableRequest` (400, 413, 431 or 501).

        Returns True if the request is whole, or if it announces a body that is too long: the application refuses it
        unread.
        """
        self._received += data
        self._http.receive_data(data)
        while (event := self._next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.EndOfMessage):
                self.whole = True
                return True
            if isinstance(event, h11.Request):
                self.path = event.target.partition(b"?")[0]
                if int(dict(event.headers).get(b"content-length", 0)) > LONGEST_BODY:
                    return True
            elif isinstance(event, h11.Data):
                self._body += len(event.data)
                if self._body > LONGEST_BODY:
                    raise UnservableRequest(413, f"its body has more than {LONGEST_BODY} bytes")
        if len(self._received) > _LONGEST:
            raise UnservableRequest(413, f"it has more than {_LONGEST} bytes")
        return False

    def permission(self) -> bytes:
        """Return what the client waits for before it sends the body (`Expect: 100-continue`), once; or nothing."""
        if not self._http.they_are_waiting_for_100_continue:
            return b""
        return self._http.send(h11.InformationalResponse(status_code=100, headers=[], reason="Continue")) or b""

    def content(self) -> bytes:
        """Return the bytes of the request."""
        return bytes(self._received[: len(self._received) - len(self.rest())])

    def rest(self) -> bytes:
        """Return the bytes that follow the request: the next one may have begun."""
        return self._http.trailing_data[0]

    def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise UnservableRequest(error.error_status_hint, str(error)) from error
