"""What the role says of itself: each option of the configuration, its types, and a README with every variable."""

import re
from typing import Any

import pytest
from chroot import CHECKOUT

from maillogsentinel.options import OPTIONS, Option

yaml = pytest.importorskip("yaml", reason="install the Debian package python3-yaml")

ROLE = CHECKOUT / "ansible/roles/maillogsentinel"


def variable(option: Option[Any]) -> str:
    return f"maillogsentinel_{option.section.lower()}_{option.key}"


@pytest.fixture(scope="module")
def specs() -> dict[str, Any]:
    """The role's argument_specs."""
    return yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]


@pytest.mark.parametrize("option", OPTIONS, ids=variable)
def test_each_option_is_a_variable_with_its_sentence_and_type(option: Option[Any], specs: dict[str, Any]) -> None:
    spec = specs["main"]["options"][variable(option)]
    assert " ".join(option.sentence.split()) in " ".join(spec["description"].split())
    assert "default" not in spec, "the default stands in the program"
    kinds = {"bool": bool, "int": int, "float": float}
    if spec["type"] in kinds:
        assert isinstance(option.parse(option.default), kinds[spec["type"]])
    else:
        assert spec["type"] == "str"
        assert not isinstance(option.parse(option.default), bool | float)
    for word in spec.get("choices", []):
        option.parse(word)
    assert option.default in spec.get("choices", [option.default])


def test_words_that_an_option_knows_are_its_choices(specs: dict[str, Any]) -> None:
    found = {name for name, spec in specs["main"]["options"].items() if "choices" in spec}
    assert found == {
        "maillogsentinel_state",
        "maillogsentinel_report_transport",
        "maillogsentinel_report_smtp_security",
        "maillogsentinel_general_log_level",
        "maillogsentinel_csv_date_precision",
        "maillogsentinel_alerts_minimum_severity",
    }


def test_the_template_goes_through_each_option_and_no_other() -> None:
    sections = yaml.safe_load((ROLE / "vars/main.yml").read_text())["__maillogsentinel_options"]
    assert [(section, key) for section, keys in sections.items() for key in keys] == [
        (option.section, option.key) for option in OPTIONS
    ]


def test_every_variable_stands_in_the_readme_and_no_other(specs: dict[str, Any]) -> None:
    text = (ROLE / "README.md").read_text()
    known = {name for spec in specs.values() for name in spec["options"]}
    assert set(re.findall(r"(?m)^\| `(maillogsentinel_\w+)` \|", text)) == known
    tags = {f"maillogsentinel_{name}" for name in ("install", "configure", "verify")}
    assert set(re.findall(r"\bmaillogsentinel_\w+", text)) == known | tags


def test_defaults_are_those_of_the_specs(specs: dict[str, Any]) -> None:
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    options = {name: spec for entry in specs.values() for name, spec in entry["options"].items()}
    assert set(defaults) <= set(options)
    for name, spec in options.items():
        if "default" in spec and name != "maillogsentinel_collect_directory":
            assert defaults[name] == spec["default"], name
    assert options["maillogsentinel_smtp_password"]["no_log"] is True
