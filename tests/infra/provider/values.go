package main

import (
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const account = "123456789012"

// The proposed state with what AWS would fill in marked as unknown; an existing resource keeps its values.
func withUnknowns(schema *tfprotov5.Schema, proposed, prior *tfprotov5.DynamicValue) (*tfprotov5.DynamicValue, error) {
	return edited(schema, proposed, func(fields map[string]tftypes.Value) error {
		if prior != nil {
			before, err := prior.Unmarshal(schema.ValueType())
			if err != nil || !before.IsNull() {
				return err
			}
		}
		for _, attribute := range schema.Block.Attributes {
			if attribute.Computed && fields[attribute.Name].IsNull() {
				fields[attribute.Name] = tftypes.NewValue(attribute.Type, tftypes.UnknownValue)
			}
		}
		return nil
	})
}

// The planned state with made-up values instead of unknown ones.
func (p *provider) invented(kind string, schema *tfprotov5.Schema, planned *tfprotov5.DynamicValue) (*tfprotov5.DynamicValue, error) {
	return edited(schema, planned, func(fields map[string]tftypes.Value) error {
		name := nameOf(kind, fields)
		for _, attribute := range schema.Block.Attributes {
			if !fields[attribute.Name].IsKnown() {
				fields[attribute.Name] = p.madeUp(kind, name, attribute)
			}
		}
		return nil
	})
}

func edited(schema *tfprotov5.Schema, raw *tfprotov5.DynamicValue, edit func(map[string]tftypes.Value) error) (*tfprotov5.DynamicValue, error) {
	kind := schema.ValueType()
	value, err := raw.Unmarshal(kind)
	if err != nil || value.IsNull() {
		return raw, err
	}
	fields := map[string]tftypes.Value{}
	if err := value.As(&fields); err != nil {
		return nil, err
	}
	if err := edit(fields); err != nil {
		return nil, err
	}
	result, err := tfprotov5.NewDynamicValue(kind, tftypes.NewValue(kind, fields))
	return &result, err
}

func nameOf(kind string, fields map[string]tftypes.Value) string {
	for _, field := range []string{"name", "bucket", "family", "alarm_name", "name_prefix"} {
		var name string
		if value, there := fields[field]; there && value.IsKnown() && !value.IsNull() && value.As(&name) == nil {
			return name
		}
	}
	return kind
}

func (p *provider) madeUp(kind, name string, attribute *tfprotov5.SchemaAttribute) tftypes.Value {
	switch {
	case attribute.Type.Is(tftypes.String):
		return tftypes.NewValue(tftypes.String, p.text(kind, name, attribute.Name))
	case attribute.Type.Is(tftypes.Number):
		return tftypes.NewValue(tftypes.Number, 0)
	case attribute.Type.Is(tftypes.Bool):
		return tftypes.NewValue(tftypes.Bool, false)
	case attribute.Type.Is(tftypes.Map{ElementType: tftypes.String}):
		return tftypes.NewValue(attribute.Type, map[string]tftypes.Value{})
	case kind == "data_aws_availability_zones" && attribute.Name == "names":
		zone := func(letter string) tftypes.Value { return tftypes.NewValue(tftypes.String, "zone-1"+letter) }
		return tftypes.NewValue(attribute.Type, []tftypes.Value{zone("a"), zone("b"), zone("c")})
	default:
		return tftypes.NewValue(attribute.Type, []tftypes.Value{})
	}
}

func (p *provider) text(kind, name, attribute string) string {
	url := map[string]string{
		"aws_sqs_queue":      "https://sqs.invalid/" + account + "/" + name,
		"aws_ecr_repository": account + ".registry.invalid/" + name,
	}[kind]
	switch {
	case attribute == "account_id":
		return account
	case attribute == "dns_name":
		if host := os.Getenv("STAND_IN_DNS_NAME"); host != "" {
			return host
		}
		return name + ".invalid"
	case url != "" && (attribute == "id" || strings.HasSuffix(attribute, "url")):
		return url
	case attribute == "id" && strings.HasPrefix(kind, "aws_s3_bucket"):
		return name
	case kind == "aws_ecs_task_definition" && attribute == "arn": // as on an emulator
		return "arn:aws:ecs:" + p.region + ":" + account + ":task-definition/" + name + ":1"
	case strings.HasSuffix(attribute, "arn"):
		return "arn:aws:" + strings.TrimPrefix(kind, "aws_") + ":" + p.region + ":" + account + ":" + name
	default:
		return name + "-" + attribute
	}
}
