import socket

import pytest


@pytest.mark.parametrize("connect", ["connect", "connect_ex"])
@pytest.mark.parametrize("host", ["192.0.2.1", "example.org"])
def test_a_test_cannot_reach_out(connect, host):
    with socket.socket() as door, pytest.raises(RuntimeError, match=f"reached out to {host}"):
        getattr(door, connect)((host, 80))


def test_a_test_may_talk_to_its_own_machine():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as door:
        door.connect(server.getsockname())
