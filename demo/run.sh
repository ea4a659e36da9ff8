#!/bin/sh
# Runs the program on the sample log and its two archives, as a first run would, and prints what it made of them.
# Nothing is left behind, nothing outside a temporary directory is written, and no name server is asked.
set -eu
cd "$(dirname "$0")/.."
demo=$PWD/demo
python=${PYTHON:-python3}
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
trap 'exit 1' HUP INT TERM
export TZ=UTC # the sample's server lived there

cat >"$state/demo.conf" <<CF
[paths]
working_dir = $state
state_dir = $state
mail_log = $demo/mail.log

[general]
log_file = $state/own.log

# The addresses of the sample are those that documentation may use; no real database knows them.
[geolocation]
country_db_path = $demo/country.csv

[ASN_ASO]
asn_db_path = $demo/asn.csv

# Nothing leaves this directory.
[alerts]
enabled = no
CF

echo "=== maillogsentinel extract --offline    (demo/mail.log, mail.log.1, mail.log.2.gz)"
"$python" -m maillogsentinel --config "$state/demo.conf" extract --offline
echo
echo "=== the records"
cat "$state/maillogsentinel.csv"
echo
echo "=== maillogsentinel report --stdout --day 2025-05-27"
"$python" -m maillogsentinel --config "$state/demo.conf" report --stdout --day 2025-05-27
