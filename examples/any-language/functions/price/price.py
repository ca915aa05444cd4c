"""Adds the tax to orders, to the cent. An order that cannot be priced fails alone; the others of its batch are done."""
import os
from decimal import Decimal

import runtime

RATES = {"DE": Decimal("0.19"), "FR": Decimal("0.20"), "SE": Decimal("0.25")}


def price(order):
    rate = RATES.get(order["country"])
    if rate is None:
        raise runtime.NotRetryable("no tax rate for " + order["country"])
    total = (Decimal(order["net"]) * (1 + rate)).quantize(Decimal("0.01"))
    return f"{order['id']}: {order['net']} net is {total} in {order['country']}"


def handler(records, context):
    failures = []
    with open(os.environ["PRICED"], "a") as ledger:
        for record in records:
            try:
                ledger.write(price(record["data"]) + "\n")
            except Exception as error:
                failures.append({
                    "itemIdentifier": record["id"],
                    "error": str(error),
                    "retryable": not isinstance(error, runtime.NotRetryable),
                })
    return {"batchItemFailures": failures}


runtime.serve(handler)
