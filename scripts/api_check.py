#!/usr/bin/env python3
"""Checks a running service: each call of its API, or complete jobs. scripts/test-api.sh and
scripts/test-deployment.sh call this with the URL; API_KEY is the key."""

from __future__ import annotations

import argparse
import os
import sys
import urllib.parse
from collections.abc import Callable

from api_client import Api, ApiError, stripes


class Report:
    """Prints a line for each check, and counts failures."""

    def __init__(self) -> None:
        self.failed = 0
        self.passed = 0

    def check(self, what: str, action: Callable[[], object]) -> bool:
        try:
            action()
        except (ApiError, KeyError, AssertionError) as error:
            self.failed += 1
            print(f"FAILED  {what}: {error if str(error) else type(error).__name__}", flush=True)
            return False
        self.passed += 1
        print(f"ok      {what}", flush=True)
        return True

    def end(self) -> int:
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def require(true: bool, otherwise: str) -> None:
    if not true:
        raise ApiError(otherwise)


def check_errors(api: Api, report: Report) -> None:
    wrong = [
        (404, "GET", "/status/no-such-job", None),
        (404, "GET", "/result/no-such-job", None),
        (404, "GET", "/no-such-page", None),
        (400, "POST", "/submit", {"job_type": "image_classification", "s3_keys": []}),
        (405, "PUT", "/jobs", {}),
    ]
    for status, method, path, body in wrong:

        def refused(
            status: int = status, method: str = method, path: str = path, body: object = body
        ) -> None:
            answer = api.expect(status, method, path, body)
            require(bool(answer.json().get("error")), "the answer has no error message")

        report.check(f"{method} {path} is refused with {status}", refused)
    if api.key:
        other = Api(api.url, "wrong-" + api.key)
        report.check("a wrong key is refused with 401", lambda: other.expect(401, "GET", "/jobs"))
        nobody = Api(api.url)
        report.check("no key is refused with 401", lambda: nobody.expect(401, "GET", "/jobs"))


def check_images(api: Api, report: Report) -> str:
    """Returns the key of an uploaded image; empty if the upload failed."""
    keys: list[str] = []
    upload = "POST /upload-url, and PUT to that URL"
    if not report.check(upload, lambda: keys.append(api.upload("stripes.png", stripes()))):
        return ""
    key = keys[0]
    quoted = urllib.parse.quote(key, safe="")

    def listed() -> None:
        images = api.expect(200, "GET", f"/images?prefix={urllib.parse.quote(key)}").json()
        found = [image["key"] for image in images["images"]]
        require(found == [key], f"the list has {found} instead of the image")

    report.check("GET /images", listed)
    report.check(
        "GET /images/{key}/thumbnail", lambda: api.expect(200, "GET", f"/images/{quoted}/thumbnail")
    )
    return key


def run_job(api: Api, report: Report, keys: list[str], fields: dict[str, object]) -> None:
    kind = fields["job_type"]
    jobs: list[str] = []

    def submit() -> None:
        body = {"s3_keys": keys, "confidence_threshold": 0} | fields
        jobs.append(str(api.expect(202, "POST", "/submit", body).json()["job_id"]))

    if not report.check(f"POST /submit ({kind})", submit):
        return
    job = jobs[0]

    def completed() -> None:
        status = api.wait(job, float(os.environ.get("JOB_SECONDS", "300")))
        require(status == "completed", f"the job is {status}")

    if not report.check(f"GET /status until the {kind} is completed", completed):
        return

    def result() -> None:
        answer = api.expect(200, "GET", f"/result/{job}").json()
        require(answer["summary"]["total"] == len(keys), f"wrong summary {answer['summary']}")
        got = [one["s3_key"] for one in answer["detailed_results"]]
        require(got == keys, "the results are not those of the images in their order")
        labels = fields.get("custom_labels")
        if isinstance(labels, list):
            tops = {one["top_prediction"] for one in answer["detailed_results"]}
            require(tops <= set(labels), f"labels {tops} that were not requested")

    report.check(f"GET /result ({answer_model(api, job)})", result)
    report.check("GET /result/{job_id}.csv", lambda: api.expect(200, "GET", f"/result/{job}.csv"))


def answer_model(api: Api, job: str) -> str:
    try:
        return str(api.expect(200, "GET", f"/result/{job}").json()["model_used"])
    except (ApiError, KeyError):
        return "no model named"


def remove(api: Api, report: Report, keys: list[str]) -> None:
    for key in keys:
        report.check(f"DELETE {key}", lambda key=key: api.delete(key))  # type: ignore[misc]


def check_api(api: Api, report: Report) -> None:
    for path in ("/health", "/ready", "/openapi.json", "/docs", "/models", "/queue"):
        report.check(f"GET {path}", lambda path=path: api.expect(200, "GET", path))  # type: ignore[misc]
    report.check("GET /jobs", lambda: api.expect(200, "GET", "/jobs?limit=5").json()["jobs"])
    check_errors(api, report)
    key = check_images(api, report)
    if key:
        run_job(api, report, [key], {"job_type": "image_classification"})
        remove(api, report, [key])


def check_deployment(api: Api, report: Report) -> None:
    for path in ("/health", "/ready"):
        report.check(f"GET {path}", lambda path=path: api.expect(200, "GET", path))  # type: ignore[misc]
    keys: list[str] = []
    for number in range(3):
        name = f"stripes-{number}.png"
        content = stripes(300 + 20 * number)
        report.check(
            f"upload {name}",
            lambda name=name, content=content: keys.append(api.upload(name, content)),  # type: ignore[misc]
        )
    if keys:
        run_job(api, report, keys, {"job_type": "image_classification"})
        labels = ["stripes", "cat", "a red car"]
        run_job(api, report, keys, {"job_type": "custom_classification", "custom_labels": labels})
    remove(api, report, keys)


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks a running service.")
    parser.add_argument("what", choices=["api", "deployment"])
    parser.add_argument("url", help="URL of the backend")
    arguments = parser.parse_args()
    report = Report()
    try:
        api = Api(arguments.url, os.environ.get("API_KEY", ""))
        api.call("GET", "/health")
    except ApiError as error:
        print(f"api_check.py: {error}", file=sys.stderr)
        return 1
    print(f"checking {api.url}")
    (check_api if arguments.what == "api" else check_deployment)(api, report)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
