import t from 'tap'
import { type ChildEvent, childMachine } from '../../src/actors/child.machine.ts'
import { checkMachine } from './support.ts'

const [DIED, ELAPSED, DRAIN, ENDED, SUSPECTED, RELEASED, GIVEN_UP] = (
  ['DIED', 'ELAPSED', 'DRAIN', 'ENDED', 'SUSPECTED', 'RELEASED', 'GIVEN_UP'] as const
).map((type) => ({ type })) as ChildEvent[] as [
  ChildEvent,
  ChildEvent,
  ChildEvent,
  ChildEvent,
  ChildEvent,
  ChildEvent,
  ChildEvent,
]
const at = (value: string, deaths: number) => ({ value, context: { deaths } })
const nothing = [DIED, ELAPSED, DRAIN, ENDED, SUSPECTED, RELEASED, GIVEN_UP].map((event) => [event, null] as const)

checkMachine<ChildEvent>(
  t,
  childMachine,
  ['DIED', 'ELAPSED', 'DRAIN', 'ENDED', 'SUSPECTED', 'RELEASED', 'GIVEN_UP'],
  [
    {
      name: 'up',
      path: [],
      at: at('up', 0),
      on: [
        [DIED, at('backoff', 1)],
        [ELAPSED, null],
        [DRAIN, at('draining', 0)],
        [ENDED, at('ended', 0)],
        [SUSPECTED, at('quarantined', 0)],
        [RELEASED, null],
        [GIVEN_UP, at('failed', 0)],
      ],
    },
    {
      name: 'backoff',
      path: [DIED],
      at: at('backoff', 1),
      on: [
        [DIED, null],
        [ELAPSED, at('up', 1)],
        [DRAIN, at('ended', 1)],
        [ENDED, null],
        [SUSPECTED, at('quarantined', 1)],
        [RELEASED, null],
        [GIVEN_UP, at('failed', 1)],
      ],
    },
    {
      name: 'draining',
      path: [DRAIN],
      at: at('draining', 0),
      on: [
        [DIED, at('ended', 1)],
        [ELAPSED, null],
        [DRAIN, null],
        [ENDED, at('ended', 0)],
        [SUSPECTED, null],
        [RELEASED, null],
        [GIVEN_UP, at('failed', 0)],
      ],
    },
    {
      name: 'quarantined',
      path: [SUSPECTED],
      at: at('quarantined', 0),
      on: [
        [DIED, null],
        [ELAPSED, null],
        [DRAIN, at('ended', 0)],
        [ENDED, null],
        [SUSPECTED, null],
        [RELEASED, at('up', 0)],
        [GIVEN_UP, at('failed', 0)],
      ],
    },
    { name: 'ended', path: [ENDED], at: at('ended', 0), on: nothing },
    { name: 'failed', path: [GIVEN_UP], at: at('failed', 0), on: nothing },
  ],
)
