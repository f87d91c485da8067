/** Stands for a secret in the redacted rendering of a resource of any kind. */
export const HIDDEN = { is_secret: true }
// Inside a string JSON escapes every quotation mark, and no other object begins with this field: so it stands for
// nothing but a secret.
const HIDDEN_JSON = JSON.stringify(HIDDEN)

/** Whether `redacted` is of a resource with secrets. */
export const hidesSecrets = (redacted: string): boolean => redacted.includes(HIDDEN_JSON)

/** The whole resource: `redacted` with the values of its `secrets`. @throws where they are not as many as it hides */
export function reveal (redacted: string, secrets: Readonly<Record<string, string>>): string {
  const parts = redacted.split(HIDDEN_JSON)
  const values = Object.values(secrets)
  if (values.length !== parts.length - 1) throw new Error(`${values.length} values for ${parts.length - 1} secrets`)
  return values.reduce((json, value, index) => `${json}${JSON.stringify({ value, is_secret: true })}${parts[index + 1]}`, parts[0]!)
}
