import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { createValidator, type Violation as ProtoViolation } from '@bufbuild/protovalidate'
import { GatewayError, invalidArgument, jsonPointer, type Violation } from '../errors.js'
import { step } from '../pipeline/pipeline.js'

const patterns = new Map<string, RegExp>()
// Every pattern is one of our own, from the .proto files: the platform's engine is safe for them, and much faster than RE2.
const validator = createValidator({
  regexMatch (pattern, against) {
    let regex = patterns.get(pattern)
    if (regex === undefined) patterns.set(pattern, regex = new RegExp(pattern, 'u'))
    return regex.test(against)
  }
})

// protovalidate's own sentence quotes the pattern, and hardly anybody could read these.
const NO_MATCH = 'does not match regex pattern '
const SENTENCES: ReadonlyMap<string, string> = new Map([
  [
    '^[^\\x00-\\x1f\\x7f-\\x9f\u2028-\u202e\u2066-\u2069]*$',
    'must be one line of text, without control and bidirectional formatting characters'
  ],
  ['^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$', 'must be text without control characters other than tabs and line ends']
].map(([pattern, sentence]) => [`${NO_MATCH}\`${pattern}\``, sentence!]))

/**
 * Checks the input against the `buf.validate` rules of its .proto file and answers every violation at once.
 * A rule that speaks of one field but has to stand on its parent names that field in `ruleFields`, by its id.
 */
export function validateProto<Desc extends DescMessage> (schema: Desc, ruleFields: Readonly<Record<string, string>> = {}) {
  // The first call compiles the rules, which takes some 50 ms: at the start, not in the first request.
  validator.validate(schema, create(schema))
  return step('ValidateProto', ({ input }: { input: MessageShape<Desc> }) => {
    const { kind, violations, error } = validator.validate(schema, input)
    if (kind === 'invalid') throw invalidArgument(violations.map(violation => toViolation(violation, ruleFields)))
    if (kind === 'error') throw new GatewayError('internal', 'a validation rule could not be evaluated', { cause: error })
  })
}

function toViolation ({ field, forKey, message, ruleId }: ProtoViolation, ruleFields: Readonly<Record<string, string>>): Violation {
  const path = field.map(part => {
    switch (part.kind) {
      case 'list_sub': return part.index
      case 'map_sub': return String(part.key)
      default: return part.name
    }
  })
  const target = ruleFields[ruleId]
  if (target !== undefined) path.push(target)
  const detail = SENTENCES.get(message) ?? message
  return { pointer: jsonPointer(path), detail: forKey ? `the key ${detail}` : detail }
}
