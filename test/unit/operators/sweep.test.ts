import t from 'tap'
import { ScratchTable } from '../../../src/operators/scratch-table.ts'
import { Sweep } from '../../../src/operators/sweep.ts'

const keyOf = (n: number) => Buffer.from([1, n >> 8, n & 255])

t.test(
  'what has come in since the last look is known over a restart: a replay looks at as much as the first run did',
  (t) => {
    const [table, progress] = [new ScratchTable(), new ScratchTable()]
    for (let n = 0; n < 500; n++) table.put(keyOf(n), Buffer.from([0]))
    const sweep = new Sweep(table, progress)
    t.equal(sweep.next().length, 64, 'some at least')
    sweep.cameIn(60)
    sweep.cameIn(40)
    sweep.save()
    const again = new Sweep(table, progress)
    again.open()
    for (const one of [sweep, again]) {
      const keys = one.next()
      t.equal(keys.length, 200)
      t.strictSame(Buffer.from(keys[0]!), keyOf(64), 'behind those before')
      t.equal(one.next().length, 64)
    }
    t.end()
  },
)
