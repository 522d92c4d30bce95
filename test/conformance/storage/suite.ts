/** What every `Environment` keeps to, real or in memory. Random histories are in `histories.ts`. */
import type { Test } from 'tap'
import type { Entry, Environment, RangeOptions, Write } from '../../../src/storage/environment.ts'
import { testHistories } from './histories.ts'
import { type EnvironmentDriver, hex, hexes, linesOf, metaOf, put, textBytes } from './support.ts'

const remove = (table: string, key: string): Write => ({ table, key: textBytes(key), value: null })

/** Keys of `length` bytes that begin alike and end in `tail`: with more than 1900 they share what LMDB can order. */
const longKey = (length: number, tail: number): Uint8Array => Buffer.alloc(length, 7).fill(tail, length - 1)

/** Runs the cases; every one opens an environment of its own. */
export function testEnvironment(t: Test, driver: EnvironmentDriver): void {
  const withStore = (name: string, body: (t: Test, store: Environment) => Promise<void>) =>
    t.test(name, async (t) => {
      const store = driver.open()
      await body(t, store)
      await store.close()
    })

  withStore('an empty store has no meta, no values and no entries', async (t, store) => {
    t.equal(store.meta(), null)
    t.equal(store.get('a', textBytes('x')), undefined)
    t.same([...store.range('a')], [])
    t.same([...store.range('a', { from: textBytes('a'), to: textBytes('b') })], [])
  })

  withStore('what is committed is read, tables are apart, and null removes', async (t, store) => {
    t.equal(await store.commit(0, metaOf(1), [put('a', 'x', '1'), put('b', 'x', '2'), put('a', 'y', '3')]), true)
    t.same(store.get('a', textBytes('x')), textBytes('1'))
    t.same(store.get('b', textBytes('x')), textBytes('2'))
    t.equal(store.get('b', textBytes('y')), undefined)
    await store.commit(1, metaOf(2), [remove('a', 'x'), remove('b', 'never'), put('a', 'y', '4')])
    t.same(linesOf(store, 'a'), ['y=4'])
    t.same(linesOf(store, 'b'), ['x=2'])
    await store.commit(2, metaOf(3), [put('a', 'z', '1'), remove('a', 'z'), remove('a', 'y'), put('a', 'y', '5')])
    t.same(linesOf(store, 'a'), ['y=5'], 'within a commit, the last write of a key counts')
  })

  withStore('an empty value is a value', async (t, store) => {
    await store.commit(0, metaOf(1), [put('a', 'x', '')])
    t.equal(store.get('a', textBytes('x'))?.length, 0)
    t.same(linesOf(store, 'a'), ['x='])
  })

  withStore('a value of many megabytes is read, also in a view', async (t, store) => {
    const large = Buffer.alloc((16 << 20) + 1, 7)
    await store.commit(0, metaOf(1), [{ table: 'a', key: textBytes('x'), value: large }])
    const view = store.view()
    for (const reader of [store, view]) t.equal(Buffer.compare(reader.get('a', textBytes('x'))!, large), 0)
    view.close()
  })

  withStore('an empty key or an unknown table is refused before anything is written', async (t, store) => {
    await store.commit(0, metaOf(1), [])
    await t.rejects(store.commit(1, metaOf(2), [put('a', 'x', '1'), put('b', '', '2')]), { message: /empty key/ })
    if (driver.reopen !== undefined) {
      await t.rejects(store.commit(1, metaOf(2), [put('a', 'x', '1'), put('c', 'x', '2')]), { message: /table 'c'/ })
    }
    t.same(linesOf(store, 'a'), [], 'nothing of it is there')
    t.equal(await store.commit(1, metaOf(2), [put('a', 'y', '1')]), true, 'the store goes on')
    t.same(linesOf(store, 'a'), ['y=1'])
  })

  withStore('a range goes from its start to before its end, in bytewise order', async (t, store) => {
    const keys = [[0], [0, 0], [0, 255], [1], [127], [128], [128, 0], [255], [255, 255]].map((key) => Buffer.from(key))
    const writes = keys.map((key) => ({ table: 'a', key, value: key }))
    await store.commit(0, metaOf(1), writes.toReversed())
    const got = (options?: RangeOptions) => [...store.range('a', options)].map(([key]) => [...key])
    const wanted = (low: number, high: number) => keys.slice(low, high).map((key) => [...key])
    t.same(got(), wanted(0, 9))
    t.same(got({ from: keys[1]! }), wanted(1, 9))
    t.same(got({ to: keys[5]! }), wanted(0, 5))
    t.same(got({ from: keys[3]!, to: keys[6]! }), wanted(3, 6))
    t.same(got({ from: Buffer.of(2), to: Buffer.of(200) }), wanted(4, 7), 'bounds need not be keys')
    t.same(got({ from: keys[6]!, to: keys[3]! }), [], 'the end before the start')
    t.same(got({ from: keys[3]!, to: keys[3]! }), [])
    t.same(got({ from: new Uint8Array(0) }), wanted(0, 9), 'no key is before the empty one')
    t.same(got({ to: new Uint8Array(0) }), [])
  })

  withStore('entries of a range are copies', async (t, store) => {
    const writes = Array.from({ length: 300 }, (_, i) => put('a', `k${String(i).padStart(3, '0')}`, `v${i}`))
    await store.commit(0, metaOf(1), writes)
    const entries: Entry[] = []
    for (const entry of store.range('a')) {
      entries.push(entry)
      store.get('a', textBytes('k299'))
    }
    await store.commit(
      1,
      metaOf(2),
      writes.map(({ table, key }) => ({ table, key, value: textBytes('other') })),
    )
    for (const _ of store.range('a'));
    t.same(
      entries.map(([key, value]) => ({ table: 'a', key: Buffer.from(key), value: Buffer.from(value) })),
      writes,
    )
  })

  withStore('a commit that expects another version writes nothing in any table', async (t, store) => {
    t.equal(await store.commit(7, metaOf(8), [put('a', 'x', '1')]), false, 'an empty store has version 0')
    t.equal(store.meta(), null)
    await store.commit(0, metaOf(10), [put('a', 'x', '1'), put('b', 'x', '1')])
    const stale = [put('a', 'x', '2'), put('b', 'x', '2'), put('b', 'y', '2'), remove('a', 'x')]
    for (const expected of [0, 9, 11]) t.equal(await store.commit(expected, metaOf(20), stale), false, `${expected}`)
    t.same(store.meta(), metaOf(10))
    t.same([linesOf(store, 'a'), linesOf(store, 'b')], [['x=1'], ['x=1']])
    t.equal(await store.commit(10, metaOf(20), stale), true)
    t.same([linesOf(store, 'a'), linesOf(store, 'b')], [[], ['x=2', 'y=2']])
    t.same(store.meta(), metaOf(20))
  })

  withStore('commits queued in one turn chain, and what follows a refused one is refused', async (t, store) => {
    const done = [
      store.commit(0, metaOf(1), [put('a', 'x', '1')]),
      store.commit(1, metaOf(2), [put('a', 'x', '2'), put('b', 'x', '2')]),
      store.commit(1, metaOf(3), [put('a', 'x', '3'), put('b', 'y', '3')]),
      store.commit(3, metaOf(4), [put('a', 'x', '4')]),
      store.commit(2, metaOf(5), []),
    ]
    t.same(await Promise.all(done), [true, true, false, false, true])
    t.same([linesOf(store, 'a'), linesOf(store, 'b')], [['x=2'], ['x=2']])
    t.same(store.meta(), metaOf(5))
  })

  withStore('who reads while a commit is under way sees it once it is done', async (t, store) => {
    let stale = 0
    for (let version = 0; version < 40; version++) {
      let isDone = false
      const done = store.commit(version, metaOf(version + 1), [put('a', 'x', `${version}`)]).then(() => {
        isDone = true
        if (linesOf(store, 'a')[0] !== `x=${version}` || store.meta()?.version !== version + 1) stale++
      })
      while (!isDone) {
        store.get('a', textBytes('x'))
        await new Promise((resolve) => setImmediate(resolve))
      }
      await done
    }
    t.equal(stale, 0)
  })

  withStore('a commit may span any number of epochs and any size', async (t, store) => {
    const writes = Array.from({ length: 5000 }, (_, i) => put(i % 2 ? 'a' : 'b', `k${i}`, 'x'.repeat(i % 50)))
    writes.push({ table: 'a', key: textBytes('large'), value: Buffer.alloc(1_000_000, 5) })
    t.equal(await store.commit(0, metaOf(2 ** 32 + 40), writes), true)
    t.equal([...store.range('a')].length + [...store.range('b')].length, 5001)
    t.same(store.get('a', textBytes('large')), Buffer.alloc(1_000_000, 5))
    t.equal(await store.commit(2 ** 32 + 40, metaOf(2 ** 53 - 1), []), true)
    t.equal(await store.commit(2 ** 53 - 2, metaOf(1), []), false, 'versions are exact up to the last')
    t.equal(await store.commit(2 ** 53 - 1, metaOf(1), []), true)
  })

  withStore('the body of the meta comes back byte for byte', async (t, store) => {
    let version = 0
    for (const body of [new Uint8Array(0), Uint8Array.from({ length: 256 }, (_, i) => i), Buffer.alloc(70_000, 9)]) {
      await store.commit(version, { version: ++version, body }, [])
      t.same(store.meta(), { version, body: Buffer.from(body) })
    }
  })

  withStore('a closed store refuses commits, and ends nothing else', async (t, store) => {
    await store.close()
    await t.rejects(store.commit(0, metaOf(1), [put('a', 'x', '1')]), { message: /closed/ })
    await new Promise((resolve) => setImmediate(resolve))
  })

  withStore('keys longer than LMDB takes are read and removed by the whole key', async (t, store) => {
    const keys = [longKey(3000, 1), longKey(3000, 2), longKey(1900, 3), longKey(1901, 3), longKey(1932, 3)]
    const writes = keys.map((key, i) => ({ table: 'a', key, value: textBytes(`${i}`) }))
    await store.commit(0, metaOf(1), writes)
    for (const { key, value } of writes) t.same(store.get('a', key), value)
    t.equal(store.get('a', longKey(3000, 3)), undefined)
    t.same(hexes(store.range('a')).length, 5)
    await store.commit(1, metaOf(2), [{ table: 'a', key: keys[0]!, value: null }])
    t.equal(store.get('a', keys[0]!), undefined)
    t.same(store.get('a', keys[1]!), textBytes('1'))
  })

  withStore(
    'long keys stand in order, and bound ranges, also where all that LMDB orders is the same',
    async (t, store) => {
      const keys = [...Array.from({ length: 20 }, (_, i) => longKey(2500, i)), longKey(2600, 5), longKey(1900, 7)]
      keys.push(Buffer.alloc(1900, 6), Buffer.alloc(1900, 8), Buffer.concat([longKey(1899, 7), Buffer.alloc(900, 9)]))
      keys.sort(Buffer.compare)
      const writes = keys.map((key) => ({ table: 'a', key, value: key.subarray(-3) }))
      await store.commit(0, metaOf(1), writes)
      t.same(hexes(store.range('a')), hexes(keys.map((key) => [key, key.subarray(-3)])))
      const bounds = [...keys, longKey(2550, 5), longKey(1901, 7), Buffer.alloc(1800, 7), Buffer.alloc(4000, 255)]
      let wrong = 0
      for (const from of [undefined, ...bounds]) {
        for (const to of [undefined, ...bounds]) {
          const within = keys.filter(
            (key) => (!from || Buffer.compare(key, from) >= 0) && (!to || Buffer.compare(key, to) < 0),
          )
          const got = [...store.range('a', { from, to })].map(([key]) => hex(key))
          if (got.join() !== within.map(hex).join()) wrong++
        }
      }
      t.equal(wrong, 0, 'ranges that are not what the keys say')
    },
  )

  withStore('a view stays as it is while commits go on', async (t, store) => {
    const long = longKey(3000, 1)
    const write = (version: number, value: string | null) => {
      const bytesOf = (end: number | '') => (value === null ? null : textBytes(value + end))
      return store.commit(version - 1, metaOf(version), [
        ...Array.from({ length: 300 }, (_, i) => ({ ...put('a', `k${i}`, ''), value: bytesOf(i) })),
        { table: 'b', key: long, value: bytesOf('') },
      ])
    }
    await write(1, 'first')
    const views = [store.view()]
    await write(2, 'second')
    views.push(store.view())
    const removing = write(3, null)
    for (let i = 0; i < 20; i++) {
      const version = i % 2
      const [view, value] = [views[version]!, ['first', 'second'][version]!]
      t.equal(view.meta()?.version, version + 1)
      t.same(view.get('a', textBytes(`k${i}`)), textBytes(value + i))
      t.same(view.get('b', long), textBytes(value))
      t.equal(view.get('b', textBytes('none')), undefined)
      await new Promise((resolve) => setImmediate(resolve))
      if (i === 10) await removing
    }
    t.same(linesOf(store, 'a'), [], 'who reads the store sees the last commit')
    views[0]!.close()
    t.same(views[1]!.get('a', textBytes('k0')), textBytes('second0'), 'one may be closed before another')
    views[1]!.close()
    for (let version = 4; version < 300; version++) {
      await store.commit(version - 1, metaOf(version), [])
      store.view().close()
    }
    t.equal(store.meta()?.version, 299)
  })

  withStore('a copy is the store as of one commit, and a store of its own', async (t, store) => {
    const directory = t.testdir()
    const many = Array.from({ length: 500 }, (_, i) => put('a', `k${i}`, `first ${i}`))
    await store.commit(0, metaOf(1), many)
    // Commits go on while it is made.
    const copying = store.copyTo(directory)
    const later = store.commit(1, metaOf(2), [
      ...many.map((one) => ({ ...one, value: textBytes('second') })),
      put('b', 'x', '1'),
    ])
    await Promise.all([copying, later])
    const copy = driver.openCopy(directory)
    const { version } = copy.meta()!
    t.ok(version === 1 || version === 2)
    t.strictSame(copy.meta()!.body, metaOf(version).body)
    t.same(linesOf(copy, 'b'), version === 1 ? [] : ['x=1'])
    t.equal(linesOf(copy, 'a').length, 500)
    t.ok(linesOf(copy, 'a').every((line) => line.includes(version === 1 ? '=first' : '=second')))
    t.equal(await copy.commit(version, metaOf(9), [put('a', 'own', '1')]), true)
    await copy.close()
    t.equal(store.get('a', textBytes('own')), undefined)
    const again = driver.openCopy(directory)
    t.same(again.get('a', textBytes('own')), driver.reopen === undefined ? undefined : textBytes('1'))
    await again.close()
  })

  testHistories(t, driver)
}
