"""What runs Ansible: a user without rights in the fleet's network, with a copy of the checkout."""

import json
import re
import subprocess
from typing import Any

import ansible_core
from chroot import copy_checkout, run
from network import Fleet

USER = 4711
# As ansible.cfg says, but sooner sure that a host is gone: none is farther away than this machine.
_SSH = "-o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=2"
# What ends with the playbook, ssh's kept connections among it.
_ENTER = """
mount --bind "$1" "$2/ansible-core" && mount --bind "$2/passwd" /etc/passwd && cd "$2/checkout/ansible" && shift 2 &&
    setpriv --reuid 4711 --regid 4711 --clear-groups --no-new-privs "$@"
exit $? # only a process that has kept its rights dies when the one before it does, and all of them with it
"""


class Played:
    """How a playbook ended."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text
        self.recap = {
            host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", rest)}
            for host, rest in re.findall(r"(?m)^(\w[\w.]*) +: (ok=.*)$", text.partition("PLAY RECAP")[2])
        }
        """What each host's line at the end says."""

    def changed(self, *names: str) -> bool:
        """Whether anything changed on these hosts."""
        return any(self.recap[name]["changed"] for name in names)


class Controller:
    """Runs playbooks; `home` is where it keeps everything."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.home = fleet.directory / "controller"
        for name in ("ansible-core", "checkout"):
            (self.home / name).mkdir(parents=True)
        copy_checkout(self.home / "checkout")
        for name in ("key", "packages"):
            run("cp", "-r", str(fleet.directory / name), str(self.home))
        self.collection = self.home / "collection"
        self.variables: dict[str, Any] = {
            "maillogsentinel_deb": str(self.home / "packages/maillogsentinel.deb"),
            "maillogsentinel_reverse_dns_enabled": False,
            "maillogsentinel_geolocation_update": False,
        }
        """Of the whole group."""
        self.of_all: dict[str, Any] = {
            "maillogsentinel_collect_directory": str(self.collection),
            "maillogsentinel_collect_program": f"env PYTHONPATH={self.home}/checkout python3 -m maillogsentinel",
        }
        """Of the hosts and of the machine that runs Ansible."""
        self._names()
        (self.home / "passwd").write_text(
            f"root:x:0:0::/root:/bin/sh\ncollector:x:{USER}:{USER}::{self.home}:/bin/sh\n"
        )
        run("chown", "-R", f"{USER}:{USER}", str(self.home))

    def _names(self) -> None:
        """Write the inventory, and the keys that the hosts are known by."""
        hosts: dict[str, Any] = {}
        known = ""
        for member in self.fleet.members:
            hosts[member.name] = {
                "ansible_host": member.address,
                "ansible_user": member.user,
                "maillogsentinel_report_subject_prefix": f"[{member.name}]",
            }
            key = (member.host.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]
            known += f"{member.address} {' '.join(key)}\n"
        (self.home / "known_hosts").write_text(known)
        common = f"-o UserKnownHostsFile={self.home}/known_hosts"
        self.variables |= {
            "ansible_ssh_private_key_file": str(self.home / "key"),
            "ansible_ssh_common_args": common,
        }
        (self.home / "checkout/ansible/inventory.yml").write_text(
            json.dumps({"all": {"vars": self.of_all}, "mailservers": {"hosts": hosts, "vars": self.variables}})
        )

    def command(self, playbook: str, *arguments: str, core: str = "ANSIBLE", **variables: Any) -> list[str]:
        """Return the command line that runs a playbook."""
        environment = [
            "env", "-i", f"HOME={self.home}", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", f"TMPDIR={self.home}",
            "PYTHONUNBUFFERED=1", "ANSIBLE_TIMEOUT=5", f"ANSIBLE_SSH_ARGS={_SSH}",
        ]  # fmt: skip
        program = ansible_core.words(self.home / "ansible-core", "playbook", playbook, *arguments)
        extra = ["-e", json.dumps(variables)] if variables else []
        place = ansible_core.environment(core)
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        enter = ["sh", "-c", _ENTER, "sh", str(place), str(self.home)]
        return self.fleet.enter(*namespaces, *enter, *environment, *program, *extra)

    def play(self, playbook: str, *arguments: str, core: str = "ANSIBLE", **variables: Any) -> Played:
        """Run a playbook to its end."""
        done = subprocess.run(
            self.command(playbook, *arguments, core=core, **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Played(done.returncode, done.stdout)

    def start(self, playbook: str, *arguments: str, **variables: Any) -> subprocess.Popen[str]:
        """Start a playbook, and return at once."""
        return subprocess.Popen(
            self.command(playbook, *arguments, **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def deploy(self, *arguments: str, core: str = "ANSIBLE", **variables: Any) -> Played:
        """Run deploy.yml, which must succeed."""
        played = self.play("deploy.yml", *arguments, core=core, **variables)
        assert played.status == 0, played.text
        return played

    def package(self, name: str) -> str:
        """Return where one of the packages lies."""
        return str(self.home / "packages" / f"{name}.deb")

    def merged(self) -> list[str]:
        """Return the lines of the merged CSV without its header."""
        return (self.collection / "merged.csv").read_text(encoding="utf-8").splitlines()[1:]
