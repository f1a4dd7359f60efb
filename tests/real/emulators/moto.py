"""moto, mended where it differs from AWS in what the function meets.

What it plays: EC2, Auto Scaling and the Price List API. `moto.py PORT`; and, where set:

AUTHORIZER  URL of ministack, which is asked whether the caller may do it; without it every caller may do all

Private names of the pinned version are used throughout.
"""

import datetime
import hashlib
import io
import json
import os
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend, TerminateInstanceActivity, autoscaling_backends
from moto.autoscaling.responses import AutoScalingResponse
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import EC2Backend
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.responses import instances
from moto.ec2.responses.spot_instances import SpotInstances
from moto.ec2.utils import filter_dict_attribute_mapping
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"


# Instances of an Auto Scaling group are On-Demand and named as in us-east-1, whatever the launch template and
# the region. EC2 API Reference, "RequestLaunchTemplateData": InstanceMarketOptions and PrivateDnsNameOptions
# are those of the instance. EC2 user guide, "EC2 instance hostnames and domains":
# ip-a-b-c-d.REGION.compute.internal.
def run_instances(self, *args, run=InstanceBackend.run_instances, **options):
    template = options.get("launch_template")
    template = self._get_template_from_args(template).data if template else {}
    if market := template.get("InstanceMarketOptions"):
        options.setdefault("instance_market_options", market)
    reservation = run(self, *args, **{"region_name": self.region_name, **options})
    for instance in reservation.instances:
        instance.hostname_type = template.get("PrivateDnsNameOptions", {}).get("HostnameType")
    return reservation


# The same page: with resource names the host is called after the instance.
def private_dns_name(self, by_address=Instance.private_dns_name.fget):
    if getattr(self, "hostname_type", None) != "resource-name":
        return by_address(self)
    return self.id + "." + by_address(self).split(".", 1)[1]


# IAM is ministack's, so a profile is whatever the caller says; and no filter goes by it. EC2 API Reference,
# "DescribeInstances": iam-instance-profile.arn.
def associate(self, instance_id, iam_instance_profile_name=None, iam_instance_profile_arn=None):
    by_name = f"arn:aws:iam::{self.account_id}:instance-profile/{iam_instance_profile_name}"
    self.get_instance(instance_id).profile_arn = iam_instance_profile_arn or by_name


# An unknown group is a crash and an unknown instance an empty success; an instance that is on its way out is
# detached once more. Auto Scaling API Reference, "Common errors": ValidationError; the texts are its own.
def group_of(self, name):
    if name not in self.autoscaling_groups:
        raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup: {name} not found")
    return self.autoscaling_groups[name]


def member(self, id):
    return next(iter(self.describe_auto_scaling_instances([id])), None)


def detach(self, name, ids, decrement, detach=AutoScalingBackend.detach_instances):
    group_of(self, name)
    for id in ids:
        found = member(self, id)
        if not found or found.auto_scaling_group_name != name:
            raise ValidationError(f"The instance {id} is not part of Auto Scaling group {name}.")
        if found.lifecycle_state != "InService":
            raise ValidationError(f"The instance {id} is not in InService or Standby.")
    return detach(self, name, ids, decrement)


# As above, for an instance; and no lifecycle hook holds anything. Auto Scaling user guide, "Amazon EC2 Auto
# Scaling lifecycle hooks": an instance with a termination hook is Terminating:Wait until
# CompleteLifecycleAction.
def terminate(self, id, decrement, terminate=AutoScalingBackend.terminate_instance):
    found = member(self, id)
    if not found:
        raise ValidationError(f"Instance Id not found - No managed instance found for instance ID: {id}")
    group = group_of(self, found.auto_scaling_group_name)
    hooks = self.describe_lifecycle_hooks(group.name)
    if not any(hook.lifecycle_transition == TERMINATING for hook in hooks):
        return terminate(self, id, decrement)
    capacity = group.desired_capacity
    if found.lifecycle_state == "InService":
        found.lifecycle_state = "Terminating:Wait"
        group.set_desired_capacity(capacity - bool(decrement))
    return TerminateInstanceActivity(found.instance, capacity)


# Not implemented. Auto Scaling API Reference, "CompleteLifecycleAction": Auto Scaling goes on with the
# termination.
def complete_lifecycle_action(self):
    backend = self.autoscaling_backend
    group, id = group_of(backend, self._get_param("AutoScalingGroupName")), self._get_param("InstanceId")
    held = member(backend, id)
    if not held or held.lifecycle_state != "Terminating:Wait":
        raise ValidationError(f"No active Lifecycle Action found with instance ID {id}")
    group.instance_states.remove(held)
    backend.ec2_backend.terminate_instances([id])
    return EmptyResult()


# All pools cost nearly nothing, since 2006. EC2 API Reference, "DescribeSpotPriceHistory": the changes in a time, and
# the last one before. Here a price of `prices.json`, less 50 to 70 percent, changes every twelve hours.
PRICES = json.load(open(os.path.join(os.path.dirname(__file__), "prices.json")))
EPOCH = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
STEP = datetime.timedelta(hours=12)


def spot_price_history(self):
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = (self._get_param(name, now).replace(tzinfo=now.tzinfo) for name in ("StartTime", "EndTime"))
    pools = self.ec2_backend.describe_spot_price_history(
        self._get_param("InstanceTypes", []), self._filters_from_querystring()
    )
    history = []
    for pool in pools:
        if listed := PRICES.get(pool["InstanceType"]):
            at = start - (start - EPOCH) % STEP
            while at <= end:
                name = f"{pool['InstanceType']} {pool['Location']} {at}".encode()
                share = 0.3 + hashlib.sha256(name).digest()[0] / 255 * 0.2
                history.append(
                    {
                        "InstanceType": pool["InstanceType"],
                        "ProductDescription": "Linux/UNIX",
                        "SpotPrice": f"{float(listed) * share:.6f}",
                        "AvailabilityZone": pool["Location"],
                        "Timestamp": at,
                    }
                )
                at += STEP
    return ActionResult({"SpotPriceHistory": history})


# Not implemented. AWS Price List API Reference, "GetProducts": each product is JSON in a string.
def products(request):
    filters = {wanted["Field"]: wanted["Value"] for wanted in request.get("Filters", [])}
    listed = []
    for name, price in PRICES.items():
        attributes = {"instanceType": name, **filters}
        rate = {"unit": "Hrs", "pricePerUnit": {"USD": price}}
        terms = {"OnDemand": {name: {"priceDimensions": {name: rate}}}}
        listed.append(json.dumps({"product": {"attributes": attributes}, "terms": terms}))
    return json.dumps({"FormatVersion": "aws_v1", "PriceList": listed}).encode()


# Policies are evaluated wrongly: resources and tags play no part. Service Authorization Reference, "Actions,
# resources, and condition keys for Amazon EC2 Auto Scaling": what changes a group is authorized on its ARN,
# with its tags as aws:ResourceTag; Describe actions and DescribeInstances of EC2 know no resource.
# And nothing keeps two changes of a group apart, while each counts the members before it launches.
class Gate(DomainDispatcherApplication):
    one_change = threading.Lock()

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if environ.get("HTTP_X_AMZ_TARGET") == "AWSPriceListService.GetProducts":
            start_response("200 OK", [("Content-Type", "application/x-amz-json-1.1")])
            return [products(json.loads(body))]
        form = dict(urllib.parse.parse_qsl(body.decode()))
        refusal = "AUTHORIZER" in os.environ and "Action" in form and self.refusal(environ, body, form)
        if refusal:
            start_response(f"{refusal.code} {refusal.reason}", [("Content-Type", "text/xml")])
            return [refusal.read()]
        if form.get("Action", "Describe").startswith("Describe"):
            return super().__call__(environ, start_response)
        with self.one_change:
            return super().__call__(environ, start_response)

    def refusal(self, environ, body, form):
        region, service = environ.get("HTTP_AUTHORIZATION", "").split("/")[2:4] or ("", "ec2")
        resource, tags = "*", {}
        if service == "autoscaling" and not form["Action"].startswith("Describe"):
            resource, tags = target(autoscaling_backends[DEFAULT_ACCOUNT_ID][region], form)
        question = {"service": service, "action": form["Action"], "resource": resource, "tags": tags}
        headers = {k[5:].replace("_", "-"): v for k, v in environ.items() if k.startswith("HTTP_")}
        headers["Content-Type"] = environ.get("CONTENT_TYPE", "")
        headers["X-Cast-Spot-Question"] = json.dumps(question)
        headers.pop("CONNECTION", None)
        try:
            request = urllib.request.Request(os.environ["AUTHORIZER"] + "/", body, headers, method="POST")
            urllib.request.urlopen(request).close()
        except urllib.error.HTTPError as refusal:
            return refusal


def target(backend, form):
    found = member(backend, form.get("InstanceId") or form.get("InstanceIds.member.1", ""))
    name = form.get("AutoScalingGroupName") or (found and found.auto_scaling_group_name)
    group = backend.autoscaling_groups.get(name)
    return (group.arn, {tag["Key"]: tag["Value"] for tag in group.tags}) if group else ("*", {})


InstanceBackend.run_instances = run_instances
instances.filter_iam_instance_profiles = lambda *_, **__: None
EC2Backend.associate_iam_instance_profile = associate
filter_dict_attribute_mapping["iam-instance-profile.arn"] = "profile_arn"
Instance.private_dns_name = property(private_dns_name)
AutoScalingBackend.detach_instances = detach
AutoScalingBackend.terminate_instance = terminate
AutoScalingResponse.complete_lifecycle_action = complete_lifecycle_action
SpotInstances.describe_spot_price_history = spot_price_history
gate = Gate(create_backend_app)
run_simple("127.0.0.1", int(sys.argv[1]), gate, threaded=True, request_handler=MotoRequestHandler)
