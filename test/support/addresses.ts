// One that fails to authenticate often is not heard for a while: so a test that means to fail gives each request another.

let given = 0
const two = () => `${(++given >> 8) & 255}.${given & 255}`

/** Another address of this machine each time. */
export const nearAddress = (): string => `127.1.${two()}`

/** Another address of another machine each time. */
export const farAddress = (): string => `198.18.${two()}`
