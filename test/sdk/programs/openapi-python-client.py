import os

from sdk import Client
from sdk.api.audit import list_execution_context_audit_events
from sdk.api.execution_contexts import (
    create_execution_context, delete_execution_context, get_execution_context, get_execution_context_by_reference,
)
from sdk.models import (
    ApiResourceKind, AuditEventPage, ExecutionContext, ExecutionContextInput, ExecutionContextSpecInputData, ExecutionValueInput,
    ApiResourceMetadataInput, ExecutionContextSpecInput, Problem, ProblemCode, View,
)

data = ExecutionContextSpecInputData()
data["REGION"] = ExecutionValueInput(value="eu-central-1")
data["TOKEN"] = ExecutionValueInput(value="s3cr3t", is_secret=True)
body = ExecutionContextInput(metadata=ApiResourceMetadataInput(name="My Run"), spec=ExecutionContextSpecInput(execution_id="wfx-1", data=data))

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

    deleted = delete_execution_context.sync(context_id, client=client, version_message="done")
    assert isinstance(deleted, ExecutionContext) and deleted.spec.execution_id == "wfx-1"

    gone = get_execution_context.sync(context_id, client=client)
    assert isinstance(gone, Problem) and gone.code == ProblemCode.NOT_FOUND

    page = list_execution_context_audit_events.sync(context_id, client=client)
    assert isinstance(page, AuditEventPage)
    assert page.events[0].sequence > 0 and page.events[-1].event == "deleted"
