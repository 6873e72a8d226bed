"""Derives the schema of the AWS provider, as far as terraform/ uses it, from the package
@cdktf/provider-aws of npm, which is generated from the provider.

    npm pack @cdktf/provider-aws@19.65.1 && tar xzf cdktf-provider-aws-19.65.1.tgz
    python tests/infra/derive_schema.py package > tests/infra/aws-provider-schema.jsonl

The provider's own schema has more (which optional arguments it fills in, which exclude each other);
that is not in the package.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TYPES = {
    "string": "string",
    "number": "number",
    "boolean": "bool",
    "stringList": ["list", "string"],
    "numberList": ["list", "number"],
    "stringMap": ["map", "string"],
}
GETTERS = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    "getStringMapAttribute": ["map", "string"],
}
ENTRY = re.compile(
    r"^            (\w+): \{\n                value: (.*),\n"
    r"                isBlock: (true|false),\n                type: \"(\w+)\",\n"
    r"                storageClassType: \"(\w+)\",",
    re.MULTILINE,
)
NESTED_ENTRY = re.compile(
    ENTRY.pattern.replace("    ", "", 1).replace("\\n    ", "\\n"), re.MULTILINE
)


def used_types() -> dict[str, set[str]]:
    """The types of resources and of data sources in terraform/."""
    text = "\n".join(file.read_text() for file in (ROOT / "terraform").rglob("*.tf"))
    return {
        kind: set(re.findall(rf'^{kind} "(aws_\w+)"', text, re.MULTILINE))
        for kind in ("resource", "data")
    }


class Module:
    """One resource's generated file and its declarations."""

    def __init__(self, package: Path, name: str) -> None:
        folder = package / "lib" / name
        self.code = (folder / "index.js").read_text()
        declarations = (folder / "index.d.ts").read_text()
        self.interfaces = {
            match[1]: dict(re.findall(r"readonly (\w+\??): ([^;]+);", match[2]))
            for match in re.finditer(
                r"export interface (\w+)[^{]*\{(.*?)\n\}", declarations, re.DOTALL
            )
        }

    def schema(self) -> dict[str, Any]:
        start = self.code.index("synthesizeHclAttributes() {")
        config = next(iter(self.interfaces))  # the resource's own is first
        result = self.fields(self.code[start:], ENTRY, config)
        for name, getter in re.findall(
            r"// (\w+) - computed: true, optional: false, required: false\n"
            r"    get \w+\(\) \{\n        return (?:cdktf\.Fn\.\w+\()?this\.(\w+)\(",
            self.code[self.code.rindex("\nclass ", 0, start) :],
        ):
            if getter in GETTERS:
                result["attributes"].setdefault(name, [GETTERS[getter], "computed"])
        return result

    def fields(self, code: str, entry: re.Pattern[str], interface: str) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        end = code.index("// remove undefined attributes")
        for name, value, is_block, kind, storage in entry.findall(code[:end]):
            match = re.search(r"(?:this\._|struct\.)(\w+)", value)
            assert match, value
            declared = self.interfaces[interface]
            required = match[1] in declared
            type_text = declared[match[1] if required else match[1] + "?"]
            if is_block == "false":
                kind_of = TYPES[storage]
                if kind == "set" and isinstance(kind_of, list):
                    kind_of = ["set", kind_of[1]]
                attributes[name] = [kind_of, "required" if required else "optional"]
                continue
            function = re.search(r"(\w+ToHclTerraform)", value)
            assert function, value
            function_start = self.code.index(f"function {function[1]}(struct)")
            block: dict[str, Any] = {"nesting": "single" if kind == "struct" else kind}
            if "[]" not in type_text and kind != "struct":
                block["max"] = 1
            if required:
                block["min"] = 1
            inner = re.sub(r"\[\].*| \|.*", "", type_text)
            blocks[name] = block | self.fields(self.code[function_start:], NESTED_ENTRY, inner)
        return {"attributes": attributes, "blocks": blocks}


def main() -> None:
    package = Path(sys.argv[1])
    version = re.search(r"providerVersion: '([\d.]+)'", (package / "lib/vpc/index.js").read_text())
    assert version
    used = used_types()
    folder = {
        "resource": lambda name: name.removeprefix("aws_").replace("_", "-"),
        "data": lambda name: "data-" + name.replace("_", "-"),
    }
    lines = [json.dumps({"provider_version": version[1]})]
    lines.append(json.dumps({"provider": Module(package, "provider").schema()}, sort_keys=True))
    for kind, names in used.items():
        for name in sorted(names):
            schema = Module(package, folder[kind](name)).schema()
            lines.append(json.dumps({kind: name, "schema": schema}, sort_keys=True))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
