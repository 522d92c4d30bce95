/**
 * Random histories of commits, refusals, reopenings and looks. The oracle is a map of hexadecimal keys, sorted from
 * scratch at every look. The seed is printed, and `SEED=n` repeats a run.
 */
import fc from 'fast-check'
import type { Test } from 'tap'
import type { Write } from '../../../src/storage/environment.ts'
import { type EnvironmentDriver, hex, hexes, metaOf } from './support.ts'

export function testHistories(t: Test, driver: EnvironmentDriver): void {
  t.test('any history reads like a sorted map', async (t) => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
    t.comment(`SEED=${seed}`)
    const numRuns = 15 * Number(process.env.FC_TIMES ?? 1)
    const history = fc.array(step, { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(history, (steps) => checkHistory(driver, steps)),
      { seed, numRuns },
    )
    t.pass(`${numRuns} histories`)
  })
}

interface Step {
  /** How far the expected version is beside the stored one; 0 is right. */
  readonly off: number
  readonly writes: readonly Write[]
  readonly isAwaited: boolean
  readonly isReopened: boolean
  readonly look: { readonly table: string; readonly from?: Uint8Array; readonly to?: Uint8Array }
}

const table = fc.constantFrom('a', 'b')
const shortKey = fc.uint8Array({ minLength: 1, maxLength: 3 }).map((key) => key.map((byte) => (byte % 4) * 85))
const key = fc.oneof(
  { weight: 5, arbitrary: shortKey },
  fc.tuple(fc.integer({ min: 1890, max: 1940 }), shortKey).map(([n, end]) => Buffer.concat([Buffer.alloc(n), end])),
)
const value = fc.oneof(fc.uint8Array({ maxLength: 5 }), fc.constant(new Uint8Array(5000)))
const step: fc.Arbitrary<Step> = fc.record({
  off: fc.constantFrom(0, 0, 0, 0, -1, 1),
  writes: fc.array(fc.record({ table, key, value: fc.option(value) }), { maxLength: 8 }),
  isAwaited: fc.boolean(),
  isReopened: fc.integer({ max: 5, min: 0 }).map((n) => n === 0),
  look: fc.record({ table, from: fc.option(key, { nil: undefined }), to: fc.option(key, { nil: undefined }) }),
})

async function checkHistory(driver: EnvironmentDriver, steps: readonly Step[]): Promise<void> {
  let store = driver.open()
  const model = { a: new Map<string, string>(), b: new Map<string, string>() }
  let version = 0
  let queued: { done: Promise<boolean>; wanted: boolean }[] = []
  for (const { off, writes, isAwaited, isReopened, look } of steps) {
    const next = version + 2
    queued.push({ done: store.commit(version + off, metaOf(next), writes), wanted: off === 0 })
    if (off === 0) {
      version = next
      for (const { table, key, value } of writes) {
        const entries = model[table as 'a' | 'b']
        if (value === null) entries.delete(hex(key))
        else entries.set(hex(key), hex(value))
      }
    }
    if (!isAwaited) continue
    for (const { done, wanted } of queued) equal(await done, wanted, 'the commit')
    queued = []
    if (isReopened && driver.reopen !== undefined) store = await driver.reopen(store)
    equal(store.meta()?.version ?? 0, version, 'the version')
    const { table, from, to } = look
    const entries = model[table as 'a' | 'b']
    const within = [...entries].filter(([k]) => (!from || k >= hex(from)) && (!to || k < hex(to))).sort()
    equal(hexes(store.range(table, { from, to })).join(), within.map((pair) => pair.join('=')).join(), 'the range')
    const keys = [...store.range(table, { from, to, keysOnly: true })].map(([key]) => hex(key))
    equal(keys.join(), within.map(([key]) => key).join(), 'its keys')
    if (from !== undefined) equal(optionalHex(store.get(table, from)), entries.get(hex(from)), 'the value')
  }
  await Promise.all(queued.map(({ done }) => done))
  await store.close()
}

const optionalHex = (bytes: Uint8Array | undefined): string | undefined => bytes && hex(bytes)

function equal<T>(got: T, wanted: T, what: string): void {
  if (got !== wanted) throw new Error(`${what} is ${String(got)} and not ${String(wanted)}`)
}
