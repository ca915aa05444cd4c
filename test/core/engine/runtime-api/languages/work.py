"""Works through an event of Kafka as AWS has it: what it did it writes down, what failed it names by partition and offset."""
import base64
import json
import os
import sys

sys.path.insert(0, os.environ["RUNTIME_FOLDER"])
import runtime  # noqa: E402


def fails(work):
    if work.get("fails") == "always":
        return True
    if work.get("fails") != "once":
        return False
    try:
        open(os.path.join(os.environ["LEDGER"], "failed-" + work["id"]), "x").close()
        return True
    except FileExistsError:
        return False


def handler(event, context):
    assert event["eventSource"] == "SelfManagedKafka" and event["bootstrapServers"]
    failures = []
    with open(os.path.join(os.environ["LEDGER"], "done"), "a") as done:
        for partition, records in event["records"].items():
            for record in records:
                work = json.loads(base64.b64decode(record["value"]))
                if fails(work):
                    failures.append({"itemIdentifier": {"partition": partition, "offset": record["offset"]}})
                else:
                    done.write(work["id"] + "\n")
    return {"batchItemFailures": failures}


runtime.serve(handler)
