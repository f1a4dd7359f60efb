"""ministack, mended where it differs from AWS in what the function meets.

What it plays: IAM, STS, EKS, Lambda, EventBridge, SQS, CloudWatch Logs, CloudFormation. It is configured by its own
environment variables, and by:

EKS_FOLDER          CLUSTER.json for each cluster: {"endpoint": URL, "ca": base64 of PEM}; read each time
EKS_WEBHOOK_SECRET  last part of the path of every cluster's TokenReview webhook
CALLS               file that gets a line for each call that is authorized: access key and action

Private names of the pinned version are used throughout.
"""

import contextvars
import dataclasses
import json
import os
import re
import time
from pathlib import Path
from urllib.parse import unquote

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.iam_actions import access_denied_response
from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id
from ministack.services import eks, eventbridge, iam, lambda_svc
from ministack.services.cloudformation import changesets, engine, provisioners


# A cluster has an invented address and no certificate authority, so that no client can talk to its API server.
# EKS API Reference, "DescribeCluster": endpoint and certificateAuthority.data are those of the API server.
def with_own_api_server(cluster, shown=eks._sanitize):
    file = Path(os.environ["EKS_FOLDER"], cluster["name"] + ".json")
    answer = shown(cluster)
    if file.exists():
        own = json.loads(file.read_text())
        answer |= {"endpoint": own["endpoint"], "certificateAuthority": {"data": own["ca"]}}
    return answer


# The webhook's path ends in a random secret that no call returns, while an API server needs the path when it
# starts, before the cluster is created. The webhook itself does what EKS does inside ("Grant IAM users
# and roles access to Kubernetes APIs" in the EKS user guide).
def with_known_secret(*args, found=eks._cluster_for_auth):
    match = found(*args)
    if match:
        match[2]["_auth_token"] = os.environ["EKS_WEBHOOK_SECRET"]
    return match


# Usernames are taken by the letter. EKS user guide, "Create access entries": {{SessionName}} is the name of the
# role's session.
def with_session_name(*args, found=eks._access_entry_for_principal):
    entry = found(*args)
    if entry and (username := entry.get("username")):
        session = args[-1].rpartition("/")[2]
        entry = {**entry, "username": username.replace("{{SessionName}}", session)}
    return entry


# AWS services cannot send their events: a source that begins with `aws.` is refused, rightly so for callers,
# and the Time of an entry is ignored. EC2 user guide, "EC2 Spot Instance interruption notices": source
# aws.ec2, and a time from which the two minutes run. EventBridge API Reference, "PutEventsRequestEntry": Time
# is the event's.
sent_at = contextvars.ContextVar("sent_at", default=None)


def put_events(data, allow_aws_source=True, put=eventbridge._put_events):
    if len(data.get("Entries", [])) > 10:
        return put(data)
    results = []
    for entry in data.get("Entries", []):
        sent_at.set(entry.get("Time"))
        results += json.loads(put({"Entries": [entry]}, allow_aws_source)[2])["Entries"]
    sent_at.set(None)
    failed = sum("ErrorCode" in result for result in results)
    return eventbridge.json_response({"FailedEntryCount": failed, "Entries": results})


# A failed invocation by EventBridge is never tried again. EventBridge user guide, "Amazon EventBridge
# targets": Lambda functions are invoked asynchronously, which means Lambda's retries and its destination for
# failures.
def call_function(arn, payload):
    function, config, name = lambda_svc._get_func_record_for_ref(arn)
    if function is None:
        eventbridge.logger.warning("EventBridge: function %s not found", name)
        return
    record = lambda_svc._execution_record_for_config(function, {**config, "FunctionArn": arn})
    lambda_svc.invoke_async_with_retry(record, json.loads(payload))


# Asynchronous invocation of an alias or version ignores its own settings, and a throttled event is lost after
# the function's retries. Lambda developer guide, "How Lambda handles errors and retries with asynchronous
# invocation": settings belong to a function, version or alias; throttled events go back to the queue and are
# no attempt.
asynchronous = contextvars.ContextVar("asynchronous", default=False)


def invoke_asynchronously(function, event, invoke=lambda_svc.invoke_async_with_retry):
    arn = (function.get("config") or function)["FunctionArn"]
    name, qualifier = lambda_svc._lambda_function_name_and_qualifier_from_arn(arn)
    base = lambda_svc._functions.get(name) or {}
    asynchronous.set(True)  # The event's own thread copies it.
    invoke({**function, "event_invoke_config": lambda_svc._event_invoke_config(base, qualifier)}, event)
    asynchronous.set(False)


def execute(function, event, once=lambda_svc._execute_function):
    result = once(function, event)
    while result.get("throttle") and asynchronous.get():
        time.sleep(1)
        result = once(function, event)
    return result


# "Max Memory Used" counts processes that have ended, of any function. Lambda developer guide, "Viewing
# CloudWatch logs for Lambda functions": the memory that the function used. Here: the most of its running
# environments.
def peak_memory(function, otherwise=lambda_svc._probe_peak_memory_mb):
    name = (function.get("config") or function)["FunctionName"]
    peaks = [0]
    for key, workers in list(lambda_runtime._workers.items()):
        for process in [w._proc for w in workers if w._proc and key.split(":")[2] == name]:
            status = Path(f"/proc/{process.pid}/status")
            lines = status.read_text().splitlines() if status.exists() else []
            peaks += [int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:")]
    return max(peaks) or otherwise(function)


# EC2 and Auto Scaling are played by moto, which cannot evaluate policies. It sends each request here as it
# came, with a question: may this caller do this to a resource with these tags? The answer is empty or the
# service's own error. Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2
# Auto Scaling".
async def authorize(method, path, headers, body, query, request_id, pass_on=app._handle_post_body_shortcuts):
    if "x-cast-spot-question" not in headers:
        return await pass_on(method, path, headers, body, query, request_id)
    question = json.loads(headers["x-cast-spot-question"])
    service, resource = question["service"], question["resource"]
    action = f"{service}:{question['action']}"
    tags = {f"aws:ResourceTag/{key}": value for key, value in question["tags"].items()}
    key = extract_access_key_id(headers, query)
    no = iam_evaluator.enforce(key, action, service, get_region(), resource, tags)
    if no is None:
        return 200, {}, b""
    if isinstance(no, iam_evaluator.AuthError):
        return access_denied_response(
            service, action, "", request_id, error_code=no.code, message=no.message, headers=headers
        )
    return access_denied_response(
        service, action, no.principal_arn, request_id, headers=headers, explicit_deny=no.decision == "Deny"
    )


# Policy variables are taken for letters. IAM user guide, "IAM policy elements: Variables and tags": in a resource
# and in a condition's value ${KEY} stands for the request's value of that key; without one nothing matches. Emulators listen
# without TLS, which is not the requests' fault.
def evaluate(ctx, policies, *limits, evaluate=iam_evaluator.evaluate):
    def fill(value):
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [fill(item) for item in value]
        known = lambda match: str(iam_evaluator._resolve_condition_key(match[1], ctx) or "\0")
        return re.sub(r"\$\{([^}]+)\}", known, value) if isinstance(value, str) else value

    def filled(statement):
        resources, conditions = fill(statement.resources), fill(statement.conditions)
        return dataclasses.replace(statement, resources=resources, conditions=conditions)

    ctx.secure_transport = True
    ctx.service_context = {**ctx.service_context, **named.get(), **simulated.get()}
    layers = [[[filled(s) for s in policy] for policy in layer] for layer in (policies, *limits)]
    return evaluate(ctx, *layers)


# Some requests are authorized on no resource, or another. Service Authorization Reference: instance profiles, new
# policies and new functions by their names, access entries by cluster, layer versions by their numbers, rules of the default bus as rule/NAME, tags of the resource that is named;
# and iam:PolicyARN and eks:policyArn are the policy that is attached; of a new access entry, EKS knows what is asked for.
named = contextvars.ContextVar("named", default={})


def resource(service, method, path, headers, body, form, region, account, usual=iam_actions.extract_resource_arn):
    found = usual(service, method, path, headers, body, form, region, account)
    field = lambda *names: next((value for name in names if (value := iam_actions._query_param(form, name))), None)
    part = lambda *names: next((v for name in names if (v := iam_actions._safe_json_field(body, name))), None)
    action = field("Action") or ""
    named.set({"iam:policyarn": field("PolicyArn")} if action.startswith(("Attach", "Detach")) else {})
    if service == "eks" and path.endswith("/access-entries") and method == "POST":
        keys = {"principalArn": None, "type": "STANDARD", "kubernetesGroups": []}
        principal, kind, groups = (part(key) or absent for key, absent in keys.items())
        named.set({"eks:principalarn": principal, "eks:accessentrytype": kind, "eks:kubernetesgroups": groups})
    if service == "eks" and "/access-entries/" in path:
        cluster, rest = unquote(path).removeprefix("/clusters/").split("/access-entries/")
        principal, _, policy = rest.partition("/access-policies")
        named.set({
            "eks:policyarn": part("policyArn") or policy.removeprefix("/"),
            "eks:principalarn": principal,
            "eks:kubernetesgroups": part("kubernetesGroups") or [],
        })
        kind, name = principal.split(":", 5)[5].split("/", 1)
        return f"arn:aws:eks:{region}:{account}:access-entry/{cluster}/{kind}/{account}/{name}/0c5a"
    if service == "iam" and "InstanceProfile" in action and (name := field("InstanceProfileName")):
        return f"arn:aws:iam::{account}:instance-profile/{name}"
    if service == "iam" and action == "SimulatePrincipalPolicy":
        return field("PolicySourceArn")
    if service == "iam" and action == "CreatePolicy":
        return f"arn:aws:iam::{account}:policy/{field('PolicyName')}"
    if service == "events":
        name = part("Rule")
        rule = f"arn:aws:events:{region}:{account}:rule/{name}" if name else found.replace(":rule/default/", ":rule/")
        return part("ResourceARN") or rule
    if service == "lambda" and "/layers/" in path:
        number = path.rstrip("/").rpartition("/versions")[2].strip("/")
        return f"{found}:{number}" if number else found if method == "POST" else "*"
    if service == "lambda" and found == "*" and (name := part("FunctionName")):
        return f"arn:aws:lambda:{region}:{account}:function:{name}"
    return found


# The read of a function's concurrency is taken for the write, and those of layers for one. Service Authorization
# Reference, "AWS Lambda": GetFunctionConcurrency, ListLayerVersions, GetLayerVersion and DeleteLayerVersion are
# actions of their own.
def lambda_action(method, path, usual=iam_actions._lambda_action):
    if "/layers/" in path and method != "POST":
        is_list = path.rstrip("/").endswith("/versions")
        return "ListLayerVersions" if is_list else {"GET": "GetLayerVersion", "DELETE": "DeleteLayerVersion"}[method]
    reads = method == "GET" and path.rstrip("/").endswith("/concurrency")
    return "GetFunctionConcurrency" if reads else usual(method, path)


# The simulator ignores its input. IAM API Reference, "SimulatePrincipalPolicy": ContextEntries are
# the condition keys of the request.
simulated = contextvars.ContextVar("simulated", default={})


def simulate(form, simulate=iam._simulate_principal_policy):
    context, entry = {}, "ContextEntries.member.1"
    while key := iam._p(form, f"{entry}.ContextKeyName"):
        context[key.lower()] = iam._p(form, f"{entry}.ContextKeyValues.member.1")
        entry = f"ContextEntries.member.{len(context) + 1}"
    token = simulated.set(context)
    try:
        return simulate(form)
    finally:
        simulated.reset(token)


# Nothing says that a call comes from a function. Lambda developer guide, "Using source function ARN to control
# function access behavior": calls with the credentials of a function carry lambda:SourceFunctionArn.
def principal_keys(credential, keys=iam_evaluator._principal_keys):
    known = keys(credential)
    function = lambda_svc._functions.get(credential.principal_arn.rsplit("/", 1)[-1])
    if credential.principal_type == "AssumedRole" and function:
        known["lambda:sourcefunctionarn"] = function["config"]["FunctionArn"]
    return known


# Nothing says which calls were made. CloudTrail user guide, "What is AWS CloudTrail?": every call is an event.
def enforce(key, action, *args, enforce=iam_evaluator.enforce, **options):
    if "CALLS" in os.environ:
        with open(os.environ["CALLS"], "a") as calls:
            calls.write(f"{key} {action}\n")
    return enforce(key, action, *args, **options)


# CloudFormation does not know access entries. CloudFormation user guide, "AWS::EKS::AccessEntry": they are those of
# the EKS API, with the access policies in them.
def create_access_entry(logical_id, props, stack_name):
    cluster, principal = props["ClusterName"], props["PrincipalArn"]
    body = {
        "principalArn": principal,
        "type": props.get("Type", "STANDARD"),
        "username": props.get("Username", ""),
        "kubernetesGroups": props.get("KubernetesGroups", []),
        "tags": {tag["Key"]: tag["Value"] for tag in props.get("Tags", [])},
    }
    status, _, answer = eks._create_access_entry(cluster, body)
    if status >= 400:
        raise ValueError(answer)
    for policy in props.get("AccessPolicies", []):
        scope = {"type": policy["AccessScope"]["Type"]}
        eks._associate_access_policy(cluster, principal, {"policyArn": policy["PolicyArn"], "accessScope": scope})
    return f"{principal}|{cluster}", {}


def delete_access_entry(physical_id, props):
    eks._delete_access_entry(props["ClusterName"], props["PrincipalArn"])


# CloudFormation forgets what a function does with events that it cannot handle. CloudFormation Template Reference,
# "AWS::Lambda::Function": DeadLetterConfig is that of the Lambda API.
functions = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]


def create_function(logical_id, props, stack_name, create=functions["create"]):
    name, attributes = create(logical_id, props, stack_name)
    if "DeadLetterConfig" in props:
        lambda_svc._functions[name]["config"]["DeadLetterConfig"] = props["DeadLetterConfig"]
    return name, attributes


# The code of a version is served as that of the function. Lambda API Reference, "GetFunction": Code is the deployment
# package of the function or version.
def get_function(name, qualifier=None, get=lambda_svc._get_function):
    status, headers, body = get(name, qualifier)
    if qualifier and status == 200:
        answer = json.loads(body)
        version = answer["Configuration"]["Version"]
        answer["Code"]["Location"] = answer["Code"]["Location"].replace(f"/{name}?", f"/{name}:{version}?")
        return lambda_svc.json_response(answer)
    return status, headers, body


def serve_code(name, account_id=None, region=None, serve=lambda_svc.serve_function_code):
    name, _, version = name.partition(":")
    if version in ("", "$LATEST"):
        return serve(name, account_id, region)
    versions = lambda_svc._functions.get_scoped(account_id, region, name)["versions"]
    return 200, {"Content-Type": "application/zip"}, versions[version]["code_zip"]


# Settings of $LATEST are others than those without a qualifier, and CloudFormation asks for one. Lambda API
# Reference, "PutFunctionEventInvokeConfig": without a qualifier they are those of $LATEST.
def of_latest(call):
    return lambda name, qualifier=None, *data: call(name, None if qualifier == "$LATEST" else qualifier, *data)


# A change set holds every resource to be there, so that none comes or goes by its condition. CloudFormation User
# Guide, "Template section: Conditions": they are evaluated again in each update.
def present(template, params, *stack, resolve=changesets._resolve_props_for_diff):
    resolved = resolve(template, params, *stack)
    conditions = engine._evaluate_conditions(template, params)
    there = {key: it for key, it in resolved.get("Resources", {}).items() if conditions.get(it.get("Condition"), True)}
    return {**resolved, "Resources": there}


eks._sanitize = with_own_api_server
eks._cluster_for_auth = with_known_secret
eks._access_entry_for_principal = with_session_name
clock = eventbridge._now_ts
eventbridge._now_ts = lambda: clock() if sent_at.get() is None else sent_at.get()
eventbridge._put_events = put_events
eventbridge._dispatch_to_lambda = call_function
lambda_svc.invoke_async_with_retry = invoke_asynchronously
lambda_svc._execute_function = execute
lambda_svc._get_function = get_function
lambda_svc.serve_function_code = serve_code
lambda_svc._probe_peak_memory_mb = peak_memory
app._handle_post_body_shortcuts = authorize
iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate
iam_actions.extract_resource_arn = resource
iam_actions._lambda_action = lambda_action
iam_evaluator._principal_keys = principal_keys
iam_evaluator.evaluate = evaluate
iam_evaluator.enforce = enforce
functions["create"] = create_function
changesets._resolve_props_for_diff = present
for name in ("_get_event_invoke_config", "_put_event_invoke_config", "_delete_event_invoke_config"):
    setattr(lambda_svc, name, of_latest(getattr(lambda_svc, name)))
provisioners._RESOURCE_HANDLERS["AWS::EKS::AccessEntry"] = {
    "create": create_access_entry,
    "delete": delete_access_entry,
}
app.main()
