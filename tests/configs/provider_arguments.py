# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/provider_arguments.json anew: what the resources of configs/terraform take and tell.

Without Terraform's registry the only list is CDKTF's wheel, whose classes have the arguments as parameters.
It has 52 MB, so it is no requirement: whoever adds a resource runs this once, in a folder of no matter.

    pip download --no-deps cdktf-cdktf-provider-google-beta==16.12.1
    python tests/configs/provider_arguments.py cdktf_cdktf_provider_google_beta-*.whl
"""

import ast
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
TABLE = ROOT / "tests/data/provider_arguments.json"
# Terraform's own, which each resource takes.
META = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners", "id", "timeouts"}


def arguments_of(name: str, classes: dict[str, ast.ClassDef]) -> dict[str, Any]:
    """The arguments of a resource or a block, and its blocks with theirs."""
    init = next(node for node in classes[name].body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    found: dict[str, Any] = {"required": [], "optional": [], "blocks": {}}
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        if argument.arg in META:
            continue
        found["required" if default is None else "optional"].append(argument.arg)
        blocks = {node.value for node in ast.walk(argument) if isinstance(node, ast.Constant)} & classes.keys()
        if blocks:
            found["blocks"][argument.arg] = arguments_of(str(blocks.pop()), classes)
    return found


def attributes_of(resource: ast.ClassDef) -> list[str]:
    """What a resource tells beside its arguments; CDKTF's own properties are among them."""
    functions = [node for node in resource.body if isinstance(node, ast.FunctionDef)]
    told = {each.name for each in functions if "builtins.property" in map(ast.unparse, each.decorator_list)}
    return sorted(name for name in told if not name.endswith("_input"))


def main(wheel: str) -> None:
    text = "\n".join(file.read_text() for file in (ROOT / "configs/terraform").glob("*.tf"))
    table = {}
    with zipfile.ZipFile(wheel) as provider:
        for resource in sorted(set(re.findall(r'^resource "(\w+)"', text, re.MULTILINE))):
            source = provider.read(f"cdktf_cdktf_provider_google_beta/{resource}/__init__.py")
            classes = {node.name: node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)}
            name = resource.title().replace("_", "")
            table[resource] = arguments_of(name, classes) | {"attributes": attributes_of(classes[name])}
    TABLE.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
