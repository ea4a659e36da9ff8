"""Writes what follows from the program's tables: maillogsentinel.conf(5), the completions, the Ansible role's options.

``manual.py DIRECTORY`` writes below DIRECTORY; `FILES` says what. The results are committed, and a test compares them.
"""

import argparse
import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import role

from maillogsentinel import __version__, cli
from maillogsentinel.options import ACCEPTED, OPTIONS, Option

# -- maillogsentinel.conf(5)

_HEAD = r""".\" Generated from the table of options: make man.
.TH MAILLOGSENTINEL.CONF 5 "" "MailLogSentinel {version}" "File formats"
.SH NAME
maillogsentinel.conf \- configuration of maillogsentinel(8)
.SH SYNOPSIS
.I /etc/maillogsentinel.conf
.br
.I /etc/maillogsentinel.conf.d/*.conf
.SH DESCRIPTION
.BR maillogsentinel (8)
needs no configuration on a Debian mail host whose log is
.IR /var/log/mail.log :
every option has a default, and the installed file names them all, commented out.
.PP
The files are read in this order, those of the directory by name, and later ones win: own values are best put into a
file of their own such as
.IR /etc/maillogsentinel.conf.d/local.conf ,
which no upgrade asks about.
.B "maillogsentinel setup"
asks for the usual ones and writes
.IR 50\-setup.conf .
With
.BI \-\-config " FILE"
it is
.I FILE
and
.IR FILE .d/*.conf.
.PP
The form is that of INI files: lines
.IR "key = value" ,
below the
.RI [ section ]
that they belong to.
Lines that begin with # or ; are comments, and an indented line continues the value above it.
Sections and keys are the same in upper and lower case.
.PP
A wrong value ends each command with status 2 and never becomes silently the default; an unknown section or key is a
warning that names the nearest known one.
.B "maillogsentinel check\-config"
shows all of them at once.
.SH OPTIONS
"""

_OLDER = r""".SS Keys of older files
These are accepted, with a note, and have no effect:
"""

_TAIL = r""".SH EXAMPLE
Reports go to the administrators, in UTC, and names are asked of one's own resolver:
.PP
.EX
[report]
email = postmaster@example.org, root

[general]
time_zone = UTC

[reverse_dns]
servers = 192.0.2.53
.EE
.SH SEE ALSO
.BR maillogsentinel (8)
"""

_WRONG = "? / ?"
"""A value that no option but a plain text takes: the complaint about it tells what is allowed."""


def conf_page() -> str:
    """Return maillogsentinel.conf(5): every option with its sentence, what it may be, and its default."""
    parts = [_HEAD.format(version=__version__)]
    for section, options in groupby(OPTIONS, lambda option: option.section):
        parts.append(f".SS [{_roff(section)}]\n")
        parts += [_paragraph(option) for option in options]
    parts.append(_OLDER)
    parts += [f".TP\n.B [{_roff(section)}] {_roff(key)}\n{_roff(note)}.\n" for (section, key), note in ACCEPTED.items()]
    return "".join([*parts, _TAIL])


def _paragraph(option: Option[Any]) -> str:
    default = rf"\fB{_roff(option.default)}\fR" if option.default else "empty"
    allowed = f"Allowed: {_roff(_allowed(option))}.\n" if _allowed(option) else ""
    return f".TP\n.B {_roff(option.key)}\n{_roff(option.sentence)}\n{allowed}Default: {default}\n"


def _allowed(option: Option[Any]) -> str:
    try:
        option.parse(_WRONG)
    except ValueError as error:
        return str(error).partition("allowed is ")[2].partition(", such as /")[0]
    return ""


def _roff(text: str) -> str:
    text = (
        text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("^", r"\(ha").replace("~", r"\(ti")
    )
    return rf"\&{text}" if text.startswith(".") else text


# -- completions


class Word:
    """An option of a command, as completions need it."""

    def __init__(self, action: argparse.Action) -> None:
        self.names = list(action.option_strings)
        self.help = "" if action.help in (None, argparse.SUPPRESS) else str(action.help)
        self.choices = [str(choice) for choice in action.choices or []]
        self.several = action.nargs in ("*", "+")
        optional = action.nargs == "?" and action.option_strings  # then it stands behind =, if at all
        self.value = "" if action.nargs == 0 or optional else str(action.metavar or action.dest)
        if not self.choices and "|" in self.value:
            self.choices = [part for part in self.value.split("|") if part.islower()]

    @property
    def is_path(self) -> bool:
        """Whether its value is the name of a file."""
        return self.value in ("FILE", "PATH", "IN", "OUT")


def commands() -> dict[str, list[Word]]:
    """Return each command's options and arguments; those of the program itself under the empty name."""
    top = cli.parser()
    found = {"": _words(top)}
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            found.update({name: _words(one) for name, one in action.choices.items()})
    return found


def _words(parser: argparse.ArgumentParser) -> list[Word]:
    return [Word(action) for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]


_BASH = """# bash completion of maillogsentinel(8). Generated from the command line's own tables: make man.

_maillogsentinel()
{{
    local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command='' word
    local -i place
    for ((place = 1; place < COMP_CWORD; place++)); do
        word=${{COMP_WORDS[place]}}
        if [[ $word != -* && ${{COMP_WORDS[place - 1]}} != --config ]]; then
            command=$word
            break
        fi
    done
    COMPREPLY=()
    case $command:$before in
{values}
    *)
        case $command in
{words}
        esac
        ;;
    esac
}}
complete -F _maillogsentinel maillogsentinel
"""

_FILES = 'compopt -o filenames\n        mapfile -t COMPREPLY < <(compgen -f -- "$current")'


def bash() -> str:
    """Return the completion for bash."""
    values: dict[str, list[str]] = {}
    words = []
    for command, found in commands().items():
        names = [] if command else list(cli.COMMANDS)
        reads = False
        for word in found:
            names += word.names or word.choices
            reads = reads or (not word.names and word.is_path)
            for name in word.names if word.value else []:
                pattern = "*:--config" if name == "--config" else f"{command}:{name}"
                done = _FILES if word.is_path else _compgen(" ".join(word.choices)) if word.choices else "true"
                values.setdefault(done, []).extend([pattern] * (pattern not in values.get(done, [])))
        done = _compgen(" ".join(names))
        if reads:
            files = _FILES.replace("\n", "\n    ")
            done += f"\n        [[ $current == -* ]] || {{\n            {files}\n        }}"
        words.append((command, done))
    return _BASH.format(
        values="\n".join(
            f"    {' | '.join(patterns)})\n        {done}\n        ;;" for done, patterns in values.items()
        ),
        words="\n".join(
            f"        {command or repr('')})\n            {done.replace(chr(10), chr(10) + '    ')}\n            ;;"
            for command, done in words
        ),
    )


def _compgen(words: str) -> str:
    return f"mapfile -t COMPREPLY < <(compgen -W '{words}' -- \"$current\")"


_ZSH = """#compdef maillogsentinel
# zsh completion of maillogsentinel(8). Generated from the command line's own tables: make man.

_maillogsentinel() {{
    local curcontext=$curcontext state line
    typeset -A opt_args
    _arguments -C \\
{common}        '1:command:->command' \\
        '*::argument:->argument'
    case $state in
    command)
        local -a commands=(
{commands}
        )
        _describe command commands
        ;;
    argument)
        case $line[1] in
{cases}
        esac
        ;;
    esac
}}

_maillogsentinel "$@"
"""


def zsh() -> str:
    """Return the completion for zsh."""
    found = commands()
    cases = [
        f"        {command})\n            _arguments \\\n"
        + " \\\n".join(f"                {spec}" for word in words for spec in _zsh_specs(word))
        + "\n            ;;"
        for command, words in found.items()
        if command
    ]
    return _ZSH.format(
        common="".join(f"        {spec} \\\n" for word in found[""] for spec in _zsh_specs(word)),
        commands="\n".join(f"            '{name}:{_plain(text)}'" for name, text in cli.COMMANDS.items()),
        cases="\n".join(cases),
    )


def _zsh_specs(word: Word) -> list[str]:
    action = f"({' '.join(word.choices)})" if word.choices else "_files" if word.is_path else " "
    value = f":{_plain(word.value.split('|')[-1]).lower()}:{action}" if word.value else ""
    if not word.names:
        return [f"'{'*' if word.several else ''}:{_plain(word.value)}:{action}'"]
    return [f"'*{name}[{_plain(word.help or word.value)}]{value}'" for name in word.names]


def _plain(text: str) -> str:
    return text.replace("'", "").replace("[", "(").replace("]", ")").replace(":", ",")


FILES: dict[str, Callable[[], str]] = {
    "man/maillogsentinel.conf.5": conf_page,
    "completions/bash/maillogsentinel": bash,
    "completions/zsh/_maillogsentinel": zsh,
    f"{role.ROLE}/meta/argument_specs.yml": role.argument_specs,
    f"{role.ROLE}/vars/main.yml": role.option_list,
    f"{role.ROLE}/README.md": role.readme,
}
"""What is written, and what makes its text."""


def main(directory: str) -> None:
    """Write all files below `directory`."""
    for name, text in FILES.items():
        path = Path(directory, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
