import t from 'tap'
import { embeddedSupports as supports } from '../../../src/engines/embedded/embedded.js'
import { testAudit } from '../../audit/conformance.js'
import { openFiles } from '../../audit/support.js'

// Small files, so that every test is about several.
testAudit(t, { name: 'audit files', supports, open: directory => openFiles(directory, { maxFileBytes: 2_000, retryMs: 1 }) })
