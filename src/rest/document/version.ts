import { createRequire } from 'node:module'

/** The one version number that there is: that of package.json. */
export const VERSION: string = createRequire(import.meta.url)('#package.json').version
