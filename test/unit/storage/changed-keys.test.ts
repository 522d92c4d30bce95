/** Which keys a snapshot of changes has to read. */
import t from 'tap'
import { ChangedKeys, type KeysByTable } from '../../../src/storage/changed-keys.ts'
import type { Write } from '../../../src/storage/environment.ts'

const write = (key: string, table = 'a'): Write => ({ table, key: Buffer.from(key), value: null })
const listed = (keys: KeysByTable | null) =>
  keys && [...keys].flatMap(([table, texts]) => [...texts].map((text) => table + text)).sort()

t.test('keys are known once each, by table, until they are taken', async (t) => {
  const changed = new ChangedKeys(1000)
  changed.begin([write('x'), write('y'), write('x', 'b')])
  changed.end()
  changed.begin([write('x')])
  changed.end()
  t.strictSame(listed(changed.take()), ['ax', 'ay', 'bx'])
  t.strictSame(listed(changed.take()), [])
})

t.test('those of a commit that is under way belong to both sides', async (t) => {
  const changed = new ChangedKeys(1000)
  changed.begin([write('x')])
  t.strictSame(listed(changed.take()), ['ax'])
  changed.end()
  t.strictSame(listed(changed.take()), ['ax'])
  t.strictSame(listed(changed.take()), [])
})

t.test('too many are not known at all, until they are taken', async (t) => {
  const changed = new ChangedKeys(10 * 66)
  for (let i = 0; i < 30; i++) changed.begin([write(`k${i % 10}`)])
  changed.end()
  t.equal(listed(changed.take())?.length, 10, 'the same ones again cost nothing')
  for (let i = 0; i < 11; i++) changed.begin([write(`k${i + 10}`)])
  changed.end()
  t.equal(changed.take(), null)
  t.strictSame(listed(changed.take()), [])
})

t.test('keys of any bytes come back', async (t) => {
  const changed = new ChangedKeys(1 << 20)
  const key = Uint8Array.from({ length: 256 }, (_, i) => i)
  changed.begin([{ table: 'a', key, value: null }])
  const [text] = changed.take()!.get('a')!
  t.same(Buffer.from(text!, 'latin1'), Buffer.from(key))
})
