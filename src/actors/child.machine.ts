/**
 * Governs what a supervisor has started: a host, a worker of one, or a shard on its own.
 *
 *          DIED              ELAPSED
 *   up ----------> backoff ----------> up          SUSPECTED from up or backoff: quarantined --RELEASED--> up
 *    | DRAIN          | DRAIN, EXHAUSTED
 *    v                v
 *   draining --ENDED, DIED--> ended                GIVEN_UP from anywhere: failed
 *
 * Only what dies while it drains is not started again. Driven by `supervisor.ts`.
 */
import { assign, setup } from 'xstate'

export type ChildEvent =
  | { type: 'DIED' }
  | { type: 'ELAPSED' }
  | { type: 'DRAIN' }
  | { type: 'ENDED' }
  | { type: 'SUSPECTED' }
  | { type: 'RELEASED' }
  | { type: 'GIVEN_UP' }

export const childMachine = setup({
  types: { context: {} as { deaths: number }, events: {} as ChildEvent },
  actions: { count: assign({ deaths: ({ context }) => context.deaths + 1 }) },
}).createMachine({
  id: 'child',
  context: { deaths: 0 },
  initial: 'up',
  on: { GIVEN_UP: '.failed' },
  states: {
    up: {
      on: {
        DIED: { target: 'backoff', actions: 'count' },
        DRAIN: 'draining',
        ENDED: 'ended',
        SUSPECTED: 'quarantined',
      },
    },
    backoff: { on: { ELAPSED: 'up', DRAIN: 'ended', SUSPECTED: 'quarantined' } },
    draining: { on: { DIED: { target: 'ended', actions: 'count' }, ENDED: 'ended' } },
    quarantined: { on: { RELEASED: 'up', DRAIN: 'ended' } },
    ended: { type: 'final' },
    failed: { type: 'final' },
  },
})
