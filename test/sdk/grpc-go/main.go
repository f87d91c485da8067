// Uses the clients that protoc-gen-go and protoc-gen-go-grpc make of the protos.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	executioncontextv1 "ectx/gen/ai/stigmer/agentic/executioncontext/v1"
	"ectx/gen/ai/stigmer/commons/apiresource"
	"ectx/gen/ai/stigmer/commons/apiresource/apiresourcekind"
	auditv1 "ectx/gen/ectx/audit/v1"
	ectxv1 "ectx/gen/ectx/v1"
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

func fails(what string, err error, code codes.Code, reason string) {
	equal(what, status.Code(err), code)
	equal(what, detail[*errdetails.ErrorInfo](what, err).Reason, reason)
}

func find[T proto.Message](err error) (found T, isThere bool) {
	for _, detail := range status.Convert(err).Details() {
		if found, isThere = detail.(T); isThere {
			break
		}
	}
	return
}

func detail[T proto.Message](what string, err error) T {
	found, isThere := find[T](err)
	if !isThere {
		panic(fmt.Sprintf("%s: no %T in the details of %v", what, found, err))
	}
	return found
}

// Calls again while the gateway, which has a busy machine, says to try later.
func patient(ctx context.Context, method string, in, out any, at *grpc.ClientConn, call grpc.UnaryInvoker, more ...grpc.CallOption) error {
	for {
		err := call(ctx, method, in, out, at, more...)
		retry, isAsked := find[*errdetails.RetryInfo](err)
		if !isAsked {
			return err
		}
		select {
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		case <-time.After(retry.RetryDelay.AsDuration()):
		}
	}
}

func input(name string, executionId string) *executioncontextv1.ExecutionContext {
	return &executioncontextv1.ExecutionContext{
		Metadata: &apiresource.ApiResourceMetadata{Name: name, Labels: map[string]string{"team": "data"}},
		Spec: &executioncontextv1.ExecutionContextSpec{
			ExecutionId: executionId,
			Lease:       durationpb.New(time.Minute),
			Data: map[string]*executioncontextv1.ExecutionValue{
				"REGION": {Value: "eu-central-1"},
				"TOKEN":  {Value: "s3cr3t", IsSecret: true},
			},
		},
	}
}

type clients struct {
	connection *grpc.ClientConn
	commands   executioncontextv1.ExecutionContextCommandControllerClient
	queries    executioncontextv1.ExecutionContextQueryControllerClient
	more       ectxv1.ExecutionContextCommandsClient
	moreAbout  ectxv1.ExecutionContextQueriesClient
	audit      auditv1.AuditQueriesClient
	health     grpc_health_v1.HealthClient
}

func main() {
	plain := grpc.WithTransportCredentials(insecure.NewCredentials())
	connection := must(grpc.NewClient(os.Getenv("ECTX_GRPC"), plain, grpc.WithUnaryInterceptor(patient)))
	defer connection.Close()
	c := clients{
		connection,
		executioncontextv1.NewExecutionContextCommandControllerClient(connection),
		executioncontextv1.NewExecutionContextQueryControllerClient(connection),
		ectxv1.NewExecutionContextCommandsClient(connection),
		ectxv1.NewExecutionContextQueriesClient(connection),
		auditv1.NewAuditQueriesClient(connection),
		grpc_health_v1.NewHealthClient(connection),
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()

	c.isHealthy(ctx)
	c.lives(ctx)
	c.tellsWhatIsWrong(ctx)
	c.hasRequestIds(ctx)
	c.takesCompressed(ctx)
	c.servesMany(ctx)
	c.endsLate(ctx)
	c.endsCancelled(ctx)
}

func (c clients) isHealthy(ctx context.Context) {
	for _, service := range []string{"", executioncontextv1.ExecutionContextCommandController_ServiceDesc.ServiceName} {
		health := must(c.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service}))
		equal("health", health.Status, grpc_health_v1.HealthCheckResponse_SERVING)
	}
}

// Each operation, from the making of a context to its end.
func (c clients) lives(ctx context.Context) {
	keyed := metadata.AppendToOutgoingContext(ctx, "idempotency-key", "wfx-1-1")
	created := must(c.commands.Create(metadata.AppendToOutgoingContext(keyed, "ectx-run-token", "true"), input("My Run", "wfx-1")))
	id := created.Metadata.Id
	equal("slug", created.Metadata.Slug, "my-run")
	equal("value", created.Spec.Data["TOKEN"].Value, "s3cr3t")
	runToken := created.Status.RunToken
	equal("run token", strings.HasPrefix(runToken, "ectx_run_"+id+"_"), true)

	equal("replay", must(c.commands.Create(keyed, input("My Run", "wfx-1"))).Metadata.Id, id)
	_, err := c.commands.Create(keyed, input("Another", "wfx-1"))
	fails("another with that key", err, codes.FailedPrecondition, "IDEMPOTENCY_KEY_REUSED")

	wanted := &executioncontextv1.ExecutionContextId{Value: id}
	got := must(c.queries.Get(ctx, wanted))
	equal("get", got.Spec.Data["TOKEN"].Value, "s3cr3t")
	equal("get", got.Status.RunToken, "")

	redacted := must(c.queries.Get(metadata.AppendToOutgoingContext(ctx, "ectx-view", "redacted"), wanted)).Spec.Data
	equal("redacted", redacted["TOKEN"].Value, "")
	equal("redacted", redacted["TOKEN"].IsSecret, true)
	equal("redacted", redacted["REGION"].Value, "eu-central-1")

	reference := &apiresource.ApiResourceReference{Kind: apiresourcekind.ApiResourceKind_execution_context, Slug: "my-run"}
	equal("by reference", must(c.queries.GetByReference(ctx, reference)).Metadata.Id, id)

	run := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+runToken)
	lease := must(c.more.Heartbeat(run, wanted))
	equal("heartbeat", lease.LeaseExpireTime.AsTime().Before(lease.ExpireTime.AsTime()), true)

	listed := must(c.moreAbout.List(ctx, &ectxv1.ListExecutionContextsRequest{
		ExecutionId: "wfx-1", Labels: []*ectxv1.LabelSelector{{Name: "team", Value: "data"}}, PageSize: 1,
	}))
	equal("list", listed.ExecutionContexts[0].Metadata.Id, id)
	equal("list", listed.ExecutionContexts[0].Spec.Data["TOKEN"].Value, "")

	batch := must(c.moreAbout.GetBatch(ctx, &ectxv1.BatchGetExecutionContextsRequest{Ids: []string{id, "exec-nobody"}}))
	equal("batch", batch.ExecutionContexts[0].Metadata.Id, id)
	equal("batch", batch.NotFound[0], "exec-nobody")

	env := must(c.moreAbout.GetEnv(run, &ectxv1.GetEnvRequest{Id: id, Format: ectxv1.EnvFormat_docker, Prefix: "REG"}))
	equal("environment", env.Content, "REGION=eu-central-1\n")

	other := must(c.commands.Apply(ctx, input("Other", "wfx-1"))).Metadata.Id
	_, err = c.queries.Get(run, &executioncontextv1.ExecutionContextId{Value: other})
	fails("another, with a run token", err, codes.PermissionDenied, "PERMISSION_DENIED")

	deleted := must(c.commands.Delete(ctx, &apiresource.ApiResourceDeleteInput{ResourceId: id, VersionMessage: "done"}))
	equal("delete", deleted.Spec.ExecutionId, "wfx-1")
	_, err = c.queries.Get(ctx, wanted)
	fails("gone", err, codes.NotFound, "NOT_FOUND")
	_, err = c.queries.Get(run, wanted)
	fails("gone, with its run token", err, codes.Unauthenticated, "UNAUTHENTICATED")

	cleared := must(c.more.DeleteByExecution(ctx, &ectxv1.DeleteExecutionContextsRequest{ExecutionId: "wfx-1"})).Deleted
	equal("clear", len(cleared), 1)
	equal("clear", cleared[0], other)

	events := must(c.audit.List(ctx, &auditv1.ListAuditEventsRequest{ContextId: id})).Events
	equal("audit", events[0].Sequence > 0, true)
	equal("audit", events[0].Event, "created")
	equal("audit", events[len(events)-1].Event, "deleted")
}

func (c clients) tellsWhatIsWrong(ctx context.Context) {
	id := must(c.commands.Create(ctx, input("Taken", "wfx-2"))).Metadata.Id
	_, err := c.commands.Apply(ctx, input("Taken", "wfx-2"))
	fails("taken", err, codes.AlreadyExists, "ALREADY_EXISTS")
	info := detail[*errdetails.ErrorInfo]("taken", err)
	equal("taken", info.Domain, "ectx")
	equal("taken", info.Metadata["existing_id"], id)
	resource := detail[*errdetails.ResourceInfo]("taken", err)
	equal("taken", resource.ResourceType, "ExecutionContext")
	equal("taken", resource.ResourceName, id)

	wrong := input("", "")
	wrong.Metadata.OwnerScope = apiresource.ApiResourceOwnerScope_platform
	wrong.Spec.Data = map[string]*executioncontextv1.ExecutionValue{"A B": {Value: "s3cr3t"}, "EMPTY": {}}
	_, err = c.commands.Create(ctx, wrong)
	fails("wrong", err, codes.InvalidArgument, "INVALID_ARGUMENT")
	var fields []string
	for _, violation := range detail[*errdetails.BadRequest]("wrong", err).FieldViolations {
		fields = append(fields, violation.Field)
	}
	slices.Sort(fields)
	equal("wrong", strings.Join(fields, " "), `metadata metadata.owner_scope spec.data.EMPTY.value spec.data["A B"] spec.execution_id`)
}

func (c clients) hasRequestIds(ctx context.Context) {
	var header, trailer metadata.MD
	sent := metadata.AppendToOutgoingContext(ctx, "x-request-id", "go-1")
	must(c.commands.Create(sent, input("With id", "wfx-3"), grpc.Header(&header), grpc.Trailer(&trailer)))
	equal("request id", strings.Join(header["x-request-id"], " "), "go-1")
	equal("request id", strings.Join(trailer["x-request-id"], " "), "go-1")

	_, err := c.commands.Create(sent, input("With id", "wfx-3"), grpc.Trailer(&trailer))
	equal("request id of a failure", strings.Join(trailer["x-request-id"], " "), "go-1")
	equal("request id of a failure", detail[*errdetails.RequestInfo]("request id", err).RequestId, "go-1")
}

func (c clients) takesCompressed(ctx context.Context) {
	large := input("Large", "wfx-4")
	value := strings.Repeat("x", 64*1024)
	for index := range 16 {
		large.Spec.Data[fmt.Sprintf("LARGE_%d", index)] = &executioncontextv1.ExecutionValue{Value: value}
	}
	delete(large.Spec.Data, "REGION")
	delete(large.Spec.Data, "TOKEN")
	created := must(c.commands.Create(ctx, large, grpc.UseCompressor(gzip.Name)))
	equal("compressed", created.Spec.Data["LARGE_15"].Value, value)
}

func (c clients) servesMany(ctx context.Context) {
	const many = 200
	var calls sync.WaitGroup
	for index := range many {
		calls.Go(func() {
			name := fmt.Sprintf("Many %d", index)
			id := must(c.commands.Create(ctx, input(name, "wfx-5"))).Metadata.Id
			equal("many", must(c.queries.Get(ctx, &executioncontextv1.ExecutionContextId{Value: id})).Metadata.Name, name)
		})
	}
	calls.Wait()
	equal("many", len(must(c.more.DeleteByExecution(ctx, &ectxv1.DeleteExecutionContextsRequest{ExecutionId: "wfx-5"})).Deleted), many)
}

// The deadline of a call, whoever sees first that it has passed.
func (c clients) endsLate(ctx context.Context) {
	var ended int
	for patience := time.Nanosecond; patience < time.Second; patience *= 2 {
		late, cancel := context.WithTimeout(ctx, patience)
		_, err := c.moreAbout.List(late, &ectxv1.ListExecutionContextsRequest{})
		cancel()
		if err == nil {
			continue
		}
		equal("late", status.Code(err), codes.DeadlineExceeded)
		ended++
	}
	equal("late", ended > 0, true)
}

func (c clients) endsCancelled(ctx context.Context) {
	watched, cancel := context.WithCancel(ctx)
	watch := must(c.health.Watch(watched, &grpc_health_v1.HealthCheckRequest{}))
	equal("watch", must(watch.Recv()).Status, grpc_health_v1.HealthCheckResponse_SERVING)
	cancel()
	_, err := watch.Recv()
	equal("cancelled", status.Code(err), codes.Canceled)

	for index := range 2000 {
		given, giveUp := context.WithCancel(ctx)
		method := executioncontextv1.ExecutionContextCommandController_Create_FullMethodName
		call := must(c.connection.NewStream(given, &grpc.StreamDesc{}, method))
		// It tells of a failure when the answer is asked for, which nobody does.
		_ = call.SendMsg(input(fmt.Sprintf("Given up %d", index), "wfx-6"))
		_ = call.CloseSend()
		giveUp()
	}
	// The connection may end for it meanwhile, and a call that was not done be sent by another.
	created := must(c.commands.Create(ctx, input("Not given up", "wfx-7")))
	equal("after those that were given up", created.Metadata.Slug, "not-given-up")
}
