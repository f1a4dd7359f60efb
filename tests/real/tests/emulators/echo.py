# A function that writes each event to its log and answers with its environment and a bearer token for `cluster`.
import base64
import json
import os
import urllib.request

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(f"{api}/next") as invocation:
        id, event = invocation.headers["Lambda-Runtime-Aws-Request-Id"], json.load(invocation)
    print(json.dumps(event), flush=True)
    sts = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    call = AWSRequest("GET", sts, headers={"x-k8s-aws-id": event.get("cluster", "")})
    SigV4QueryAuth(Session().get_credentials(), "sts", "eu-west-1", 60).add_auth(call)
    token = "k8s-aws-v1." + base64.urlsafe_b64encode(call.url.encode()).decode().rstrip("=")
    answer = json.dumps({"environment": dict(os.environ), "token": token}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{api}/{id}/response", answer, method="POST")).close()
