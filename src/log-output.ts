import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

// Lines are written together: that makes one several times cheaper than by itself. None waits longer than this.
const FLUSH_MS = 200
const FLUSH_CHARACTERS = 65_536
// What may wait for a reader that reads nothing; as much again may be on its way to it.
const MOST_WAITING = 1024 * 1024
// How long the end of the process waits for that reader.
const LAST_MS = 1_000

/** Hands a text over, whole; tells whether it was taken, which may be never. */
type Send = (text: string, told: (taken: boolean) => void) => void

/**
 * Lines for standard output, whatever that is. Never waits for who reads it: where too much is waiting, lines are dropped
 * and counted, and `onDropped` is told how many once they are read again. A reader that goes away, or a full disk, is no error.
 */
export class LogOutput {
  readonly #send: Send
  readonly #onDropped: (count: number) => void
  #waiting = ''
  #sending = false
  #dropped = 0

  constructor (onDropped: (count: number) => void) {
    this.#send = senderTo(process.stdout)
    this.#onDropped = onDropped
    setInterval(() => this.#pass(), FLUSH_MS).unref()
  }

  write (line: string): void {
    if (this.#waiting.length + line.length > MOST_WAITING) {
      this.#dropped++
      return
    }
    this.#waiting += line
    if (this.#waiting.length >= FLUSH_CHARACTERS) this.#pass()
  }

  /** Resolves when all is written, or a second later. */
  async flush (): Promise<void> {
    const end = performance.now() + LAST_MS
    for (this.#pass(); this.#sending && performance.now() < end; this.#pass()) await wait(5)
  }

  #pass (): void {
    if (this.#sending || this.#waiting === '') return
    const text = this.#waiting
    this.#waiting = ''
    this.#sending = true
    this.#send(text, taken => {
      this.#sending = false
      if (!taken) this.#dropped += text.split('\n').length - 1
      // What waited goes first: it is older than what is told now, and its room is needed.
      this.#pass()
      if (taken && this.#dropped > 0) this.#tellDropped()
    })
  }

  #tellDropped (): void {
    const count = this.#dropped
    this.#dropped = 0
    this.#onDropped(count)
  }
}

function senderTo (output: typeof process.stdout): Send {
  const { fd } = output
  // A disk does not keep one waiting for a reader.
  if (!(output instanceof Socket)) return (text, told) => writeFile(fd, Buffer.from(text), told)
  // A terminal too may be stopped, by Ctrl-S; Node would wait for it.
  if (output.isTTY) (output as unknown as { _handle?: { setBlocking? (blocking: boolean): void } })._handle?.setBlocking?.(false)
  output.on('error', () => {})
  return (text, told) => { output.write(text, error => told(error == null)) }
}

/** Where the disk is full the rest waits until it has room. */
function writeFile (fd: number, bytes: Buffer, told: (taken: boolean) => void): void {
  let written = 0
  try {
    while (written < bytes.length) written += writeSync(fd, bytes, written)
  } catch {
    setTimeout(() => writeFile(fd, bytes.subarray(written), told), FLUSH_MS).unref()
    return
  }
  told(true)
}
