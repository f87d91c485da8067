// The failures of one that fails often are only counted: a test that fails to authenticate gives each request another.

let given = 0
const two = () => `${(++given >> 8) & 255}.${given & 255}`

/** Another address of this machine each time. */
export const nearAddress = (): string => `127.1.${two()}`

/** Another address of another machine each time. */
export const farAddress = (): string => `198.18.${two()}`
