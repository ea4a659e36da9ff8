#!/bin/sh
# build_deb.sh DIRECTORY [all]: build the Debian package from a clean copy of the checkout, and put it into DIRECTORY;
# with "all", the source package and the .changes file as well.
# Same content, same package: the time comes from debian/changelog, and nothing from the checkout's place or its owner.
set -eu
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin # another python3 in front of Debian's would be asked for Debian's modules
export PATH LC_ALL=C.UTF-8 TZ=UTC
unset SOURCE_DATE_EPOCH MAKEFLAGS MAKELEVEL MFLAGS PYTHON PYTHONPATH PYTHONHOME

mkdir -p "$1"
target=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/source"

# What git knows, as it is now; in an unpacked archive, what is no product of ours.
if git -c safe.directory='*' rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git -c safe.directory='*' ls-files -z --deduplicate
else
    find . \( -name .git -o -name .venv -o -name .cache -o -name '.*_cache' -o -name .hypothesis -o -name .pybuild \
        -o -name __pycache__ -o -name '*.egg-info' -o -path ./dist -o -path ./build \) -prune -o -type f -print0
fi >"$work/files"
xargs -0 sh -c 'for file; do [ ! -f "$file" ] || printf "%s\0" "$file"; done' sh <"$work/files" >"$work/present"
stamp=$(dpkg-parsechangelog -S Timestamp)
tar --mtime="@$stamp" --null --no-recursion --files-from="$work/present" -cf "$work/source.tar"
tar -C "$work/source" --no-same-permissions --no-same-owner -xf "$work/source.tar"

version=$(cd "$work/source" && dpkg-parsechangelog -S Version)
log=$work/log
kind=-b
[ "${2:-}" != all ] || kind=-F
# -d: debian/control's build dependencies are there (see BUILD_PACKAGES in the Makefile), a C compiler need not be.
# nocheck: the tests are "make check" and debian/tests.
if ! (cd "$work/source" && DEB_BUILD_OPTIONS=nocheck dpkg-buildpackage -d -us -uc $kind) \
    >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    exit 1
fi
for name in "maillogsentinel_${version}_all.deb" maillogsentinel.deb; do
    cp "$work/maillogsentinel_${version}_all.deb" "$target/$name.new"
    mv "$target/$name.new" "$target/$name"
done
[ $kind = -b ] || cp "$work"/maillogsentinel_* "$target/"
chown -R --reference=. "$target" 2>/dev/null || : # sudo make install leaves nothing of root's in the checkout
echo "$1/maillogsentinel.deb ($version, sha256 $(sha256sum "$target/maillogsentinel.deb" | cut -c 1-16)...)"
