#!/bin/sh
# packages.sh PACKAGE...: see to it that these Debian packages are there; does nothing when they are.
# With NO_DAEMONS=1 the services among them are not started by their installation.
set -eu

missing=
for package in "$@"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=absent
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "This is no Debian system; install what these packages hold and call the program directly:$missing" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    root=sudo
else
    echo "Packages are missing; install them as root with: apt-get install$missing" >&2
    exit 1
fi

policy=/usr/sbin/policy-rc.d
if [ -n "${NO_DAEMONS:-}" ] && [ ! -e $policy ]; then
    # The tests start private instances; the machine shall not begin to listen because of them.
    trap '$root rm -f $policy' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' | $root tee $policy >/dev/null
    $root chmod 755 $policy
fi
case "$missing " in
*" postfix "*) echo "postfix postfix/main_mailer_type select No configuration" | $root debconf-set-selections ;;
esac

log=$(mktemp)
echo "Installing:$missing"
if ! {
    $root apt-get -o DPkg::Lock::Timeout=300 update &&
        $root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
            install -y --no-install-recommends $missing
} >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install them; its whole output is in $log." >&2
    exit 1
fi
rm -f "$log"
