import t from 'tap'
import { type RecoveryEvent, recoveryMachine } from '../../src/recovery/recovery.machine.ts'
import { checkMachine } from './support.ts'

const fenced = (end: number) => ({ type: 'FENCED', end }) as const
const opened = (at: number) => ({ type: 'OPENED', at }) as const
const replayed = (epoch: number) => ({ type: 'REPLAYED', epoch }) as const
const UNUSABLE = { type: 'UNUSABLE', reason: 'ahead of the log' } as const
const DIVERGED = { type: 'DIVERGED', reason: 'other output' } as const
const FAILED = { type: 'FAILED', reason: 'disk' } as const
const ALL = ['FENCED', 'OPENED', 'UNUSABLE', 'REPLAYED', 'DIVERGED', 'FAILED'] as const

interface Facts {
  readonly rebuilt?: string
  readonly failure?: string
}
const state = (value: string, end: number, at: number, { rebuilt, failure }: Facts = {}) => ({
  value,
  context: { end, at, rebuilt: rebuilt ?? null, failure: failure ?? null },
})
const rebuilt = 'ahead of the log'
const nothing = [fenced(9), opened(4), UNUSABLE, replayed(5), DIVERGED, FAILED].map((event) => [event, null] as const)

checkMachine<RecoveryEvent>(t, recoveryMachine, ALL, [
  {
    name: 'fencing',
    path: [],
    at: state('fencing', 0, 0),
    on: [
      [fenced(5), state('opening', 5, 0)],
      [opened(3), null],
      [UNUSABLE, null],
      [replayed(1), null],
      [DIVERGED, null],
      [FAILED, state('failed', 0, 0, { failure: 'disk' })],
    ],
  },
  {
    name: 'opening',
    path: [fenced(5)],
    at: state('opening', 5, 0),
    on: [
      [fenced(6), null],
      [opened(3), state('replaying', 5, 3)],
      [opened(5), state('live', 5, 5)],
      [UNUSABLE, state('rebuilding', 5, 0, { rebuilt })],
      [replayed(1), null],
      [DIVERGED, null],
      [FAILED, state('failed', 5, 0, { failure: 'disk' })],
    ],
  },
  {
    name: 'rebuilding',
    path: [fenced(5), UNUSABLE],
    at: state('rebuilding', 5, 0, { rebuilt }),
    on: [
      [fenced(6), null],
      [opened(0), state('replaying', 5, 0, { rebuilt })],
      [UNUSABLE, null],
      [replayed(1), null],
      [DIVERGED, null],
      [FAILED, state('failed', 5, 0, { rebuilt, failure: 'disk' })],
    ],
  },
  {
    name: 'replaying',
    path: [fenced(5), opened(3)],
    at: state('replaying', 5, 3),
    on: [
      [fenced(6), null],
      [opened(5), null],
      [UNUSABLE, null],
      [replayed(4), state('replaying', 5, 4)],
      [replayed(5), null],
      [replayed(3), null],
      [DIVERGED, state('failed', 5, 3, { failure: 'other output' })],
      [FAILED, state('failed', 5, 3, { failure: 'disk' })],
    ],
  },
  {
    name: 'replaying a rebuilt store, one epoch before the end',
    path: [fenced(2), UNUSABLE, opened(0), replayed(1)],
    at: state('replaying', 2, 1, { rebuilt }),
    on: [
      [fenced(6), null],
      [opened(5), null],
      [UNUSABLE, null],
      [replayed(2), state('live', 2, 2, { rebuilt })],
      [DIVERGED, state('failed', 2, 1, { rebuilt, failure: 'other output' })],
      [FAILED, state('failed', 2, 1, { rebuilt, failure: 'disk' })],
    ],
  },
  { name: 'live at the first start', path: [fenced(0), opened(0)], at: state('live', 0, 0), on: nothing },
  { name: 'live after a replay', path: [fenced(4), opened(3), replayed(4)], at: state('live', 4, 4), on: nothing },
  { name: 'failed', path: [FAILED], at: state('failed', 0, 0, { failure: 'disk' }), on: nothing },
  {
    name: 'failed by a divergence',
    path: [fenced(4), opened(3), DIVERGED],
    at: state('failed', 4, 3, { failure: 'other output' }),
    on: nothing,
  },
])
