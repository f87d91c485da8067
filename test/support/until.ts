import { setTimeout } from 'node:timers/promises'

/** Resolves when `holds` does. That it comes to hold is what is tested: where it never does, the test times out. */
export async function until (holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!await holds()) await setTimeout(20)
}
