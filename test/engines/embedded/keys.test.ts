import { join } from 'node:path'
import t from 'tap'
import { embeddedSupports as supports } from '../../../src/engines/embedded/embedded.js'
import { RingFile } from '../../../src/engines/embedded/keys/ring-file.js'
import { parseRootKey } from '../../../src/secrets/root-key.js'
import { testKeys } from '../../secrets/conformance.js'

const rootKey = parseRootKey(Buffer.alloc(32, 1).toString('base64'))

testKeys(t, { name: 'ring file', supports, open: directory => new RingFile(join(directory, 'keyring.json')) })
testKeys(t, { name: 'wrapped ring file', supports, open: directory => new RingFile(join(directory, 'keyring.json'), rootKey) })
