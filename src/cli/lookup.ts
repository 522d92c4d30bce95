/** `umbel lookup`: the row of a key in an index, as of any time; also while the run goes on. */

import { userError } from '../base/errors.ts'
import type { Timestamp } from '../base/time.ts'
import { parseTime } from '../connectors/parse-time.ts'
import { Misfit, textParser } from '../connectors/parse-value.ts'
import { valueToJson } from '../connectors/row-json.ts'
import type { UserValue } from '../records/column.ts'
import { unpacked } from '../records/nested.ts'
import type { Fields } from '../records/schema.ts'
import { type Index, openIndex } from '../serving/open-index.ts'
import { print } from './print.ts'

interface LookupOptions {
  readonly at?: string
  readonly json?: boolean
}

export async function lookup(
  directory: string,
  name: string,
  key: readonly string[],
  { at, json }: LookupOptions,
): Promise<void> {
  const index = await openIndex(directory, name)
  try {
    const { state, row } = await index.get(keyOf(name, index, key), at === undefined ? undefined : timeOf(at))
    if (json) return print(JSON.stringify({ state, row: row && jsonOf(index.fields, row) }))
    if (row === null) return print(`There is no row${at === undefined ? '' : ` at ${at}`}.`)
    if (state === 'default') print('Nothing is left of it at that time: what it comes to then.')
    const widest = Math.max(...Object.keys(index.fields).map(({ length }) => length))
    const cell = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
    for (const [field, value] of Object.entries(jsonOf(index.fields, row)))
      print(`${field.padEnd(widest)}   ${cell(value)}`)
  } finally {
    await index.close()
  }
}

function keyOf(name: string, { keys, fields }: Pick<Index<never, never>, 'keys' | 'fields'>, texts: readonly string[]) {
  if (texts.length !== keys.length)
    throw userError(
      'key',
      `index '${name}' is looked up by ${keys.join(', ')}: give ${keys.length}, not ${texts.length}`,
    )
  const values = keys.map((field, k) => {
    const value = textParser(field, fields[field]!)(texts[k]!)
    if (value instanceof Misfit) throw userError('key', value.reason)
    return [field, value instanceof Uint8Array ? unpacked(fields[field]!, value) : value] as const
  })
  return Object.fromEntries(values)
}

function timeOf(text: string): Timestamp {
  const time = parseTime(text)
  if (typeof time === 'string') throw userError('time', `--at '${text}' is no time: ${time}`)
  return time
}

const jsonOf = (fields: Fields, row: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, valueToJson(row[name] as UserValue, type)]))
