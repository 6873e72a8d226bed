// A stand-in for Terraform's AWS provider: it has the schema of aws-provider-schema.jsonl and does not use AWS, so that
// `terraform validate`, `plan`, `apply` and `destroy` run where the real provider is not available.
// Values that AWS would assign to a resource (ARNs, ids, addresses) are made up from its type and name.
package main

import (
	"context"
	"os"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func main() {
	schemas, err := readSchemas(os.Getenv("STAND_IN_SCHEMA"))
	if err != nil {
		panic(err)
	}
	server := func() tfprotov5.ProviderServer { return &provider{schemas: schemas} }
	if err := tf5server.Serve("stand-in/aws", server); err != nil {
		panic(err)
	}
}

// The embedded interface has the calls that Terraform does not make here, such as import.
type provider struct {
	tfprotov5.ProviderServer
	schemas *schemas
	region  string
}

func (p *provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return &tfprotov5.GetProviderSchemaResponse{
		Provider:          p.schemas.provider,
		ResourceSchemas:   p.schemas.resources,
		DataSourceSchemas: p.schemas.data,
	}, nil
}

func (p *provider) PrepareProviderConfig(_ context.Context, request *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: request.Config}, nil
}

func (p *provider) ConfigureProvider(_ context.Context, request *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	config, err := request.Config.Unmarshal(p.schemas.provider.ValueType())
	if err != nil {
		return nil, err
	}
	fields := map[string]tftypes.Value{}
	if err := config.As(&fields); err != nil {
		return nil, err
	}
	return &tfprotov5.ConfigureProviderResponse{}, fields["region"].As(&p.region)
}

func (p *provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func (p *provider) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (p *provider) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (p *provider) UpgradeResourceState(_ context.Context, request *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	kind := p.schemas.resources[request.TypeName].ValueType()
	value, err := request.RawState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov5.NewDynamicValue(kind, value)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &state}, err
}

func (p *provider) ReadResource(_ context.Context, request *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	return &tfprotov5.ReadResourceResponse{NewState: request.CurrentState, Private: request.Private}, nil
}

func (p *provider) PlanResourceChange(_ context.Context, request *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	planned, err := withUnknowns(p.schemas.resources[request.TypeName], request.ProposedNewState, request.PriorState)
	return &tfprotov5.PlanResourceChangeResponse{PlannedState: planned, PlannedPrivate: request.PriorPrivate}, err
}

func (p *provider) ApplyResourceChange(_ context.Context, request *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	state, err := p.invented(request.TypeName, p.schemas.resources[request.TypeName], request.PlannedState)
	return &tfprotov5.ApplyResourceChangeResponse{NewState: state, Private: request.PlannedPrivate}, err
}

func (p *provider) ReadDataSource(_ context.Context, request *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	schema := p.schemas.data[request.TypeName]
	unknown, err := withUnknowns(schema, request.Config, nil)
	if err != nil {
		return nil, err
	}
	state, err := p.invented("data_"+request.TypeName, schema, unknown)
	return &tfprotov5.ReadDataSourceResponse{State: state}, err
}
