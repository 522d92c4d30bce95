/**
 * Governs the life of a shard, as the console and `inspect` show it.
 *
 *   recovering --RECOVERED--> live --FINISHED--> finished
 *       | DRAIN                 | DRAIN
 *       +-----> draining <------+ --DRAINED--> drained         FAILED from anywhere: failed
 *
 * Driven by `shard-actor.ts`.
 */
import { assign, setup } from 'xstate'

export interface ShardMachineContext {
  reason: string | null
}

export type ShardEvent =
  | { type: 'RECOVERED' }
  | { type: 'DRAIN' }
  | { type: 'DRAINED' }
  | { type: 'FINISHED' }
  | { type: 'FAILED'; reason: string }

export const shardMachine = setup({
  types: { context: {} as ShardMachineContext, events: {} as ShardEvent },
  actions: {
    note: assign({ reason: ({ event }) => (event.type === 'FAILED' ? event.reason : null) }),
  },
}).createMachine({
  id: 'shard',
  context: { reason: null },
  initial: 'recovering',
  states: {
    recovering: {
      on: { RECOVERED: 'live', DRAIN: 'draining', FAILED: { target: 'failed', actions: 'note' } },
    },
    live: {
      on: {
        DRAIN: 'draining',
        FINISHED: 'finished',
        DRAINED: 'drained',
        FAILED: { target: 'failed', actions: 'note' },
      },
    },
    // A drain may be asked for during recovery, which goes on to its end; and the input may end meanwhile.
    draining: {
      on: { DRAINED: 'drained', FINISHED: 'finished', FAILED: { target: 'failed', actions: 'note' } },
    },
    drained: { type: 'final' },
    finished: { type: 'final' },
    failed: { type: 'final' },
  },
})
