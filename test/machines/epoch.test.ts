import t from 'tap'
import { createActor } from 'xstate'
import { type EpochEvent, epochMachine } from '../../src/recovery/epoch.machine.ts'
import { checkMachine } from './support.ts'

const FILLED = { type: 'FILLED' } as const
const PROCESSED = { type: 'PROCESSED' } as const
const APPENDED = { type: 'APPENDED' } as const
const marked = (epoch: number) => ({ type: 'MARKED', epoch }) as const
const stored = (epoch: number) => ({ type: 'STORED', epoch }) as const
const at = (value: string, [processed, mark, store]: readonly [number, number, number]) => ({
  value,
  context: { processed, marked: mark, stored: store },
})
/** Six epochs processed, four marked, two stored. */
const input = { processed: 6, marked: 4, stored: 2 }

/** In every state: whole epochs, forward, and never ahead of the step before. */
const overlap = (value: string, processed: number) =>
  [
    [marked(5), at(value, [processed, 5, 2])],
    [marked(4), null],
    [marked(6), null],
    [marked(3), null],
    [stored(4), at(value, [processed, 4, 4])],
    [stored(3), at(value, [processed, 4, 3])],
    [stored(2), null],
    [stored(1), null],
    [stored(5), null],
  ] as const

checkMachine<EpochEvent>(
  t,
  epochMachine,
  ['FILLED', 'PROCESSED', 'APPENDED', 'MARKED', 'STORED'],
  [
    {
      name: 'filling',
      input,
      path: [],
      at: at('filling', [6, 4, 2]),
      on: [[FILLED, at('processing', [6, 4, 2])], [PROCESSED, null], [APPENDED, null], ...overlap('filling', 6)],
    },
    {
      name: 'processing',
      input,
      path: [FILLED],
      at: at('processing', [6, 4, 2]),
      on: [[FILLED, null], [PROCESSED, at('appending', [7, 4, 2])], [APPENDED, null], ...overlap('processing', 6)],
    },
    {
      name: 'appending',
      input,
      path: [FILLED, PROCESSED],
      at: at('appending', [7, 4, 2]),
      on: [[FILLED, null], [PROCESSED, null], [APPENDED, at('filling', [7, 4, 2])], ...overlap('appending', 7)],
    },
    {
      name: 'filling, all of it stored',
      input,
      path: [marked(5), marked(6), stored(6)],
      at: at('filling', [6, 6, 6]),
      on: [
        [FILLED, at('processing', [6, 6, 6])],
        [PROCESSED, null],
        [APPENDED, null],
        [marked(7), null],
        [stored(7), null],
      ],
    },
  ],
)

t.test('processed >= marked >= stored, whatever comes', (t) => {
  const actor = createActor(epochMachine, { input: { processed: 0, marked: 0, stored: 0 } })
  actor.start()
  const events: EpochEvent[] = [FILLED, PROCESSED, APPENDED]
  for (let epoch = 0; epoch < 6; epoch++) events.push(marked(epoch), stored(epoch))
  let state = 1
  let moved = 0
  for (let i = 0; i < 3000; i++) {
    state = (state * 48271) % 2147483647
    const before = actor.getSnapshot().context
    actor.send(events[state % events.length]!)
    const after = actor.getSnapshot().context
    const isHeld = after.processed >= after.marked && after.marked >= after.stored
    const isForward = (['processed', 'marked', 'stored'] as const).every((key) => after[key] >= before[key])
    if (!isHeld || !isForward) t.fail(JSON.stringify([before, after]))
    if (after.stored > before.stored) moved++
  }
  t.ok(moved >= 3)
  t.end()
})
