/** Writes something that nobody reads: its commit waits for a synchronous standby, and so for all that was committed before. */
export const BARRIER = { name: 'barrier 1', text: 'SELECT pg_logical_emit_message(true, \'ectx\', \'\')' }
