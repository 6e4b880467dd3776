import httpx

from tests.conftest import Local


def test_a_first_ping_makes_its_check(local: Local) -> None:
    url = f"{local.ping_url}/{local.ping_key}/journey-first?create=1"
    assert httpx.get(url).status_code == 201
    assert httpx.get(url).status_code == 200
