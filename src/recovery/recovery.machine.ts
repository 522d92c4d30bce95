/**
 * Governs recovery: one path for every crash, and for the first start.
 *
 *   fencing --FENCED--> opening --OPENED--> replaying --REPLAYED--> live
 *                          |  ^                 |
 *                 UNUSABLE |  | OPENED          | DIVERGED, and any FAILED: failed
 *                          v  |
 *                       rebuilding
 *
 * An unusable store (missing, corrupt, ahead of the log, of another history) is set aside and rebuilt from the log.
 * Driven by `recover.ts`.
 */
import { type ActorRefFrom, assign, setup } from 'xstate'

export interface RecoveryContext {
  /** The last marked epoch in the log: the truth. */
  end: number
  /** The epoch that the store is at. */
  at: number
  /** Why the store was rebuilt, if it was. */
  rebuilt: string | null
  failure: string | null
}

export type RecoveryEvent =
  | { type: 'FENCED'; end: number }
  | { type: 'OPENED'; at: number }
  | { type: 'UNUSABLE'; reason: string }
  | { type: 'REPLAYED'; epoch: number }
  | { type: 'DIVERGED'; reason: string }
  | { type: 'FAILED'; reason: string }

export const recoveryMachine = setup({
  types: { context: {} as RecoveryContext, events: {} as RecoveryEvent },
  guards: {
    isThere: ({ context }) => context.at === context.end,
    isNext: ({ context, event }) => event.type === 'REPLAYED' && event.epoch === context.at + 1,
  },
  actions: {
    setEnd: assign({ end: ({ event, context }) => (event.type === 'FENCED' ? event.end : context.end) }),
    setAt: assign({ at: ({ event, context }) => (event.type === 'OPENED' ? event.at : context.at) }),
    step: assign({ at: ({ event, context }) => (event.type === 'REPLAYED' ? event.epoch : context.at) }),
    noteRebuild: assign({ at: 0, rebuilt: ({ event }) => ('reason' in event ? event.reason : null) }),
    noteFailure: assign({ failure: ({ event }) => ('reason' in event ? event.reason : null) }),
  },
}).createMachine({
  id: 'recovery',
  context: { end: 0, at: 0, rebuilt: null, failure: null },
  initial: 'fencing',
  on: { FAILED: { target: '.failed', actions: 'noteFailure' } },
  states: {
    fencing: { on: { FENCED: { target: 'opening', actions: 'setEnd' } } },
    opening: {
      on: {
        OPENED: { target: 'replaying', actions: 'setAt' },
        UNUSABLE: { target: 'rebuilding', actions: 'noteRebuild' },
      },
    },
    rebuilding: { on: { OPENED: { target: 'replaying', actions: 'setAt' } } },
    replaying: {
      always: { guard: 'isThere', target: 'live' },
      on: {
        REPLAYED: { guard: 'isNext', actions: 'step' },
        DIVERGED: { target: 'failed', actions: 'noteFailure' },
      },
    },
    live: { on: { FAILED: undefined } },
    failed: { type: 'final' },
  },
})

export type RecoveryActor = ActorRefFrom<typeof recoveryMachine>
