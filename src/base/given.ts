/**
 * What declarations are given, checked as they run: a module that nobody has compiled has types that nobody has checked. An
 * error names the call, what is wrong with it, and what it takes.
 */
import * as v from 'valibot'
import { userError } from './errors.ts'

type AnySchema = v.GenericSchema | v.GenericSchema<never>

/** As `micros` reads them. */
export const aDuration = v.union([v.string(), v.number()])
export const someNames = v.array(v.string())
export const aFunction = v.function()
export const aText = v.string()
export const aNumber = v.union([v.number(), v.nan()])
export const aList = v.array(v.any())
export const aFlag = v.boolean()

/** What is checked elsewhere. */
export const anything = v.optional(v.any())

/** Options by name: no others. */
export const only = v.strictObject
export const maybe = v.optional
export const oneOf = v.picklist
export const eachOf = <S extends v.GenericSchema>(schema: S) => v.record(v.string(), schema)
/** What a test holds true; `what` is said where it does not. */
export const such = (what: string, isSuch: (given: unknown) => boolean) => v.custom<unknown>(isSuch, what)

/**
 * Checks what a call was given.
 * @param call its name @param what of it is checked, where that is not its options
 * @throws user error `argument`
 */
export function check(call: string, schema: AnySchema, given: unknown, what?: string): void {
  const { issues } = v.safeParse(schema as v.GenericSchema, given, { abortEarly: true })
  if (issues !== undefined) throw userError('argument', `${call}: ${reasonOf(issues[0], schema, what)}`)
}

function reasonOf(issue: v.BaseIssue<unknown>, schema: AnySchema, what: string | undefined): string {
  const path = issue.path?.map(({ key }) => String(key)) ?? []
  const known = Object.keys(entriesAt(schema, path.slice(0, -1))).join(', ')
  if (path.length === 0 && issue.type === 'strict_object') return `it takes an object of options: ${known}`
  const name = path.length > 0 ? `'${path.join('.')}'` : (what ?? 'its options')
  if (issue.type === 'strict_object' && issue.expected === 'never')
    return `there is no option ${name}; the options are ${known}`
  // What is missing is expected by its name.
  if (issue.expected?.startsWith('"')) return `${name} must be given: ${expectedAt(schema, path)}`
  const expected = issue.type === 'custom' ? issue.message : readable(issue.expected)
  if (issue.received === 'undefined') return `${name} must be given: ${expected}`
  return `${name} must be ${expected}${insteadOf(issue.input)}`
}

interface Inner {
  readonly type: string
  readonly expects: string
  readonly message?: unknown
  readonly wrapped?: Inner
  readonly entries?: Readonly<Record<string, Inner>>
}

const entriesAt = (schema: AnySchema, path: readonly string[]): Readonly<Record<string, Inner>> =>
  plain(path.reduce((at, key) => plain(at).entries?.[key] ?? at, schema as Inner)).entries ?? {}

const plain = (schema: Inner): Inner => (schema.wrapped === undefined ? schema : plain(schema.wrapped))

function expectedAt(schema: AnySchema, path: readonly string[]): string {
  const inner = entriesAt(schema, path.slice(0, -1))[path.at(-1)!]!
  return inner.type === 'custom' ? String(inner.message) : readable(inner.expects)
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  Array: 'a list',
  Function: 'a function',
  Object: 'an object',
}

/** `("inner" | "left")` and `Array`, as people say it. */
const readable = (expected: string | null): string =>
  (expected ?? 'something else')
    .replace(/^\(|\)$/g, '')
    .split(' | ')
    .filter((one) => one !== 'undefined')
    .map((one) => WORDS[one] ?? one.replaceAll('"', "'"))
    .join(' or ')

function insteadOf(input: unknown): string {
  if (typeof input === 'string') return `, not '${input}'`
  if (typeof input === 'function') return `, not the function ${input.name}`.trimEnd()
  return typeof input === 'object' && input !== null ? '' : `, not ${input}`
}
