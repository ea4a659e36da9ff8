#!/bin/sh
# Makes the sample log of demo/ anew, with a real Postfix; takes some five minutes. Root, on Debian, with the packages of
# `make test-packages` and libfaketime (rsyslog's clock alone is set, so that three days fit into minutes).
set -eu
cd "$(dirname "$0")"
NO_DAEMONS=1 sh ../../demo/packages.sh libfaketime postfix dovecot-core rsyslog sasl2-bin openssl logrotate
exec "${PYTHON:-/usr/bin/python3}" make_sample.py "$@"
