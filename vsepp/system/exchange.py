"""Small things that the processes of a job say to each other, and how they learn of an end.

Number 0 leads: every other process has one connection, to it. What is said is JSON. A process
that waits here waits as long as it takes, unlike in the collectives of gloo, which give up after
30 seconds; and it hears at once when another fails, with the sentence of that one, or is killed.
"""

from __future__ import annotations

import hmac
import json
import os
import select
import socket
import struct
import weakref
from time import monotonic
from typing import Any

_LENGTH = struct.Struct("!Q")
_LARGEST_GREETING = 1 << 10
_GREETING_SECONDS = 10.0
_COMING_SECONDS = 600.0  # that processes may need to start, one after the other on a slow disk
_REPLY_SECONDS = 3.0


class Ended(Exception):
    """Another process of the job has ended.

    Attributes:
        number: which one.
        sentence: why, as its user is to read it; None where a signal asked for it, or nobody
            knows.
        status: the exit status where a signal asked for it, or None.
        silent: it ended without a word, as a killed one does.
        found: it was found out here, and not heard from another.
    """

    def __init__(
        self,
        number: int,
        sentence: str | None = None,
        status: int | None = None,
        silent: bool = False,
        found: bool = False,
    ) -> None:
        super().__init__(sentence or f"process {number} ended")
        self.number, self.sentence, self.status = number, sentence, status
        self.silent, self.found = silent, found

    def record(self) -> dict[str, Any]:
        """As it is sent on."""
        return dict(
            number=self.number, sentence=self.sentence, status=self.status, silent=self.silent
        )


_open: weakref.WeakSet[Exchange] = weakref.WeakSet()


def _hang_up_in_child() -> None:
    """A process that loads photographs would keep the connections of a killed one open."""
    for exchange in list(_open):
        exchange.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_hang_up_in_child)


class Exchange:
    """This process's connections: the leader has one to each other, these one to the leader.

    Args:
        number: of this process, 0 for the leader.
        count: processes of the job.
        peers: ``{number: socket}``.
    """

    def __init__(self, number: int, count: int, peers: dict[int, socket.socket]) -> None:
        self.number, self.count, self.peers = number, count, peers
        for peer in peers.values():
            peer.settimeout(None)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _open.add(self)

    def all(self, value: Any) -> list[Any]:
        """What every process gave, by number, as JSON has it: alike in all of them. All have to
        call it, each as often as the others.

        Raises:
            Ended: when one of them has ended, or failed.
        """
        if self.number:
            self._send(0, {"value": value})
            return self._receive(0)
        values = {0: json.loads(_written(value))}
        while len(values) < self.count:
            missing = [peer for number, peer in self.peers.items() if number not in values]
            for number in self._readable(missing, None):
                values[number] = self._receive(number)
        ordered = [values[number] for number in range(self.count)]
        for number in self.peers:
            self._send(number, {"value": ordered})
        return ordered

    def hear(self, seconds: float) -> None:
        """Listen for news of an end, for so long at most; what else is said is passed over.

        Raises:
            Ended: when there is such news.
        """
        until = monotonic() + seconds
        while monotonic() < until:
            for number in self._readable(list(self.peers.values()), until - monotonic()):
                self._receive(number)

    def fail(self, end: Ended) -> None:
        """Let the others know that this process ends, and wait until the leader knows."""
        message = {"ended": end.record()}
        for number in self.peers:
            try:
                self._write(number, message)
            except OSError:
                pass
        if self.number:
            try:
                self.hear(_REPLY_SECONDS)
            except (Ended, OSError):
                pass

    def close(self) -> None:
        """Hang up."""
        for peer in self.peers.values():
            peer.close()

    # ---- one message -------------------------------------------------------------------------

    def _readable(self, peers: list[socket.socket], seconds: float | None) -> list[int]:
        numbers = {peer: number for number, peer in self.peers.items()}
        ready = select.select(peers, [], [], None if seconds is None else max(0.0, seconds))[0]
        return [numbers[peer] for peer in ready]

    def _send(self, number: int, message: dict[str, Any]) -> None:
        try:
            self._write(number, message)
        except OSError:
            self._receive(number)  # what it said before it hung up, if anything
            raise self._gone(number) from None

    def _write(self, number: int, message: dict[str, Any]) -> None:
        body = _written(message).encode()
        self.peers[number].sendall(_LENGTH.pack(len(body)) + body)

    def _receive(self, number: int) -> Any:
        """The value that another process sent."""
        try:
            (length,) = _LENGTH.unpack(_read(self.peers[number], _LENGTH.size))
            message = json.loads(_read(self.peers[number], length))
        except (OSError, EOFError):
            raise self._gone(number) from None
        if "ended" in message:
            end = Ended(**message["ended"])
            self._pass_on(end)
            raise end
        return message["value"]

    def _gone(self, number: int) -> Ended:
        end = Ended(number, silent=True, found=True)
        self._pass_on(end)
        return end

    def _pass_on(self, end: Ended) -> None:
        """As the leader, tell everybody; whom it came from takes it as a receipt."""
        if self.number == 0:
            for other in self.peers:
                try:
                    self._write(other, {"ended": end.record()})
                except OSError:
                    pass


def _written(value: Any) -> str:
    return json.dumps(value, default=float)


def _read(peer: socket.socket, count: int) -> bytes:
    """So many bytes; EOFError when it hangs up before."""
    parts = []
    while count:
        part = peer.recv(min(count, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


class Door:
    """Where the leader lets the others in.

    Args:
        host: its name, as the others reach it.
        secret: what they have to know.
    """

    def __init__(self, host: str, secret: str) -> None:
        self.secret = secret
        try:
            self.listener = socket.create_server((host, 0), backlog=128)
        except OSError:  # what others reach it by is no address of its own, as in a container
            self.listener = socket.create_server(("", 0), backlog=128)
        self.port = self.listener.getsockname()[1]

    def admit(self, count: int) -> Exchange:
        """Wait for all others of ``count`` processes; TimeoutError when one does not come."""
        peers: dict[int, socket.socket] = {}
        until = monotonic() + _COMING_SECONDS
        with self.listener:
            while len(peers) < count - 1:
                self.listener.settimeout(max(0.1, until - monotonic()))
                peer, _ = self.listener.accept()
                number = self._greeted(peer)
                if number is None or not 0 < number < count or number in peers:
                    peer.close()
                else:
                    peers[number] = peer
        return Exchange(0, count, dict(sorted(peers.items())))

    def _greeted(self, peer: socket.socket) -> int | None:
        """The number of who knocked, or None for a stranger."""
        peer.settimeout(_GREETING_SECONDS)
        try:
            (length,) = _LENGTH.unpack(_read(peer, _LENGTH.size))
            if length > _LARGEST_GREETING:
                return None
            greeting = json.loads(_read(peer, length))
            if hmac.compare_digest(str(greeting["secret"]), self.secret):
                return int(greeting["number"])
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            pass
        return None


def knock(host: str, port: int, secret: str, number: int, count: int) -> Exchange:
    """The exchange of a process that does not lead."""
    peer = socket.create_connection((host, port), timeout=_COMING_SECONDS)
    exchange = Exchange(number, count, {0: peer})
    exchange._write(0, {"secret": secret, "number": number})
    return exchange
