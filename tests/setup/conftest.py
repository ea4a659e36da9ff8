"""A host for the wizard: an installation whose answers are all found on this machine, in no time."""

import pytest

LOG = (
    "2025-05-17T11:13:00.000000+00:00 mx postfix/smtpd[3]: warning: unknown[192.0.2.7]: SASL LOGIN authentication"
    " failed: x\n"
)
# Nobody is asked outside: a port where nobody listens, a file in place of a download.
QUIET = """
[report]
transport = smtp
smtp_port = {port}
smtp_timeout = 20
[reverse_dns]
servers = 127.0.0.1
port = 1
timeout = 0.1
[geolocation]
country_db_url = {directory}/mail.log
[ASN_ASO]
asn_db_url = {directory}/mail.log
"""


@pytest.fixture
def host(installation):
    """The installation with a log, and nothing that a check would wait for; nobody listens for mails.

    `quiet(port)` lets the mail server be at that port of this machine.
    """

    def quiet(port):
        installation.configure(QUIET.format(port=port, directory=installation.directory))

    installation.state.mkdir()
    installation.log.write_text(LOG)
    installation.answers = installation.directory / "test.conf.d/50-setup.conf"
    installation.quiet = quiet
    quiet(1)
    return installation
