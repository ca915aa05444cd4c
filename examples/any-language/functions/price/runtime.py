"""All that a function in Python needs of the Lambda Runtime API, with nothing but the standard library."""
import http.client
import json
import os
import sys
import traceback

BASE = "/2018-06-01/runtime"


class NotRetryable(Exception):
    """Trying again cannot mend it: the batch, or the record, is parked at once."""


def serve(handler):
    """Calls `handler(event, context)` for each request, one at a time, until the process is ended."""
    # What is printed to a pipe would otherwise stay here until there is enough of it.
    sys.stdout.reconfigure(line_buffering=True)
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def call(method, path, body=None):
        connection.request(method, BASE + path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.headers, answer.read()

    while True:
        headers, event = call("GET", "/invocation/next")
        context = {
            "request_id": headers["Lambda-Runtime-Aws-Request-Id"],
            "deadline_ms": int(headers["Lambda-Runtime-Deadline-Ms"]),
            **json.loads(headers["Lambda-Runtime-Client-Context"])["custom"],
        }
        path = "/invocation/" + context["request_id"]
        try:
            call("POST", path + "/response", json.dumps(handler(json.loads(event), context)))
        except Exception as error:
            call("POST", path + "/error", json.dumps({
                "errorType": type(error).__name__,
                "errorMessage": str(error),
                "stackTrace": traceback.format_tb(error.__traceback__),
            }))
