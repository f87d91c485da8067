/** `rows` in columns: the first to the left, the others to the right, with two spaces between. */
export function table (rows: ReadonlyArray<readonly string[]>): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows
    .map(row => row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)).join('  ').trimEnd())
    .join('\n')
}

export const whole = (value: number): string => String(Math.round(value))
export const tenths = (value: number): string => value.toFixed(1)
export const hundredths = (value: number): string => value.toFixed(2)
export const percent = (value: number): string => `${Math.round(value * 100)} %`
export const times = (value: number): string => `×${value.toFixed(2)}`
