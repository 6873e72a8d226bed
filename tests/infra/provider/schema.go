package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type schemas struct {
	provider        *tfprotov5.Schema
	resources, data map[string]*tfprotov5.Schema
}

// One block, as written by derive_schema.py.
type block struct {
	Attributes map[string][2]json.RawMessage
	Blocks     map[string]*block
	Nesting    string
	Min, Max   int64
}

type line struct {
	Provider       *block
	Resource, Data string
	Schema         *block
}

func readSchemas(path string) (*schemas, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("STAND_IN_SCHEMA: %w", err)
	}
	defer file.Close()
	result := &schemas{resources: map[string]*tfprotov5.Schema{}, data: map[string]*tfprotov5.Schema{}}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var read line
		if err := json.Unmarshal(lines.Bytes(), &read); err != nil {
			return nil, err
		}
		switch {
		case read.Provider != nil:
			result.provider = &tfprotov5.Schema{Block: read.Provider.schema(false)}
		case read.Resource != "":
			result.resources[read.Resource] = &tfprotov5.Schema{Block: read.Schema.schema(true)}
		case read.Data != "":
			result.data[read.Data] = &tfprotov5.Schema{Block: read.Schema.schema(true)}
		}
	}
	return result, lines.Err()
}

// The provider may fill in optional arguments of a resource; which ones is not known, so it may fill in any.
func (b *block) schema(filledIn bool) *tfprotov5.SchemaBlock {
	result := &tfprotov5.SchemaBlock{}
	for name, attribute := range b.Attributes {
		var use string
		_ = json.Unmarshal(attribute[1], &use)
		result.Attributes = append(result.Attributes, &tfprotov5.SchemaAttribute{
			Name:     name,
			Type:     attributeType(attribute[0]),
			Required: use == "required",
			Optional: use == "optional",
			Computed: use == "computed" || (use == "optional" && filledIn),
		})
	}
	for name, nested := range b.Blocks {
		kinds := map[string]tfprotov5.SchemaNestedBlockNestingMode{
			"list":   tfprotov5.SchemaNestedBlockNestingModeList,
			"set":    tfprotov5.SchemaNestedBlockNestingModeSet,
			"single": tfprotov5.SchemaNestedBlockNestingModeSingle,
		}
		result.BlockTypes = append(result.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name,
			Block:    nested.schema(false),
			Nesting:  kinds[nested.Nesting],
			MinItems: nested.Min,
			MaxItems: nested.Max,
		})
	}
	return result
}

func attributeType(raw json.RawMessage) tftypes.Type {
	simple := map[string]tftypes.Type{"string": tftypes.String, "number": tftypes.Number, "bool": tftypes.Bool}
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return simple[name]
	}
	var parts [2]string
	_ = json.Unmarshal(raw, &parts)
	element := simple[parts[1]]
	switch parts[0] {
	case "list":
		return tftypes.List{ElementType: element}
	case "set":
		return tftypes.Set{ElementType: element}
	default:
		return tftypes.Map{ElementType: element}
	}
}
