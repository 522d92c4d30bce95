import t from 'tap'
import { isOffHeap, OffHeapWatch } from '../../../src/actors/off-heap.ts'

const MB = 1 << 20

/** Garbage goes when it is collected, the young at once. */
class Memory {
  live = 0
  young = 0
  old = 0
  collected: string[] = []
  bytes = () => (this.live + this.young + this.old) * MB
  collect = (what: 'young' | 'all') => {
    this.collected.push(what)
    this.young = 0
    if (what === 'all') this.old = 0
  }
}

t.test('a worker that holds more than its limit ends, once, and says which shards, how much and what limit', (t) => {
  const memory = new Memory()
  const watch = new OffHeapWatch(memory, 100, () => ['clicks/0', 'users/1'])
  watch.check()
  memory.live = 101
  const message =
    /^the worker of clicks\/0, users\/1 holds 101 MB outside its heap, more than its limit of 100 MB \(offHeapMb\)/
  t.throws(() => watch.check(), { kind: 'retryable', code: 'off-heap', message })
  t.doesNotThrow(() => watch.check(), 'shards that come to their end meanwhile are left alone')
  t.ok(isOffHeap('... its limit of 100 MB (offHeapMb): ...'))
  t.end()
})

t.test('garbage is let go before it counts: the young from half the limit on, all of it near the limit', (t) => {
  const memory = new Memory()
  const watch = new OffHeapWatch(memory, 100, () => [])
  Object.assign(memory, { live: 20, young: 31 })
  watch.check()
  t.strictSame(memory.collected, ['young'])
  Object.assign(memory, { old: 200 })
  watch.check()
  t.strictSame(memory.collected, ['young', 'young', 'all'])
  Object.assign(memory, { live: 80 })
  watch.check()
  const looked = memory.collected.length
  watch.check()
  t.equal(memory.collected.length, looked, 'what lives is not looked for at every call')
  t.end()
})
