import { GatewayError } from '../../errors.js'

/** As the options of the command name the sides. */
export type SideName = 'from' | 'to'

/** Does `work`, whose refusals speak of the variables of a gateway: here the options of the side stand for these. */
export async function inWordsOf<T> (side: SideName, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const text = error.withoutLog.replaceAll('ECTX_ROOT_KEY_FILE', `--${side}-root-key-file`)
      .replaceAll(/ECTX_STORE|ECTX_DATA_DIR/g, `--${side}`)
    throw new GatewayError(error.code, text.startsWith('--') ? text : `--${side}: ${text}`, { cause: error, existingId: error.existingId })
  }
}
