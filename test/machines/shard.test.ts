import t from 'tap'
import { type ShardEvent, shardMachine } from '../../src/actors/shard.machine.ts'
import { checkMachine } from './support.ts'

const context = { reason: null }
const state = (value: string) => ({ value, context })
const failed = { value: 'failed', context: { reason: 'disk' } }
const RECOVERED = { type: 'RECOVERED' } as const
const DRAIN = { type: 'DRAIN' } as const
const DRAINED = { type: 'DRAINED' } as const
const FINISHED = { type: 'FINISHED' } as const
const FAILED = { type: 'FAILED', reason: 'disk' } as const
const again = { type: 'FAILED', reason: 'again' } as const
const nothing = [RECOVERED, DRAIN, DRAINED, FINISHED, again].map((event) => [event, null] as const)

checkMachine<ShardEvent>(
  t,
  shardMachine,
  ['RECOVERED', 'DRAIN', 'DRAINED', 'FINISHED', 'FAILED'],
  [
    {
      name: 'recovering',
      path: [],
      at: state('recovering'),
      on: [
        [RECOVERED, state('live')],
        [DRAIN, state('draining')],
        [DRAINED, null],
        [FINISHED, null],
        [FAILED, failed],
      ],
    },
    {
      name: 'live',
      path: [RECOVERED],
      at: state('live'),
      on: [
        [RECOVERED, null],
        [DRAIN, state('draining')],
        [DRAINED, state('drained')],
        [FINISHED, state('finished')],
        [FAILED, failed],
      ],
    },
    ...[[DRAIN], [RECOVERED, DRAIN], [DRAIN, RECOVERED]].map((path) => ({
      name: `draining, by ${path.map(({ type }) => type).join(' and ')}`,
      path,
      at: state('draining'),
      on: [
        [RECOVERED, null],
        [DRAIN, null],
        [DRAINED, state('drained')],
        [FINISHED, state('finished')],
        [FAILED, failed],
      ] as const,
    })),
    { name: 'drained', path: [DRAIN, DRAINED], at: state('drained'), on: nothing },
    { name: 'drained while live', path: [RECOVERED, DRAINED], at: state('drained'), on: nothing },
    { name: 'finished', path: [RECOVERED, FINISHED], at: state('finished'), on: nothing },
    { name: 'finished while draining', path: [DRAIN, FINISHED], at: state('finished'), on: nothing },
    { name: 'failed', path: [RECOVERED, DRAIN, FAILED], at: failed, on: nothing },
  ],
)
