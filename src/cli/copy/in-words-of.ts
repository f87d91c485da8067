import { GatewayError } from '../../errors.js'

/** As the options of the command name the sides. */
export type SideName = 'from' | 'to'

/** Does `work`, whose refusals speak of the variables of a gateway: here the options of the side stand for these. */
export async function inWordsOf<T> (side: SideName, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const { cause } = error
    const text = error.message.replaceAll('ECTX_ROOT_KEY_FILE', `--${side}-root-key-file`)
      .replaceAll(/ECTX_STORE|ECTX_DATA_DIR/g, `--${side}`)
      // There is no log: the code says enough, and no more than may be said.
      .replace(/[;,] (?:and see )?the log (?:for|has) its reason/, cause instanceof Error && 'code' in cause ? ` (${cause.code})` : '')
    throw new GatewayError(error.code, text.startsWith('--') ? text : `--${side}: ${text}`, { cause: error, existingId: error.existingId })
  }
}
