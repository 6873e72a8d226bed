#!/usr/bin/env python3
"""Deletes every item of a DynamoDB table; the table stays. scripts/clean-dynamodb.sh asks first.

python3 scripts/empty-dynamodb.py TABLE
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def delete_all(table: Any) -> int:
    """Returns the number of deleted items. Reads only keys; the batch writer retries failures."""
    names = [key["AttributeName"] for key in table.key_schema]
    request: dict[str, Any] = {
        "ProjectionExpression": ", ".join(f"#k{index}" for index in range(len(names))),
        "ExpressionAttributeNames": {f"#k{index}": name for index, name in enumerate(names)},
    }
    deleted = 0
    with table.batch_writer() as batch:
        while True:
            page = table.scan(**request)
            for item in page["Items"]:
                batch.delete_item(Key=item)
                deleted += 1
            if "LastEvaluatedKey" not in page:
                return deleted
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
            print(f"{deleted} items deleted", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description="Deletes every item of a DynamoDB table.")
    parser.add_argument("table", help="name of the table")
    name = parser.parse_args().table
    # boto3 before 1.28 knows neither variable, and would empty the table of that name on AWS.
    endpoint = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB") or os.environ.get("AWS_ENDPOINT_URL")
    try:
        database = boto3.resource("dynamodb", endpoint_url=endpoint or None)
        deleted = delete_all(database.Table(name))
    except (BotoCoreError, ClientError, ValueError) as error:
        print(f"empty-dynamodb.py: the table {name} could not be emptied: {error}", file=sys.stderr)
        return 1
    print(f"{name} is empty: {deleted} items deleted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
