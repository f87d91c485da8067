import { existsSync } from 'node:fs'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Where this machine has a Chromium; `CHROMIUM_PATH` says so where it is none of the usual places. */
export const chromiumPath = process.env.CHROMIUM_PATH || PLACES.find(path => existsSync(path))

/** Why a browser test is skipped; `false` where it runs, which `REQUIRE_BROWSER=1` demands. */
export const skipBrowser = chromiumPath === undefined && process.env.REQUIRE_BROWSER !== '1' &&
  `no Chromium at ${PLACES.join(', ')}; set CHROMIUM_PATH`
