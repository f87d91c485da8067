import { GatewayError } from '../../errors.js'
import { LEAF_DIGITS, type WrappedNode } from '../../secrets/tree-node.js'
import type { TreeStore } from '../../secrets/tree-store.js'
import type { Link } from './link.js'

interface Row {
  readonly path: string | null
  readonly box: Buffer | null
}

const ALL = {
  name: 'tree 1',
  text: 'SELECT n.path, n.box FROM tree t LEFT JOIN tree_node n ON n.key_id = t.key_id WHERE t.key_id = $1'
}
const COVER = { name: 'tree cover 1', text: `${ALL.text.replace(' WHERE', ' AND n.path = ANY ($2) WHERE')}` }

/** Keeps trees in the database, for all gateways that have it open. Until its server has vacuumed, what is destroyed is there to be found. */
export class PostgresTrees implements TreeStore {
  readonly isShared = true
  readonly #link: Link
  readonly #reading: Link

  constructor (link: Link, reading: Link) {
    this.#link = link
    this.#reading = reading
  }

  async begin (keyId: string, nodes: readonly WrappedNode[]): Promise<void> {
    await this.#link.run({
      name: 'begin tree 1', text: 'SELECT begin_tree($1, $2::text[], $3::bytea[])', values: [keyId, ...columnsOf(nodes)]
    })
  }

  async cover (keyId: string, leaf: string): Promise<WrappedNode | undefined> {
    const paths = Array.from({ length: LEAF_DIGITS + 1 }, (_, digits) => leaf.slice(0, digits))
    const rows = await this.#reading.run<Row>({ ...COVER, values: [keyId, paths] })
    if (rows.length === 0) throw new GatewayError('unavailable', `the tree of the key '${keyId}' is missing in the database: restore it`)
    return nodesIn(rows)[0]
  }

  async replace (keyId: string, removed: readonly string[], added: readonly WrappedNode[]): Promise<boolean> {
    const [row] = await this.#link.run<{ replaced: boolean }>({
      name: 'replace nodes 1',
      text: 'SELECT replace_nodes($1, $2::text[], $3::text[], $4::bytea[]) AS replaced',
      values: [keyId, removed, ...columnsOf(added)]
    })
    return row?.replaced === true
  }

  async all (keyId: string): Promise<readonly WrappedNode[] | undefined> {
    const rows = await this.#link.run<Row>({ ...ALL, values: [keyId] })
    return rows.length === 0 ? undefined : nodesIn(rows)
  }

  async destroy (keyIds: readonly string[]): Promise<void> {
    await this.#link.run({ name: 'destroy trees 1', text: 'DELETE FROM tree WHERE key_id = ANY ($1)', values: [keyIds] })
  }
}

const nodesIn = (rows: readonly Row[]): WrappedNode[] => rows.flatMap(({ path, box }) => path === null || box === null ? [] : { path, box })

const columnsOf = (nodes: readonly WrappedNode[]) => [nodes.map(({ path }) => path), nodes.map(({ box }) => box)]
