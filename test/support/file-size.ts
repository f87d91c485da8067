import { spawnSync } from 'node:child_process'

// Where a file would become too large the system kills who does not listen; then the write fails with EFBIG.
process.on('SIGXFSZ', () => {})

/** No file of this process may become larger than so many bytes: that stands for a full disk. */
export function limitFileSize (bytes: number | 'unlimited'): void {
  const { status, stderr } = spawnSync('prlimit', [`--fsize=${bytes}:unlimited`, '--pid', String(process.pid)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`prlimit: ${stderr}`)
}
