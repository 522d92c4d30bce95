import t from 'tap'
import { type WindowEvent, windowMachine } from '../../src/operators/window.machine.ts'
import { checkMachine } from './support.ts'

const due = (end: number) => ({ type: 'DUE', end }) as const
const paused = (after: string) => ({ type: 'PAUSED', after }) as const
const FIRED = { type: 'FIRED' } as const
const passed = (watermark: number) => ({ type: 'PASSED', watermark }) as const
const ENDED = { type: 'ENDED' } as const
const waiting = (fired: number) => ({ value: 'waiting', context: { fired, end: null, after: null } })
const firing = (fired: number, end: number, after: string | null = null) => ({
  value: 'firing',
  context: { fired, end, after },
})
const closed = (fired: number) => ({ value: 'closed', context: { fired, end: null, after: null } })
const START = Number.NEGATIVE_INFINITY

checkMachine<WindowEvent>(
  t,
  windowMachine,
  ['DUE', 'PAUSED', 'FIRED', 'PASSED', 'ENDED'],
  [
    {
      name: 'waiting at the start',
      path: [],
      at: waiting(START),
      on: [
        [due(-10), firing(START, -10)],
        [paused('k'), null],
        [FIRED, null],
        [passed(5), waiting(5)],
        [ENDED, closed(START)],
      ],
    },
    {
      name: 'waiting',
      path: [due(10), FIRED],
      at: waiting(10),
      on: [
        [due(20), firing(10, 20)],
        [due(10), null],
        [due(9), null],
        [paused('k'), null],
        [FIRED, null],
        [passed(11), waiting(11)],
        [passed(10), null],
        [passed(9), null],
        [ENDED, closed(10)],
      ],
    },
    {
      name: 'firing',
      path: [passed(10), due(20)],
      at: firing(10, 20),
      on: [
        [due(30), null],
        [paused('k'), firing(10, 20, 'k')],
        [FIRED, waiting(20)],
        [passed(30), null],
        [ENDED, null],
      ],
    },
    {
      name: 'firing behind a key',
      path: [passed(10), due(20), paused('a'), paused('k')],
      at: firing(10, 20, 'k'),
      on: [
        [due(30), null],
        [paused('z'), firing(10, 20, 'z')],
        [FIRED, waiting(20)],
        [passed(30), null],
        [ENDED, null],
      ],
    },
    {
      name: 'firing anew begins before the first key',
      path: [due(10), paused('k'), FIRED, due(20)],
      at: firing(10, 20),
      on: [
        [due(30), null],
        [paused('a'), firing(10, 20, 'a')],
        [FIRED, waiting(20)],
        [passed(30), null],
        [ENDED, null],
      ],
    },
    {
      name: 'resuming a window that was under way',
      input: { fired: 10, end: 20, after: 'k' },
      path: [],
      at: firing(10, 20, 'k'),
      on: [
        [due(30), null],
        [paused('l'), firing(10, 20, 'l')],
        [FIRED, waiting(20)],
        [passed(30), null],
        [ENDED, null],
      ],
    },
    {
      name: 'resuming between windows',
      input: { fired: 10, end: null, after: null },
      path: [],
      at: waiting(10),
      on: [
        [due(20), firing(10, 20)],
        [due(10), null],
        [paused('l'), null],
        [FIRED, null],
        [passed(30), waiting(30)],
        [ENDED, closed(10)],
      ],
    },
    {
      name: 'closed',
      path: [passed(10), ENDED],
      at: closed(10),
      on: [
        [due(20), null],
        [paused('l'), null],
        [FIRED, null],
        [passed(30), null],
        [ENDED, null],
      ],
    },
  ],
)
