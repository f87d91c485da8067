// Uses the client that oapi-codegen makes of openapi.json.
package main

import (
	"context"
	"fmt"
	"os"

	"ectx/sdk"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func equal[T comparable](what string, got, want T) {
	if got != want {
		panic(fmt.Sprintf("%s: %v, not %v", what, got, want))
	}
}

func main() {
	ctx := context.Background()
	client := must(sdk.NewClientWithResponses(os.Getenv("ECTX_URL")))
	name, secret, lease := "My Run", true, "60s"
	body := sdk.ExecutionContextInput{
		Metadata: sdk.ApiResourceMetadataInput{Name: &name},
		Spec: sdk.ExecutionContextSpecInput{ExecutionId: "wfx-1", Lease: &lease, Data: &map[string]sdk.ExecutionValueInput{
			"REGION": {Value: "eu-central-1"},
			"TOKEN":  {Value: "s3cr3t", IsSecret: &secret},
		}},
	}

	created := must(client.CreateExecutionContextWithResponse(ctx, nil, body))
	equal("create", created.StatusCode(), 201)
	metadata := created.JSON201.Metadata
	equal("slug", metadata.Slug, "my-run")
	var id string = metadata.Id
	equal("value", *(*created.JSON201.Spec.Data)["REGION"].Value, "eu-central-1")

	conflict := must(client.CreateExecutionContextWithResponse(ctx, nil, body)).ApplicationproblemJSON409
	equal("conflict", conflict.Code, sdk.ProblemCodeAlreadyExists)
	equal("conflict", *conflict.ExistingId, id)

	view := sdk.Redacted
	got := must(client.GetExecutionContextWithResponse(ctx, id, &sdk.GetExecutionContextParams{View: &view}))
	equal("get", (*got.JSON200.Spec.Data)["TOKEN"].Value, nil)

	kind := sdk.ApiResourceKindExecutionContext
	byReference := must(client.GetExecutionContextByReferenceWithResponse(ctx, &sdk.GetExecutionContextByReferenceParams{Slug: metadata.Slug, Kind: &kind}))
	equal("by reference", byReference.JSON200.Metadata.Id, id)

	kept := must(client.HeartbeatExecutionContextWithResponse(ctx, id, nil))
	equal("heartbeat", kept.JSON200.LeaseExpireTime.Before(kept.JSON200.ExpireTime), true)

	executionId, size := "wfx-1", int32(1)
	listed := must(client.ListExecutionContextsWithResponse(ctx, &sdk.ListExecutionContextsParams{ExecutionId: &executionId, PageSize: &size}))
	equal("list", listed.JSON200.ExecutionContexts[0].Metadata.Id, id)

	wanted := sdk.BatchGetExecutionContextsRequest{Ids: []string{id, "exec-nobody"}}
	batch := must(client.BatchGetExecutionContextsWithResponse(ctx, nil, wanted))
	equal("batch", batch.JSON200.NotFound[0], "exec-nobody")

	keys := []string{"REGION"}
	environment := must(client.GetExecutionContextEnvWithResponse(ctx, id, &sdk.GetExecutionContextEnvParams{Keys: &keys}))
	equal("environment", (*environment.JSON200)["REGION"], "eu-central-1")

	deleted := must(client.DeleteExecutionContextWithResponse(ctx, id, nil))
	equal("delete", deleted.JSON200.Spec.ExecutionId, "wfx-1")

	cleared := must(client.DeleteExecutionContextsOfExecutionWithResponse(ctx, "wfx-1", nil))
	equal("clear", len(cleared.JSON200.Deleted), 0)

	gone := must(client.GetExecutionContextWithResponse(ctx, id, nil))
	equal("gone", gone.ApplicationproblemJSON404.Code, sdk.ProblemCodeNotFound)

	events := must(client.ListExecutionContextAuditEventsWithResponse(ctx, id, nil)).JSON200.Events
	var sequence int64 = events[0].Sequence
	equal("audit", sequence > 0, true)
	equal("audit", events[len(events)-1].Event, sdk.AuditEventEventDeleted)
}
