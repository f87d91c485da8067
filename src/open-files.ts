/** With fewer the gateway does not start: to load it takes some 250 at once. */
const NEEDED = 512
/** For connections that have no place yet, and for what is none: the database, the audit log, keys, who signs JWTs, Node itself. */
const RESERVE = 192

/** How many files, connections among them, this process may have open. Node has raised the soft limit to the hard one. */
function mostOpenFiles (): number {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | 'unlimited' } } }
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : Infinity
}

/** How many connections the limit of open files leaves room for. */
export const mostConnections = (): number => mostOpenFiles() - RESERVE

/** @throws with what to do, where the gateway could not work for want of open files */
export function assertEnoughOpenFiles (): void {
  const most = mostOpenFiles()
  if (most >= NEEDED) return
  throw new Error(`this process may have ${most} files open and needs at least ${NEEDED}, since every connection is one; raise the limit ` +
    '(ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of Docker), best to 16384')
}
