"""The deployer's policy allows creating, reading, changing, tagging and deleting each resource, for
the names that these have, and nothing else."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from script_run import ROOT
from terraform_run import SCHEMA

TEXT = (ROOT / "terraform/deployer-policy.json").read_text()
STATEMENTS: list[dict[str, Any]] = json.loads(TEXT)["Statement"]

ANY = "*"
BUCKET = "arn:aws:s3:::distributed-classifier-input-dev-123456789012"
LOGS = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/distributed-classifier/backend"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:classification-requests-dev-dlq"
REPOSITORY = "arn:aws:ecr:us-east-1:123456789012:repository/distributed-classifier-backend"
ROLE = "arn:aws:iam::123456789012:role/distributed-classifier-dev-backend-task"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:distributed-classifier-dev/api-key-x"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/classification-jobs-dev"
TOPIC = "arn:aws:sns:us-east-1:123456789012:distributed-classifier-dev-alarms"

# The provider's calls for each type: service, resource, actions. All of them have tags.
TAGS = "TagResource UntagResource ListTagsForResource"
EC2_TAGS = "CreateTags DeleteTags"
RULE = "DescribeSecurityGroupRules ModifySecurityGroupRules " + EC2_TAGS
NEEDS = {
    "aws_appautoscaling_target": (
        "application-autoscaling",
        ANY,
        "RegisterScalableTarget DeregisterScalableTarget DescribeScalableTargets " + TAGS,
    ),
    "aws_appautoscaling_policy": (
        "application-autoscaling",
        ANY,
        "PutScalingPolicy DeleteScalingPolicy DescribeScalingPolicies",
    ),
    "aws_cloudwatch_log_group": (
        "logs",
        LOGS,
        "CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy " + TAGS,
    ),
    "aws_cloudwatch_metric_alarm": (
        "cloudwatch",
        ANY,
        "PutMetricAlarm DeleteAlarms DescribeAlarms " + TAGS,
    ),
    "aws_default_security_group": (
        "ec2",
        ANY,
        "DescribeSecurityGroups RevokeSecurityGroupIngress RevokeSecurityGroupEgress " + EC2_TAGS,
    ),
    "aws_dynamodb_table": (
        "dynamodb",
        TABLE,
        "CreateTable DeleteTable UpdateTable DescribeTable DescribeTimeToLive UpdateTimeToLive "
        "DescribeContinuousBackups UpdateContinuousBackups TagResource UntagResource "
        "ListTagsOfResource",
    ),
    "aws_ecr_lifecycle_policy": (
        "ecr",
        REPOSITORY,
        "PutLifecyclePolicy GetLifecyclePolicy DeleteLifecyclePolicy",
    ),
    "aws_ecr_repository": (
        "ecr",
        REPOSITORY,
        "CreateRepository DeleteRepository DescribeRepositories PutImageTagMutability "
        "PutImageScanningConfiguration " + TAGS,
    ),
    "aws_ecs_cluster": (
        "ecs",
        ANY,
        "CreateCluster DeleteCluster DescribeClusters UpdateCluster UpdateClusterSettings " + TAGS,
    ),
    "aws_ecs_cluster_capacity_providers": (
        "ecs",
        ANY,
        "PutClusterCapacityProviders DescribeClusters",
    ),
    "aws_ecs_service": (
        "ecs",
        ANY,
        "CreateService DeleteService DescribeServices UpdateService " + TAGS,
    ),
    "aws_ecs_task_definition": (
        "ecs",
        ANY,
        "RegisterTaskDefinition DeregisterTaskDefinition DescribeTaskDefinition " + TAGS,
    ),
    "aws_eip": (
        "ec2",
        ANY,
        "AllocateAddress ReleaseAddress DescribeAddresses DescribeAddressesAttribute "
        "DisassociateAddress " + EC2_TAGS,
    ),
    "aws_iam_role": (
        "iam",
        ROLE,
        "CreateRole DeleteRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy "
        "ListRolePolicies ListAttachedRolePolicies ListInstanceProfilesForRole TagRole UntagRole",
    ),
    "aws_iam_role_policy": ("iam", ROLE, "PutRolePolicy GetRolePolicy DeleteRolePolicy"),
    "aws_internet_gateway": (
        "ec2",
        ANY,
        "CreateInternetGateway DeleteInternetGateway AttachInternetGateway DetachInternetGateway "
        "DescribeInternetGateways " + EC2_TAGS,
    ),
    "aws_lb": (
        "elasticloadbalancing",
        ANY,
        "CreateLoadBalancer DeleteLoadBalancer DescribeLoadBalancers ModifyLoadBalancerAttributes "
        "DescribeLoadBalancerAttributes SetSecurityGroups SetSubnets SetIpAddressType AddTags "
        "RemoveTags DescribeTags",
    ),
    "aws_lb_listener": (
        "elasticloadbalancing",
        ANY,
        "CreateListener DeleteListener DescribeListeners ModifyListener "
        "DescribeListenerAttributes ModifyListenerAttributes",
    ),
    "aws_lb_target_group": (
        "elasticloadbalancing",
        ANY,
        "CreateTargetGroup DeleteTargetGroup DescribeTargetGroups ModifyTargetGroup "
        "DescribeTargetGroupAttributes ModifyTargetGroupAttributes",
    ),
    "aws_nat_gateway": (
        "ec2",
        ANY,
        "CreateNatGateway DeleteNatGateway DescribeNatGateways " + EC2_TAGS,
    ),
    "aws_route": ("ec2", ANY, "CreateRoute DeleteRoute ReplaceRoute DescribeRouteTables"),
    "aws_route_table": (
        "ec2",
        ANY,
        "CreateRouteTable DeleteRouteTable DescribeRouteTables " + EC2_TAGS,
    ),
    "aws_route_table_association": (
        "ec2",
        ANY,
        "AssociateRouteTable DisassociateRouteTable ReplaceRouteTableAssociation "
        "DescribeRouteTables",
    ),
    "aws_s3_bucket": (
        "s3",
        BUCKET,
        # Reading a bucket reads all of its configuration; emptying it also deletes versions.
        "CreateBucket DeleteBucket ListBucket ListBucketVersions GetBucketAcl GetBucketCORS "
        "GetBucketLogging GetBucketObjectLockConfiguration GetBucketPolicy "
        "GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite "
        "GetAccelerateConfiguration GetEncryptionConfiguration GetLifecycleConfiguration "
        "GetReplicationConfiguration PutBucketTagging DeleteObject DeleteObjectVersion",
    ),
    "aws_s3_bucket_cors_configuration": ("s3", BUCKET, "PutBucketCORS GetBucketCORS"),
    "aws_s3_bucket_lifecycle_configuration": (
        "s3",
        BUCKET,
        "PutLifecycleConfiguration GetLifecycleConfiguration",
    ),
    "aws_s3_bucket_ownership_controls": (
        "s3",
        BUCKET,
        "PutBucketOwnershipControls GetBucketOwnershipControls",
    ),
    "aws_s3_bucket_policy": ("s3", BUCKET, "PutBucketPolicy GetBucketPolicy DeleteBucketPolicy"),
    "aws_s3_bucket_public_access_block": (
        "s3",
        BUCKET,
        "PutBucketPublicAccessBlock GetBucketPublicAccessBlock",
    ),
    "aws_s3_bucket_server_side_encryption_configuration": (
        "s3",
        BUCKET,
        "PutEncryptionConfiguration GetEncryptionConfiguration",
    ),
    "aws_secretsmanager_secret": (
        "secretsmanager",
        SECRET,
        "CreateSecret DeleteSecret DescribeSecret UpdateSecret GetResourcePolicy TagResource "
        "UntagResource",
    ),
    "aws_secretsmanager_secret_version": (
        "secretsmanager",
        SECRET,
        "PutSecretValue GetSecretValue UpdateSecretVersionStage DescribeSecret",
    ),
    "aws_security_group": (
        "ec2",
        ANY,
        "CreateSecurityGroup DeleteSecurityGroup DescribeSecurityGroups RevokeSecurityGroupEgress "
        "DescribeNetworkInterfaces " + EC2_TAGS,
    ),
    "aws_sns_topic": (
        "sns",
        TOPIC,
        "CreateTopic DeleteTopic GetTopicAttributes SetTopicAttributes " + TAGS,
    ),
    "aws_sns_topic_subscription": (
        "sns",
        TOPIC,
        "Subscribe Unsubscribe GetSubscriptionAttributes",
    ),
    "aws_sqs_queue": (
        "sqs",
        QUEUE,
        "CreateQueue DeleteQueue GetQueueAttributes SetQueueAttributes GetQueueUrl ListQueueTags "
        "TagQueue UntagQueue",
    ),
    "aws_sqs_queue_policy": ("sqs", QUEUE, "SetQueueAttributes GetQueueAttributes"),
    "aws_sqs_queue_redrive_allow_policy": ("sqs", QUEUE, "SetQueueAttributes GetQueueAttributes"),
    "aws_subnet": (
        "ec2",
        ANY,
        "CreateSubnet DeleteSubnet DescribeSubnets ModifySubnetAttribute "
        "DescribeNetworkInterfaces " + EC2_TAGS,
    ),
    "aws_vpc": (
        "ec2",
        ANY,
        "CreateVpc DeleteVpc DescribeVpcs DescribeVpcAttribute ModifyVpcAttribute "
        "DescribeNetworkAcls DescribeRouteTables DescribeSecurityGroups " + EC2_TAGS,
    ),
    "aws_vpc_endpoint": (
        "ec2",
        ANY,
        "CreateVpcEndpoint DeleteVpcEndpoints DescribeVpcEndpoints ModifyVpcEndpoint "
        "DescribePrefixLists " + EC2_TAGS,
    ),
    "aws_vpc_security_group_egress_rule": (
        "ec2",
        ANY,
        "AuthorizeSecurityGroupEgress RevokeSecurityGroupEgress " + RULE,
    ),
    "aws_vpc_security_group_ingress_rule": (
        "ec2",
        ANY,
        "AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress " + RULE,
    ),
    # Data sources, and what AWS requires in addition to the call itself.
    "data aws_availability_zones": ("ec2", ANY, "DescribeAvailabilityZones"),
    "data aws_caller_identity": ("sts", ANY, "GetCallerIdentity"),
    "data aws_iam_role": ("iam", ROLE, "GetRole"),
    "data aws_secretsmanager_random_password": ("secretsmanager", ANY, "GetRandomPassword"),
    "list of log groups": ("logs", ANY, "DescribeLogGroups"),
    "private names of endpoints": ("route53", ANY, "AssociateVPCWithHostedZone"),
    "roles of tasks": ("iam", ROLE, "PassRole"),
    "roles of services": (
        "iam",
        "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        "CreateServiceLinkedRole",
    ),
    # Scripts and the guide.
    "login of docker": ("ecr", ANY, "GetAuthorizationToken"),
    "push": (
        "ecr",
        REPOSITORY,
        "DescribeImages BatchCheckLayerAvailability InitiateLayerUpload UploadLayerPart "
        "CompleteLayerUpload PutImage BatchGetImage GetDownloadUrlForLayer",
    ),
    "clean-dynamodb.sh": ("dynamodb", TABLE, "Scan BatchWriteItem DescribeTable"),
    "logs tail": ("logs", LOGS, "FilterLogEvents"),
    "metrics of load tests": (
        "cloudwatch",
        ANY,
        "GetMetricData GetMetricStatistics ListMetrics",
    ),
    "tasks of load tests": ("ecs", ANY, "ListTasks DescribeTasks"),
}


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allowed(action: str, resource: str) -> bool:
    return any(
        any(fnmatchcase(action, pattern) for pattern in listed(statement["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"]))
        for statement in STATEMENTS
    )


def actions(need: tuple[str, str, str]) -> list[str]:
    return [f"{need[0]}:{name}" for name in need[2].split()]


def test_every_resource_is_thought_of() -> None:
    types = re.findall(r'"(resource|data)": "(aws_\w+)"', SCHEMA.read_text())
    for kind, name in types:
        assert (name if kind == "resource" else f"data {name}") in NEEDS, name


@pytest.mark.parametrize("what", sorted(NEEDS))
def test_what_is_needed_is_allowed(what: str) -> None:
    for action in actions(NEEDS[what]):
        assert allowed(action, NEEDS[what][1]), f"{what} needs {action}"


def test_nothing_else_is_allowed() -> None:
    needed = {action for need in NEEDS.values() for action in actions(need)}
    for statement in STATEMENTS:
        for pattern in listed(statement["Action"]):
            assert any(fnmatchcase(action, pattern) for action in needed), pattern
            service, name = pattern.split(":")
            # Whole services only for our own names; anything wider may only read.
            if name == "*":
                assert ANY not in listed(statement["Resource"]), pattern
            elif statement["Resource"] == ANY and name.endswith("*"):
                known = {"Describe", "List", "Get", "Modify"}
                known |= {"AuthorizeSecurityGroup", "RevokeSecurityGroup"}
                known |= {"CreateRoute", "DeleteRoute", "ReplaceRoute"}
                assert name[:-1] in known, pattern
            assert service != "*"
    for action in ("ec2:RunInstances", "iam:AttachRolePolicy", "s3:GetObject", "sqs:SendMessage"):
        assert not allowed(action, "arn:aws:s3:::somebody-else"), action
    assert not allowed("ecs:ExecuteCommand", ANY)


def test_roles_go_to_tasks_only() -> None:
    [statement] = [s for s in STATEMENTS if "iam:PassRole" in listed(s["Action"])]
    passed_to = statement["Condition"]["StringEquals"]["iam:PassedToService"]
    assert passed_to == "ecs-tasks.amazonaws.com"


def test_it_fits_into_a_managed_policy() -> None:
    assert len(re.sub(r"\s", "", TEXT)) <= 6144
