"""What Terraform would create, according to its plans: names, privacy, permissions, scaling."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from script_run import PATH
from terraform_fixtures import Resources, actions_of, applied, of_type, plugins, terraform
from terraform_run import ROOT, SCHEMA, Terraform, copy_project, resources_of

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/x"


@pytest.fixture(scope="session")
def plan(terraform: Terraform) -> dict[str, Any]:
    return terraform.plan(allowed_cidrs=["203.0.113.7/32"])


@pytest.fixture(scope="session")
def resources(plan: dict[str, Any]) -> Resources:
    return resources_of(plan)


def test_formatted_and_valid(terraform: Terraform) -> None:
    subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", ROOT / "terraform"],
        env=terraform.environment,
        check=True,
    )
    terraform.run("validate")


def test_schema_file_covers_what_is_used() -> None:
    known = SCHEMA.read_text()
    for file in (ROOT / "terraform").rglob("*.tf"):
        for kind, name in re.findall(
            r'^(resource|data) "(aws_\w+)"', file.read_text(), re.MULTILINE
        ):
            assert f'"{kind}": "{name}"' in known, f"{name}: run tests/infra/derive_schema.py"


def test_every_name_of_the_contract(plan: dict[str, Any], resources: Resources) -> None:
    modules = set(plan["configuration"]["root_module"]["module_calls"])
    sources = {
        call["source"].split("/")[-1]
        for call in plan["configuration"]["root_module"]["module_calls"].values()
    }
    assert len(modules) == 6
    assert sources == {
        "container-registry",
        "networking",
        "storage",
        "queues",
        "load-balancer",
        "ecs-cluster",
    }
    variables = set(plan["configuration"]["root_module"]["variables"])
    assert variables >= {"aws_region", "project_name", "environment"}
    assert variables >= {
        f"{service}_{what}"
        for service in ("backend", "ml")
        for what in ("cpu", "memory", "min_count", "max_count")
    }
    assert set(plan["planned_values"]["outputs"]) == {
        "alb_endpoint",
        "backend_api_url",
        "api_endpoints",
        "aws_resources",
        "cluster_name",
        "backend_service_name",
        "ml_service_name",
        "alb_resource_label",
        "target_group_resource_label",
    }
    names = {str(values.get("name") or values.get("bucket")) for values in resources.values()}
    assert {"distributed-classifier-backend", "distributed-classifier-ml-service"} <= names
    assert any(name.startswith("distributed-classifier-input-") for name in names)
    assert any(name.startswith("distributed-classifier-output-") for name in names)
    for begin in ("classification-jobs-", "classification-requests-", "classification-status-"):
        assert begin + "dev" in names
    assert "distributed-classifier-cluster-dev" in names
    assert {
        "/ecs/distributed-classifier/backend",
        "/ecs/distributed-classifier/ml-service",
    } <= names


def test_project_and_environment_reach_every_name(terraform: Terraform) -> None:
    """Each value that names the project or the environment by default names the given ones."""
    resources = resources_of(terraform.plan())
    other = resources_of(terraform.plan(project_name="photos", environment="prod"))
    assert set(other) == set(resources)

    def renamed(value: str) -> str:
        """A pattern: names without the default project in them have another one beside "prod"."""
        pattern = re.escape(value).replace(re.escape("distributed-classifier"), "photos")
        return re.sub(r"\bdev\b", "(photos-)?prod", pattern)

    compared = 0
    for address, values in resources.items():
        for field in ("name", "bucket", "family", "alarm_name", "name_prefix", "dashboard_name"):
            value = values.get(field)
            if not isinstance(value, str) or renamed(value) == re.escape(value):
                continue
            now = str(other[address].get(field))
            assert re.fullmatch(renamed(value), now), f"{address} {field} is {now}"
            compared += 1
    assert compared >= 20


def test_table_is_that_of_the_program(resources: Resources) -> None:
    wanted = ROOT / "scripts/dynamodb-table.json"
    if not wanted.exists():
        pytest.skip(f"there is no {wanted}")
    expected = json.loads(wanted.read_text())
    [table] = of_type(resources, "aws_dynamodb_table")
    assert table["billing_mode"] == expected["BillingMode"]
    key = {entry["KeyType"]: entry["AttributeName"] for entry in expected["KeySchema"]}
    assert (table["hash_key"], table["range_key"]) == (key["HASH"], key["RANGE"])
    assert {(a["name"], a["type"]) for a in table["attribute"]} == {
        (a["AttributeName"], a["AttributeType"]) for a in expected["AttributeDefinitions"]
    }
    assert {
        (i["name"], i["hash_key"], i["range_key"], i["projection_type"])
        for i in table["global_secondary_index"]
    } == {
        (
            i["IndexName"],
            i["KeySchema"][0]["AttributeName"],
            i["KeySchema"][1]["AttributeName"],
            i["Projection"]["ProjectionType"],
        )
        for i in expected["GlobalSecondaryIndexes"]
    }
    assert table["ttl"] == [{"attribute_name": "expires_at", "enabled": True}]
    assert table["point_in_time_recovery"][0]["enabled"] is True


def test_buckets_are_private_and_encrypted(resources: Resources, applied: Resources) -> None:
    assert len(of_type(resources, "aws_s3_bucket")) == 2
    blocks = of_type(resources, "aws_s3_bucket_public_access_block")
    assert len(blocks) == 2
    for block in blocks:
        assert all(block[what] is True for what in ("block_public_acls", "block_public_policy"))
        assert all(
            block[what] is True for what in ("ignore_public_acls", "restrict_public_buckets")
        )
    assert len(of_type(resources, "aws_s3_bucket_server_side_encryption_configuration")) == 2
    policies = of_type(applied, "aws_s3_bucket_policy")
    assert len(policies) == 2
    for policy in policies:
        [statement] = json.loads(policy["policy"])["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_uploads_of_known_pages_pass_cors(applied: Resources) -> None:
    [cors] = of_type(applied, "aws_s3_bucket_cors_configuration")
    [rule] = cors["cors_rule"]
    assert rule["allowed_methods"] == ["PUT"]
    assert "-input-" in cors["bucket"]
    assert set(rule["allowed_origins"]) == {
        "http://localhost:8501",
        "http://distributed-classifier-dev-alb.invalid",
    }


def test_nothing_but_the_load_balancer_can_be_reached(applied: Resources) -> None:
    groups = {
        address: values for address, values in applied.items() if ".aws_security_group." in address
    }
    by_id = {values["id"]: address for address, values in groups.items()}
    rules = of_type(applied, "aws_vpc_security_group_ingress_rule")
    entries = {
        (by_id[rule["security_group_id"]].split('"')[1], rule["from_port"], rule["cidr_ipv4"])
        for rule in rules
        if "/" in str(rule["cidr_ipv4"])
    }
    assert entries == {("load-balancer", 80, "203.0.113.7/32")}
    assert not any('"ml-service"' in by_id[rule["security_group_id"]] for rule in rules)
    for service in of_type(applied, "aws_ecs_service"):
        assert service["network_configuration"][0]["assign_public_ip"] is False


def test_by_default_nobody_is_let_in(terraform: Terraform) -> None:
    made = resources_of(terraform.plan())
    assert not [address for address in made if "ingress_rule.clients" in address]


def test_https_with_a_certificate(terraform: Terraform) -> None:
    made = terraform.plan(
        certificate_arn=CERTIFICATE,
        domain_name="photos.example.com",
        allowed_cidrs=["0.0.0.0/0"],
    )
    resources = resources_of(made)
    listeners = {listener["port"]: listener for listener in of_type(resources, "aws_lb_listener")}
    assert listeners[443]["protocol"] == "HTTPS"
    assert "TLS13" in listeners[443]["ssl_policy"]
    assert listeners[80]["default_action"][0]["type"] == "redirect"
    outputs = made["planned_values"]["outputs"]
    assert outputs["backend_api_url"]["value"] == "https://photos.example.com"
    clients = [values for address, values in resources.items() if "rule.clients" in address]
    assert {rule["from_port"] for rule in clients} == {80, 443}


def test_without_internet(terraform: Terraform) -> None:
    resources = resources_of(terraform.plan(egress="endpoints"))
    assert of_type(resources, "aws_nat_gateway") == []
    services = {
        str(endpoint["service_name"]).split("us-east-1.")[1]
        for endpoint in of_type(resources, "aws_vpc_endpoint")
    }
    assert services == {"s3", "dynamodb", "ecr.api", "ecr.dkr", "logs", "sqs", "secretsmanager"}


def test_nat_gateways(terraform: Terraform, resources: Resources) -> None:
    assert len(of_type(resources, "aws_nat_gateway")) == 1
    assert len(of_type(resources, "aws_vpc_endpoint")) == 2  # S3 and DynamoDB are free
    both = resources_of(terraform.plan(nat_gateway_per_zone=True))
    assert len(of_type(both, "aws_nat_gateway")) == 2


def test_queues_have_dead_letters_alarms_and_policies(applied: Resources) -> None:
    queues = {queue["name"]: queue for queue in of_type(applied, "aws_sqs_queue")}
    assert len(queues) == 4
    assert all(queue["sqs_managed_sse_enabled"] for queue in queues.values())
    for kind, receives in (("requests", 10), ("status", 1000)):
        queue, dead = queues[f"classification-{kind}-dev"], queues[f"classification-{kind}-dev-dlq"]
        assert json.loads(queue["redrive_policy"]) == {
            "deadLetterTargetArn": dead["arn"],
            "maxReceiveCount": receives,
        }
    alarms = {
        alarm["alarm_name"]: alarm for alarm in of_type(applied, "aws_cloudwatch_metric_alarm")
    }
    for kind in ("requests", "status"):
        alarm = alarms[f"classification-{kind}-dev-dlq-not-empty"]
        assert (alarm["threshold"], alarm["comparison_operator"]) == (0, "GreaterThanThreshold")
    policies = of_type(applied, "aws_sqs_queue_policy")
    assert len(policies) == 4
    for policy in policies:
        statements = json.loads(policy["policy"])["Statement"]
        assert {statement["Effect"] for statement in statements} == {"Deny"}


def test_alarms_reach_an_address(terraform: Terraform) -> None:
    resources = resources_of(terraform.plan(alarm_email="you@example.com"))
    [subscription] = of_type(resources, "aws_sns_topic_subscription")
    assert subscription["endpoint"] == "you@example.com"


def test_roles_have_the_least_privilege(applied: Resources) -> None:
    for address, values in applied.items():
        if ".aws_iam_role_policy." not in address:
            continue
        for statement in json.loads(values["policy"])["Statement"]:
            assert not any("*" in action for action in statement["Action"]), address
            if statement["Action"] != ["ecr:GetAuthorizationToken"]:
                assert all(arn.startswith("arn:aws:") for arn in statement["Resource"]), address
    worker = actions_of(applied, 'task["ml-service"]')
    assert not worker & {"s3:DeleteObject", "dynamodb:DeleteItem", "dynamodb:PutItem"}
    assert "sqs:ReceiveMessage" in worker
    assert "secretsmanager:GetSecretValue" in actions_of(applied, 'execution["backend"]')
    assert "secretsmanager:GetSecretValue" not in actions_of(applied, 'execution["ml-service"]')


def test_a_given_role_is_taken_for_everything(terraform: Terraform) -> None:
    resources = resources_of(terraform.plan(existing_role_name="LabRole", image_tag="there"))
    assert of_type(resources, "aws_iam_role") == []
    assert of_type(resources, "aws_iam_role_policy") == []


def container_of(applied: Resources, service: str) -> dict[str, Any]:
    task = applied[f'module.ecs_cluster.aws_ecs_task_definition.service["{service}"]']
    [container] = json.loads(task["container_definitions"])
    assert isinstance(container, dict)
    return container


@pytest.mark.parametrize("service", ["backend", "ml-service"])
def test_tasks_run_locked_down_with_known_settings(applied: Resources, service: str) -> None:
    container = container_of(applied, service)
    assert container["readonlyRootFilesystem"] is True
    assert container["user"] == "10001:10001"
    assert container["stopTimeout"] >= 30
    assert container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert container["image"].endswith(f"/distributed-classifier-{service}:there")
    for setting in container["environment"]:
        assert setting["value"], setting
    secrets = {secret["name"] for secret in container["secrets"]}
    assert secrets == ({"API_KEYS"} if service == "backend" else set())


def test_every_setting_of_the_tasks_is_one_of_the_program(applied: Resources) -> None:
    program = (ROOT / "src/apps/config.cpp").read_text()
    if "DYNAMODB_TABLE" not in program:
        pytest.skip("the program of this tree cannot run on AWS yet")
    for service in ("backend", "ml-service"):
        for setting in container_of(applied, service)["environment"]:
            assert f'"{setting["name"]}"' in program


def test_no_key_when_none_is_wanted(terraform: Terraform) -> None:
    resources = resources_of(terraform.plan(api_key_required=False))
    assert of_type(resources, "aws_secretsmanager_secret") == []


def test_counts_are_left_to_autoscaling(terraform: Terraform, resources: Resources) -> None:
    for service in of_type(resources, "aws_ecs_service"):
        assert service["deployment_circuit_breaker"] == [{"enable": True, "rollback": True}]
    code = (ROOT / "terraform/modules/ecs-cluster/main.tf").read_text()
    assert "ignore_changes = [desired_count]" in code
    targets = {t["resource_id"] or "": t for t in of_type(resources, "aws_appautoscaling_target")}
    assert {(t["min_capacity"], t["max_capacity"]) for t in targets.values()} == {(1, 10), (1, 50)}


def policy_of(resources: Resources, name: str) -> dict[str, Any]:
    [found] = [
        values
        for values in of_type(resources, "aws_appautoscaling_policy")
        if values["name"] == f"distributed-classifier-dev-{name}"
    ]
    return found


def test_backend_scales_by_requests_and_cpu(resources: Resources) -> None:
    targets = {}
    for name in ("backend-requests", "backend-cpu"):
        [tracking] = policy_of(resources, name)["target_tracking_scaling_policy_configuration"]
        metric = tracking["predefined_metric_specification"][0]["predefined_metric_type"]
        targets[metric] = tracking["target_value"]
    assert targets == {"ALBRequestCountPerTarget": 500, "ECSServiceAverageCPUUtilization": 70}


def test_ml_service_grows_in_steps(applied: Resources) -> None:
    [burst] = policy_of(applied, "ml-burst")["step_scaling_policy_configuration"]
    alarm = applied["module.ecs_cluster.aws_cloudwatch_metric_alarm.ml_burst"]
    steps = {
        int(alarm["threshold"] + float(step["metric_interval_lower_bound"])): step[
            "scaling_adjustment"
        ]
        for step in burst["step_adjustment"]
    }
    assert steps == {300: 2, 1300: 5, 10300: 10, 50300: 20}
    bounds = sorted(
        (float(s["metric_interval_lower_bound"]), s["metric_interval_upper_bound"])
        for s in burst["step_adjustment"]
    )
    for (_, upper), (lower, _) in itertools.pairwise(bounds):
        assert float(upper) == lower
    [shrink] = policy_of(applied, "ml-shrink")["step_scaling_policy_configuration"]
    assert [step["scaling_adjustment"] for step in shrink["step_adjustment"]] == [-1]
    alarm = applied["module.ecs_cluster.aws_cloudwatch_metric_alarm.ml_shrink"]
    assert (alarm["threshold"], alarm["comparison_operator"]) == (100, "LessThanThreshold")
    [tracking] = policy_of(applied, "ml-backlog")["target_tracking_scaling_policy_configuration"]
    assert tracking["disable_scale_in"] is True
    assert not [address for address in applied if "ml_wake" in address]


def test_ml_service_sleeps_and_wakes(terraform: Terraform) -> None:
    resources = resources_of(terraform.plan(ml_min_count=0))
    [wake] = policy_of(resources, "ml-wake")["step_scaling_policy_configuration"]
    assert wake["step_adjustment"][0]["scaling_adjustment"] == 1
    alarm = resources['module.ecs_cluster.aws_cloudwatch_metric_alarm.ml_wake["wake"]']
    assert alarm["threshold"] == 1
    shrink = resources["module.ecs_cluster.aws_cloudwatch_metric_alarm.ml_shrink"]
    busy = {"visible": 0, "in_flight": 0, "sent": 0, "running": 1, "cpu": 5}
    for minute, wakes, shrinks in (
        (busy, False, True),  # the last task of an empty queue is removed
        (busy | {"in_flight": 1}, False, False),  # not while it works
        (busy | {"sent": 1}, False, False),  # nor while images arrive, however fast they are done
        (busy | {"visible": 5, "in_flight": 3, "running": 2}, False, True),
        (busy | {"visible": 5, "in_flight": 3, "running": 2, "cpu": 80}, False, False),
        (busy | {"visible": 400, "in_flight": 3, "running": 2}, False, False),
        (busy | {"visible": 1, "running": 0, "cpu": 0}, True, False),
    ):
        assert (value_of(alarm, minute) >= alarm["threshold"]) is wakes, minute
        assert (value_of(shrink, minute) < shrink["threshold"]) is shrinks, minute
    # A service without tasks has no metrics, not even for zero tasks.
    namespaces = {q["metric"][0]["namespace"] for q in alarm["metric_query"] if q["metric"]}
    assert namespaces == {"AWS/SQS"}


def value_of(alarm: dict[str, Any], minute: dict[str, int]) -> float:
    """The value that CloudWatch computes for an alarm from a minute's metrics."""
    [expression] = [query["expression"] for query in alarm["metric_query"] if query["expression"]]
    known = {query["id"]: minute[query["id"]] for query in alarm["metric_query"] if query["metric"]}
    functions = {"IF": lambda condition, then, otherwise: then if condition else otherwise}
    return float(eval(expression, functions | known))


def test_alarms_do_not_wait_for_metrics_that_come_late(
    terraform: Terraform, resources: Resources
) -> None:
    """FILL would fill in every last minute, and CloudWatch would see nothing else."""
    for made in (resources, resources_of(terraform.plan(ml_min_count=0))):
        assert "FILL" not in json.dumps(of_type(made, "aws_cloudwatch_metric_alarm"))
        shrink = made["module.ecs_cluster.aws_cloudwatch_metric_alarm.ml_shrink"]
        assert (shrink["datapoints_to_alarm"], shrink["evaluation_periods"]) == (5, 6)


def test_spot(terraform: Terraform, resources: Resources) -> None:
    def providers(made: Resources) -> set[str]:
        strategies = [
            service["capacity_provider_strategy"] for service in of_type(made, "aws_ecs_service")
        ]
        return {strategy[0]["capacity_provider"] for strategy in strategies}

    assert providers(resources) == {"FARGATE"}
    assert providers(resources_of(terraform.plan(ml_use_spot=True))) == {"FARGATE", "FARGATE_SPOT"}
    # Without this the provider replaces a service whose strategy changes.
    assert all(s["force_new_deployment"] for s in of_type(resources, "aws_ecs_service"))


def test_destroy_really_destroys_only_where_it_may(
    terraform: Terraform, resources: Resources
) -> None:
    kept = resources_of(terraform.plan(force_destroy=False))
    for made, goes in ((resources, True), (kept, False)):
        assert all(bucket["force_destroy"] is goes for bucket in of_type(made, "aws_s3_bucket"))
        assert all(r["force_delete"] is goes for r in of_type(made, "aws_ecr_repository"))
        [table] = of_type(made, "aws_dynamodb_table")
        assert table["deletion_protection_enabled"] is not goes
        [balancer] = of_type(made, "aws_lb")
        assert balancer["enable_deletion_protection"] is not goes
        [secret] = of_type(made, "aws_secretsmanager_secret")
        assert secret["recovery_window_in_days"] == (0 if goes else 7)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("aws_region", "Frankfurt", "must be the name of a region"),
        ("project_name", "My Photos", "project_name must be"),
        ("environment", "Production!", "environment must be"),
        ("project_name", "my--photos", "single hyphens"),
        ("project_name", "photos-of-the-whole-big-family-1", "3 to 30"),
        ("project_name", "internal-photos", "AWS reserves such names"),
        ("allowed_cidrs", ["anywhere"], "allowed_cidrs must be IPv4 networks"),
        ("allowed_cidrs", ["203.0.113.7/24"], "no bits set after the prefix"),
        ("certificate_arn", "my-certificate", "ARN of a certificate"),
        ("certificate_arn", CERTIFICATE, "certificate_arn needs domain_name"),
        ("existing_role_name", "arn:aws:iam::123456789012:role/LabRole", "not its ARN"),
        ("domain_name", "https://photos.example.com/", "without https://"),
        ("allowed_origins", ["*"], "no path, no *"),
        ("backend_cpu", 300, "backend_cpu must be"),
        ("backend_memory", 1000, "Fargate has no task with 512 CPU units and 1000 MiB"),
        ("backend_min_count", 0, "1 or more"),
        ("backend_max_count", 0, "must not be less than the minimum"),
        ("ml_cpu", 1000, "ml_cpu must be"),
        ("ml_min_count", -1, "0 or more"),
        ("ml_max_count", 2.5, "ml_max_count must be a whole number"),
        ("image_tag", "of today", "image_tag must be"),
        ("alarm_email", "me", "alarm_email must be"),
        ("visibility_timeout", 1, "5 to 43200"),
        ("log_level", "loud", "debug, info, warn or error"),
        ("log_retention_days", 10, "a value that CloudWatch supports"),
        ("vpc_cidr", "10.0.0.0/30", "of /16 to /20"),
        ("vpc_cidr", "10.0.0.0/8", "of /16 to /20"),
        ("vpc_cidr", "10.0.7.0/16", "of /16 to /20"),
        ("egress", "any", "nat or endpoints"),
        ("image_retention_days", 1.5, "whole number"),
        ("job_retention_days", -1, "0 to 36500"),
        ("job_retention_days", 1.5, "whole number"),
    ],
)
def test_bad_values_are_refused(terraform: Terraform, variable: str, value: Any, says: str) -> None:
    assert says in terraform.refused(**{variable: value})


def test_a_certificate_of_another_region_is_refused(terraform: Terraform) -> None:
    arn = CERTIFICATE.replace("us-east-1", "eu-west-1")
    shown = terraform.refused(certificate_arn=arn, domain_name="photos.example.com")
    assert "The certificate is in eu-west-1" in shown


def test_longest_names_are_taken(plugins: Path, tmp_path: Path) -> None:
    """AWS's rules for names, which are not in the provider's schema."""
    made = Terraform(copy_project(tmp_path / "project"), plugins)
    made.run("init", "-input=false")
    words = ["-var=project_name=" + "a-long-name-of-30-letters-xyz0", "-var=environment=staging1"]
    words += ["-var=image_tag=there", "-var=alarm_email=you@example.com"]
    made.run("apply", "-input=false", "-auto-approve", *words)
    state = json.loads(made.run("show", "-json").stdout)
    resources = resources_of({"planned_values": state["values"]})
    rules = {
        "aws_lb": ("name", r"(?!internal-)[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"),
        "aws_lb_target_group": ("name_prefix", r"[A-Za-z0-9-]{1,6}"),
        "aws_s3_bucket": ("bucket", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
        "aws_ecr_repository": ("name", r"(?=.{2,256}$)[a-z0-9]+(?:[._-][a-z0-9]+)*"),
        "aws_iam_role": ("name", r"[\w+=,.@-]{1,64}"),
        "aws_iam_role_policy": ("name", r"[\w+=,.@-]{1,128}"),
        "aws_sqs_queue": ("name", r"[A-Za-z0-9_-]{1,80}"),
        "aws_sns_topic": ("name", r"[A-Za-z0-9_-]{1,256}"),
        "aws_dynamodb_table": ("name", r"[A-Za-z0-9_.-]{3,255}"),
        "aws_ecs_cluster": ("name", r"[A-Za-z0-9_-]{1,255}"),
        "aws_ecs_service": ("name", r"[A-Za-z0-9_-]{1,255}"),
        "aws_ecs_task_definition": ("family", r"[A-Za-z0-9_-]{1,255}"),
        "aws_secretsmanager_secret": ("name", r"[A-Za-z0-9/_+=.@-]{1,512}"),
        "aws_cloudwatch_log_group": ("name", r"[.\-_/#A-Za-z0-9]{1,512}"),
        "aws_cloudwatch_metric_alarm": ("alarm_name", r".{1,255}"),
        "aws_appautoscaling_policy": ("name", r"\S.{0,255}"),
        "aws_security_group": ("name_prefix", r"(?!sg-)[\w .:/()#,@\[\]+=&;{}!$*-]{1,100}"),
    }
    for kind, (field, pattern) in rules.items():
        named = of_type(resources, kind)
        assert named, kind
        for values in named:
            assert re.fullmatch(pattern, values[field]), (kind, values[field])
        if field != "name_prefix" and kind != "aws_iam_role_policy":  # its name is the role's own
            assert len({values[field] for values in named}) == len(named), kind
    described = [*of_type(resources, "aws_security_group")]
    described += of_type(resources, "aws_vpc_security_group_ingress_rule")
    described += of_type(resources, "aws_vpc_security_group_egress_rule")
    for values in described:
        assert re.fullmatch(r"[\w .:/()#,@\[\]+=&;{}!$*-]{0,255}", values["description"])


def test_deployments_of_two_names_share_nothing(terraform: Terraform) -> None:
    """SQS takes an existing queue for the one to create, so two deployments would share it."""
    kinds = ["aws_sqs_queue", "aws_dynamodb_table", "aws_s3_bucket", "aws_lb", "aws_ecs_cluster"]
    kinds += ["aws_ecr_repository", "aws_cloudwatch_log_group", "aws_iam_role"]

    def names(project: str) -> set[str]:
        made = resources_of(terraform.plan(project_name=project))
        return {
            str(values.get("name") or values.get("bucket"))
            for kind in kinds
            for values in of_type(made, kind)
        }

    long = "photos-of-the-whole-family-"
    for one, other in (("distributed-classifier", "photos"), (long + "one", long + "two")):
        assert not names(one) & names(other)


def test_idle_connections_end_at_the_load_balancer_first(resources: Resources) -> None:
    """A request sent on a connection that the backend has just closed would get a 502."""
    server = (ROOT / "src/adapters/http/server.hpp").read_text()
    response = (ROOT / "src/adapters/http/response.hpp").read_text()
    closes = re.search(r"keep_alive_idle\{\s*([\d']+)\}", server)
    beats = re.search(r"heartbeat\{([\d']+)\}", response)
    assert closes
    assert beats
    [balancer] = of_type(resources, "aws_lb")
    idle = 1000 * balancer["idle_timeout"]
    assert int(beats[1].replace("'", "")) < idle < int(closes[1].replace("'", ""))


def test_zones_without_fargate_are_left_out(plan: dict[str, Any]) -> None:
    module = plan["configuration"]["root_module"]["module_calls"]["networking"]["module"]
    [zones] = [r for r in module["resources"] if r["type"] == "aws_availability_zones"]
    left_out = zones["expressions"]["exclude_zone_ids"]["constant_value"]
    assert {"apne1-az3", "usw1-az2", "use1-az3"} == set(left_out)


def test_letting_somebody_in_leaves_the_tasks_alone(plugins: Path, tmp_path: Path) -> None:
    made = Terraform(copy_project(tmp_path / "project"), plugins)
    made.run("init", "-input=false")
    words = ["-var=existing_role_name=LabRole", "-var=image_tag=there"]
    made.run("apply", "-input=false", "-auto-approve", *words)
    made.run("plan", "-out=plan", *words, '-var=allowed_cidrs=["203.0.113.7/32"]')
    changes = json.loads(made.run("show", "-json", "plan").stdout)["resource_changes"]
    changed = {c["type"] for c in changes if c["change"]["actions"] not in (["no-op"], ["read"])}
    assert changed == {"aws_vpc_security_group_ingress_rule"}


def test_a_change_of_the_program_is_a_new_image(plugins: Path, tmp_path: Path) -> None:
    made = Terraform(copy_project(tmp_path / "project"), plugins)
    made.run("init", "-input=false")

    def tag() -> str:
        images = of_type(resources_of(made.plan()), "terraform_data")
        assert len(images) == 2
        after = made.run("show", "-json", "plan").stdout
        found = set(re.findall(r"src-[0-9a-f]{16}", after))
        assert len(found) == 1
        return str(found.pop())

    before = tag()
    (made.project / "models/__pycache__").mkdir(exist_ok=True)
    (made.project / "models/__pycache__/x.pyc").write_text("left over")
    assert tag() == before
    for name in ("src/apps/main.cpp", "scripts/requirements-node.txt", "docker/Dockerfile"):
        with (made.project / name).open("a") as file:
            file.write("// changed\n")
        after = tag()
        assert after != before, name
        before = after


def test_tflint() -> None:
    tflint = shutil.which("tflint", path=PATH)
    if tflint is None:
        pytest.skip("tflint is not installed: docs/infrastructure.md says how to install it")
    done = subprocess.run(
        [tflint, "--recursive", f"--config={ROOT / 'terraform/.tflint.hcl'}"],
        cwd=ROOT / "terraform",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_checkov_finds_what_is_excepted_and_nothing_else(tmp_path: Path) -> None:
    checkov = shutil.which("checkov", path=PATH)
    if checkov is None:
        pytest.skip("checkov is not installed (scripts/test.sh does it)")
    project = copy_project(tmp_path / "project") / "terraform"
    exceptions = (project / ".checkov.yaml").read_text()
    (project / ".checkov.yaml").unlink()  # checkov would read it from the folder
    options = ["--framework=terraform", "--skip-download", "--quiet", "--output=json"]
    done = subprocess.run(
        [checkov, "--directory", project, *options], capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    results = report["results"]
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 50
    found = {check["check_id"]: check["resource"] for check in results["failed_checks"]}
    excepted = re.findall(r"^  - (CKV\w+)", exceptions, re.MULTILINE)
    assert not {name: at for name, at in found.items() if name not in excepted}
    assert not set(excepted) - set(found), "these exceptions are for nothing"
