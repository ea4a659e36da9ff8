import subprocess

import pytest


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Path of a file with the key and the self-signed certificate of localhost."""
    directory = tmp_path_factory.mktemp("certificate")
    key, path = directory / "key.pem", directory / "localhost.pem"
    command = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        f" -addext subjectAltName=DNS:localhost -keyout {key} -out {path}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return str(path)
