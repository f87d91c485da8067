import type { Hub } from '../../events/hub.js'
import type { Dependencies } from '../dependencies.js'

/** What these operations work on. */
export type EventDependencies = Pick<Dependencies, 'store' | 'audit'> & { readonly hub: Hub }
