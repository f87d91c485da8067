import t from 'tap'
import { openAuditFiles } from '../../../src/engines/embedded/audit/audit-files.js'
import { embeddedSupports as supports } from '../../../src/engines/embedded/embedded.js'
import { testAudit } from '../../audit/conformance.js'

// Small files, so that every test is about several.
testAudit(t, { name: 'audit files', supports, open: directory => openAuditFiles({ directory, maxFileBytes: 2_000, retryMs: 1 }) })
