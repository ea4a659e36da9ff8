# What a person or a CI machine does with a checkout. Python is Debian's own: the packages that it needs come from apt.
SHELL := /bin/sh
export PATH := /usr/bin:/usr/sbin:/bin:/sbin:$(PATH)
PYTHON ?= $(if $(wildcard /usr/bin/python3),/usr/bin/python3,python3)
export PYTHON

# Keep in step: these two decide what passes.
RUFF = ruff==0.14.5
MYPY = mypy==1.18.2
STUBS = types-requests==2.32.4.20250913
# For the tests of ansible/, which put them into environments of their own: the newest for Debian 12's Python, and Debian 12's.
ANSIBLE = ansible-core==2.19.14 ansible-lint==25.12.2
ANSIBLE_OLD = ansible-core==2.14.18

RUN_PACKAGES = python3 python3-dnspython python3-requests python3-maxminddb python3-location libloc-database
TEST_PACKAGES = $(RUN_PACKAGES) python3-venv python3-pytest python3-pytest-xdist python3-hypothesis python3-zstandard \
	autopkgtest bash-completion bzip2 chromium debootstrap dovecot-core fail2ban git iproute2 ipset libsasl2-modules libsasl2-modules-db \
	lintian logrotate man-db nftables openssh-client openssl pflogsumm piuparts postfix procps prometheus python3-debian \
	python3-jsonschema python3-pexpect python3-stdeb python3-yaml rsyslog sasl2-bin strace \
	systemd systemd-journal-remote util-linux xz-utils zsh zstd $(BUILD_PACKAGES)
# What debian/control names as build dependencies, and what runs them.
BUILD_PACKAGES = debhelper dh-python dpkg-dev pybuild-plugin-pyproject python3-all python3-setuptools
# Processes that run the tests: one more than there are cores, since hosts that start and mail that comes make them wait.
WORKERS ?= $(shell echo $$(($$(nproc) + 1)))
FAST = not slow and not root

.PHONY: help demo test check lint types fast-tests bench soak conf man deb install clean test-packages

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' Makefile

demo: ## extract and report on the sample log, in a temporary directory
	@sh demo/packages.sh $(RUN_PACKAGES)
	@sh demo/run.sh

test: test-packages lint types ## everything: installs what the tests need (as root), lint, types, all tests; half an hour on two cores
	$(PYTHON) -m pytest -n $(WORKERS) --dist loadgroup

check: lint types fast-tests ## the fast part of it: some minutes, without root

bench: ## the table of speed and memory, beside other programs; up to 20 minutes
	$(PYTHON) tests/benchmarks/run.py

soak: ## what takes hours
	$(PYTHON) tests/soak/run.py

conf: ## write etc/maillogsentinel.conf anew from the table of options
	$(PYTHON) -c 'from maillogsentinel.options import shipped_file; print(shipped_file(), end="")' > etc/maillogsentinel.conf.new
	mv etc/maillogsentinel.conf.new etc/maillogsentinel.conf

man: ## write maillogsentinel.conf(5) and the completions anew from the tables of options and commands
	PYTHONPATH=. $(PYTHON) tools/manual.py .

deb: ## build the Debian package: dist/maillogsentinel.deb; installs what that needs (as root)
	@sh demo/packages.sh $(BUILD_PACKAGES)
	@sh tools/build_deb.sh dist

install: deb ## build the Debian package and install it with apt: sudo make install
	apt-get install --reinstall --allow-downgrades -y ./dist/maillogsentinel.deb

clean: ## remove what make and the tests left in the checkout
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info etc/*.new
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lint: .venv/.complete
	.venv/bin/ruff check
	.venv/bin/ruff format --check

types: .venv/.complete
	.venv/bin/mypy

fast-tests:
	@$(PYTHON) -c 'import pytest' 2>/dev/null || { echo 'Install python3-pytest, or run "make test" as root, which installs it.'; exit 2; }
	$(PYTHON) -m pytest -q -m '$(FAST)'

test-packages:
	@NO_DAEMONS=1 sh demo/packages.sh $(TEST_PACKAGES)

# Seen by mypy: the libraries that Debian installed for the program. Remade when a version above changes.
.venv/.complete: Makefile
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo 'Install python3-venv, or run "make test" as root, which installs it.'; exit 2; }
	test -x .venv/bin/pip || $(PYTHON) -m venv --system-site-packages .venv
	.venv/bin/pip install -q --disable-pip-version-check $(RUFF) $(MYPY) $(STUBS)
	@touch $@
