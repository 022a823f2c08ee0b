"""A Kyverno snippet of `tenmint trust export` against Kyverno's own CRD: every member is one that the
schema of spec.rules[].verifyImages[] has, of the type that it has. Kubernetes drops unknown members
in silence, so that a name of another version would leave a check out.

usage: check.py CRD SNIPPET
"""
import sys

import yaml

KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def schema_of(crd):
    """Of one item of verifyImages, in the version that is stored."""
    version = next(v for v in crd["spec"]["versions"] if v["storage"])
    node = version["schema"]["openAPIV3Schema"]
    for step in ("spec", "rules", "[]", "verifyImages", "[]"):
        node = node["items"] if step == "[]" else node["properties"][step]
    return node


def judge(value, schema, path):
    """What the schema does not have, or has otherwise; a schema that keeps unknown members takes them."""
    if schema.get("x-kubernetes-preserve-unknown-fields") or "type" not in schema:
        return []
    if not isinstance(value, KINDS[schema["type"]]):
        return [f"{path}: not of type {schema['type']}"]
    if isinstance(value, list):
        return [p for i, v in enumerate(value) for p in judge(v, schema["items"], f"{path}[{i}]")]
    if not isinstance(value, dict):
        return []
    found = [f"{path}: '{name}' is missing" for name in schema.get("required", []) if name not in value]
    known = schema.get("properties", {})
    for name, member in value.items():
        if name in known:
            found += judge(member, known[name], f"{path}.{name}")
        elif "additionalProperties" not in schema:
            found.append(f"{path}.{name}: Kyverno has no such member")
    return found


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        schema = schema_of(yaml.safe_load(f))
    with open(sys.argv[2], encoding="utf-8") as f:
        problems = judge(yaml.safe_load(f), schema, "verifyImages[]")
    print("\n".join(problems) or "every member is Kyverno's")
    sys.exit(1 if problems else 0)


main()
