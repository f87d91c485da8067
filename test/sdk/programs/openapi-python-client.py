import os

from sdk import Client
from sdk.api.audit import list_execution_context_audit_events
from sdk.api.execution_contexts import (
    batch_get_execution_contexts, create_execution_context, delete_execution_context, delete_execution_contexts_of_execution,
    get_execution_context, get_execution_context_by_reference, get_execution_context_env, heartbeat_execution_context, list_execution_contexts,
)
from sdk.models import (
    ApiResourceKind, AuditEventPage, BatchGetExecutionContextsRequest, ExecutionContextBatch,
    DeletedExecutionContexts, ExecutionContextLease, ExecutionContextPage, ExecutionContext, ExecutionContextInput, ExecutionContextSpecInputData, ExecutionValueInput,
    ApiResourceMetadataInput, ExecutionContextSpecInput, Problem, ProblemCode, View,
)

data = ExecutionContextSpecInputData()
data["REGION"] = ExecutionValueInput(value="eu-central-1")
data["TOKEN"] = ExecutionValueInput(value="s3cr3t", is_secret=True)
body = ExecutionContextInput(metadata=ApiResourceMetadataInput(name="My Run"), spec=ExecutionContextSpecInput(execution_id="wfx-1", lease="60s", data=data))

with Client(base_url=os.environ["ECTX_URL"]) as client:
    created = create_execution_context.sync(client=client, body=body)
    assert isinstance(created, ExecutionContext) and created.spec.data
    context_id: str = created.metadata.id
    assert created.metadata.slug == "my-run"
    assert created.spec.data["REGION"].value == "eu-central-1"

    conflict = create_execution_context.sync(client=client, body=body)
    assert isinstance(conflict, Problem)
    assert conflict.code == ProblemCode.ALREADY_EXISTS and conflict.existing_id == context_id

    got = get_execution_context.sync(context_id, client=client, view=View.REDACTED)
    assert isinstance(got, ExecutionContext) and got.spec.data
    assert not got.spec.data["TOKEN"].value

    by_reference = get_execution_context_by_reference.sync(client=client, slug="my-run", kind=ApiResourceKind.EXECUTION_CONTEXT)
    assert isinstance(by_reference, ExecutionContext) and by_reference.metadata.id == context_id

    kept = heartbeat_execution_context.sync(context_id, client=client)
    assert isinstance(kept, ExecutionContextLease) and kept.lease_expire_time <= kept.expire_time

    listed = list_execution_contexts.sync(client=client, execution_id="wfx-1", page_size=1)
    assert isinstance(listed, ExecutionContextPage) and listed.execution_contexts[0].metadata.id == context_id

    batch = batch_get_execution_contexts.sync(client=client, body=BatchGetExecutionContextsRequest(ids=[context_id, "exec-nobody"]))
    assert isinstance(batch, ExecutionContextBatch) and batch.not_found == ["exec-nobody"]

    environment = get_execution_context_env.sync_detailed(context_id, client=client, keys=["REGION"])
    assert b"eu-central-1" in environment.content

    deleted = delete_execution_context.sync(context_id, client=client, version_message="done")
    assert isinstance(deleted, ExecutionContext) and deleted.spec.execution_id == "wfx-1"

    cleared = delete_execution_contexts_of_execution.sync("wfx-1", client=client)
    assert isinstance(cleared, DeletedExecutionContexts) and cleared.deleted == []

    gone = get_execution_context.sync(context_id, client=client)
    assert isinstance(gone, Problem) and gone.code == ProblemCode.NOT_FOUND

    page = list_execution_context_audit_events.sync(context_id, client=client)
    assert isinstance(page, AuditEventPage)
    assert page.events[0].sequence > 0 and page.events[-1].event == "deleted"
