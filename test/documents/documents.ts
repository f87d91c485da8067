import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const FOLDERS = ['docs', 'src', '.github']

const markdownIn = (folder: string, options?: { recursive: boolean }): string[] =>
  readdirSync(folder, { ...options, encoding: 'utf8' }).filter(name => name.endsWith('.md')).map(name => join(folder, name))

/** Every document of the project, by its path. */
export const DOCUMENTS: readonly string[] = [
  ...markdownIn('.'),
  ...readdirSync('.').filter(name => FOLDERS.includes(name)).flatMap(folder => markdownIn(folder, { recursive: true }))
]
