import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import t from 'tap'
import ts from 'typescript'
import { Board, makeBoardBuffers } from '../../../src/mailbox/board.ts'
import { SourceTimes } from '../../../src/mailbox/source-times.ts'
import { runs } from '../operators/support.ts'

const boardOf = (shards: number, bell = 0, own?: ReadonlySet<number>) => new Board(makeBoardBuffers(shards), bell, own)

/** Whether a promise has resolved by the next turn of the event loop. */
async function hasResolved(promise: Promise<unknown>): Promise<boolean> {
  let isOver = false
  void promise.then(() => (isOver = true))
  await new Promise((resolve) => setTimeout(resolve, 5))
  return isOver
}

/** Three of each shard, and two of each pair. */
const CELLS_OF_TWO = 2 * 3 + 2 * 4

t.test('nothing is announced at first, and announcements never go back', async (t) => {
  const board = boardOf(3)
  t.same(
    [0, 1, 2].map((shard) => board.announced(shard)),
    [-1, -1, -1],
  )
  board.announce(1, 0)
  board.announce(1, 7)
  board.announce(1, 5)
  t.same(
    [0, 1, 2].map((shard) => board.announced(shard)),
    [-1, 7, -1],
  )
})

t.test('every number has a place of its own', async (t) => {
  const board = boardOf(3)
  const shards = [0, 1, 2]
  for (const shard of shards) {
    board.announce(shard, 10 + shard)
    board.setBacklog(shard, 20 + shard)
    board.setSourceTime(shard, 30 + shard)
    for (const sender of shards) {
      board.setConsumed(shard, sender, 40 + shard * 3 + sender)
      board.setRetained(shard, sender, 50 + shard * 3 + sender)
    }
  }
  t.same(
    shards.map((shard) => board.announced(shard)),
    [10, 11, 12],
  )
  t.same(
    shards.map((shard) => board.backlog(shard)),
    [20, 21, 22],
  )
  t.same(
    shards.map((shard) => board.sourceTime(shard)),
    [30, 31, 32],
  )
  t.same(
    shards.map((shard) => shards.map((sender) => board.consumed(shard, sender))),
    [
      [40, 41, 42],
      [43, 44, 45],
      [46, 47, 48],
    ],
  )
  t.same(
    shards.map((shard) => shards.map((sender) => board.retained(shard, sender))),
    [
      [50, 51, 52],
      [53, 54, 55],
      [56, 57, 58],
    ],
  )
  t.equal(board.backlogOfAll(), 63)
})

t.test('what is consumed may go back, since a store may be built anew', async (t) => {
  const board = boardOf(2)
  board.setConsumed(0, 1, 9)
  board.setConsumed(0, 1, 0)
  t.equal(board.consumed(0, 1), 0)
})

t.test('the time of sources is the least of all, from those not heard to those that have ended', async (t) => {
  const board = boardOf(3)
  const times = [0, 2].map((cell) => new SourceTimes(board, cell, () => [0, 2]))
  t.equal(times[0]!.lowest(), Number.NEGATIVE_INFINITY)
  times[0]!.report(-5)
  t.equal(times[0]!.lowest(), Number.NEGATIVE_INFINITY)
  times[1]!.report(978_307_200_000_000)
  t.equal(times[0]!.lowest(), -5)
  times[0]!.report(null)
  t.equal(times[1]!.lowest(), 978_307_200_000_000)
  times[1]!.report(null)
  t.equal(times[1]!.lowest(), Number.POSITIVE_INFINITY)
})

t.test('a backlog that shrinks is told: a source of another host may wait for it', async (t) => {
  const board = boardOf(2)
  board.setBacklog(0, 5)
  const { moment } = board
  board.setBacklog(0, 5)
  board.setBacklog(0, 9)
  t.equal(board.moment, moment, 'one that grows wakes nobody')
  board.setBacklog(0, 8)
  t.not(board.moment, moment)
})

t.test('changes tell every cell once, and then those that differ', async (t) => {
  const board = boardOf(2)
  const known = board.nothingKnown()
  t.equal(board.changes(known).length, CELLS_OF_TWO)
  t.same(board.changes(known), [])
  board.announce(1, 3)
  board.setBacklog(0, 5)
  const changes = board.changes(known)
  t.equal(changes.length, 2)
  const other = boardOf(2)
  other.apply(JSON.parse(JSON.stringify(changes)))
  t.equal(other.announced(1), 3)
  t.equal(other.backlog(0), 5)
  t.same(board.changes(known), [])
})

t.test('what comes back of its own numbers does not undo them', async (t) => {
  const board = boardOf(2, 0, new Set([0]))
  board.announce(0, 9)
  const all: [number, number][] = Array.from({ length: CELLS_OF_TWO }, (_, cell) => [cell, 4])
  board.apply(all)
  t.same([board.announced(0), board.announced(1)], [9, 4])
  t.same([board.consumed(0, 1), board.consumed(1, 0)], [0, 4])
})

t.test('all that a board holds survives the way to another process', async (t) => {
  const [board, other] = [boardOf(2), boardOf(2)]
  board.setSourceTime(0, Number.POSITIVE_INFINITY)
  board.setBacklog(1, Number.MAX_SAFE_INTEGER)
  other.apply(JSON.parse(JSON.stringify(board.changes(board.nothingKnown()))))
  t.equal(other.sourceTime(0), Number.POSITIVE_INFINITY)
  t.equal(other.sourceTime(1), Number.NEGATIVE_INFINITY)
  t.equal(other.backlog(1), Number.MAX_SAFE_INTEGER)
  t.equal(other.announced(0), -1)
})

/** Two hosts that each write half of the shards, and the one that passes their messages on. */
t.test('whatever the delays between hosts, each keeps its own numbers and learns those of the others', async (t) => {
  const write = fc.record({ shard: fc.nat({ max: 3 }), value: fc.nat({ max: 100 }), kind: fc.nat({ max: 4 }) })
  const script = fc.array(fc.oneof(write, fc.constantFrom('send', 'pass', 'take')), { maxLength: 60 })
  fc.assert(
    fc.property(script, fc.array(fc.nat({ max: 1 }), { minLength: 60, maxLength: 60 }), (steps, hosts) => {
      const own = [new Set([0, 2]), new Set([1, 3])]
      const boards = own.map((shards) => boardOf(4, 0, shards))
      const known = boards.map((board) => board.nothingKnown())
      const hub = boardOf(4)
      type Message = [number, number][]
      const toHub: Message[][] = [[], []]
      const toHost: Message[][] = [[], []]
      const act = {
        send: (host: number) => void toHub[host]!.push(boards[host]!.changes(known[host]!)),
        pass(host: number) {
          const message = toHub[host]!.shift() ?? []
          hub.apply(message)
          toHost[1 - host]!.push(message)
        },
        take: (host: number) => boards[host]!.apply(toHost[host]!.shift() ?? []),
      }
      const truth = boardOf(4)
      const set = (board: Board, { shard, value, kind }: { shard: number; value: number; kind: number }) => {
        if (kind === 0) board.announce(shard, value)
        else if (kind === 1) board.setConsumed(shard, value % 4, value)
        else if (kind === 2) board.setBacklog(shard, value)
        else if (kind === 3) board.setRetained(shard, value % 4, value)
        else board.setSourceTime(shard, value)
      }
      const all = (board: Board) => board.changes(board.nothingKnown())
      steps.forEach((step, i) => {
        if (typeof step === 'string') act[step](hosts[i]!)
        else for (const board of [truth, boards[step.shard % 2]!]) set(board, step)
        boards.forEach((board) => {
          // Only its own cells are told, and those are as it wrote them.
          const cells = new Map(all(truth))
          for (const [cell, value] of all(board))
            if (cells.get(cell) !== value) throw new Error(`cell ${cell} is ${value}`)
        })
      })
      for (const host of [0, 1]) act.send(host)
      while (toHub.flat().length > 0) for (const host of [0, 1]) act.pass(host)
      while (toHost.flat().length > 0) for (const host of [0, 1]) act.take(host)
      for (const board of [hub, ...boards]) {
        for (let shard = 0; shard < 4; shard++) {
          const seen = (one: Board) => [
            one.announced(shard),
            one.backlog(shard),
            one.sourceTime(shard),
            ...[0, 1, 2, 3].map((sender) => [one.consumed(shard, sender), one.retained(shard, sender)]),
          ]
          t.same(seen(board), seen(truth))
        }
      }
    }),
    { numRuns: runs(60) },
  )
})

t.test('a wait ends when the board has changed since the moment it was looked at', async (t) => {
  const buffers = makeBoardBuffers(2)
  const boards = [0, 1, 63].map((bell) => new Board(buffers, bell))
  const changes = [
    () => boards[0]!.announce(0, 1),
    () => boards[1]!.setConsumed(1, 0, 5),
    () => boards[0]!.apply([]),
    () => boards[2]!.ring(),
    () => boards[0]!.setSourceTime(0, Number.POSITIVE_INFINITY),
  ]
  for (const change of changes) {
    const moments = boards.map((board) => board.moment)
    const waits = boards.map((board, i) => board.changedSince(moments[i]!))
    t.equal(await hasResolved(Promise.race(waits)), false)
    change()
    t.equal(await hasResolved(Promise.all(waits)), true, 'every thread wakes')
    t.equal(await hasResolved(boards[0]!.changedSince(moments[0]!)), true, 'a change before the wait is not missed')
  }
})

t.test('what changes nothing wakes nobody', async (t) => {
  const board = boardOf(2)
  board.announce(0, 5)
  board.setConsumed(0, 1, 2)
  const wait = board.changedSince(board.moment)
  board.announce(0, 5)
  board.announce(0, 4)
  board.setConsumed(0, 1, 2)
  board.setBacklog(0, 100)
  board.setSourceTime(1, 7)
  t.equal(await hasResolved(wait), false)
})

/** Answers every announcement with what it saw and how often it was woken; never asks on its own. */
const WAITER = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.board).then(async ({ Board }) => {
    const board = new Board(workerData.buffers, 1)
    parentPort.on('message', () => process.exit())
    for (let wakes = 0, seen = -1; ; wakes++) {
      const moment = board.moment
      if (board.announced(0) !== seen) parentPort.postMessage({ seen: (seen = board.announced(0)), wakes })
      if (wakes === 0) parentPort.postMessage('up')
      await board.changedSince(moment)
    }
  })
`

t.test('a thread is woken by what another one announces, and sleeps in between', async (t) => {
  const buffers = makeBoardBuffers(1)
  const board = new Board(buffers, 0)
  // A worker has no loader for TypeScript here; the file imports nothing but types.
  const source = readFileSync(new URL('../../../src/mailbox/board.ts', import.meta.url), 'utf8')
  const { outputText } = ts.transpileModule(source, { compilerOptions: { target: ts.ScriptTarget.ES2022 } })
  const url = `data:text/javascript,${encodeURIComponent(outputText)}`
  const worker = new Worker(WAITER, { eval: true, workerData: { buffers, board: url } })
  const next = async () => (await once(worker, 'message'))[0]
  t.equal(await next(), 'up')
  for (let epoch = 0; epoch < 20; epoch++) {
    if (epoch === 10) await new Promise((resolve) => setTimeout(resolve, 50))
    const answer = next()
    board.announce(0, epoch)
    t.same(await answer, { seen: epoch, wakes: epoch + 1 }, 'one wake an announcement')
  }
  worker.postMessage('end')
  await once(worker, 'exit')
})
