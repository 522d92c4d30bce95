/**
 * Governs the epochs of one shard: in what order they are filled, processed, marked and stored.
 *
 *            FILLED             PROCESSED             APPENDED
 *   filling --------> processing --------> appending --------> filling
 *
 * MARKED and STORED arrive in every state, since epochs overlap: while one is in flight the next fills.
 * Held here: processed >= marked >= stored (EP-1), each moving by whole epochs, none ever back.
 * Driven by `epoch-driver.ts`.
 */
import { assign, setup } from 'xstate'

export interface EpochContext {
  /** The last epoch whose rows have been processed. */
  processed: number
  /** The last epoch whose marker is durable. */
  marked: number
  /** The last epoch whose state is stored. */
  stored: number
}

export type EpochEvent =
  | { type: 'FILLED' }
  | { type: 'PROCESSED' }
  | { type: 'APPENDED' }
  | { type: 'MARKED'; epoch: number }
  | { type: 'STORED'; epoch: number }

export const epochMachine = setup({
  types: {
    context: {} as EpochContext,
    events: {} as EpochEvent,
    input: {} as EpochContext,
  },
  guards: {
    isNextMarked: ({ context, event }) =>
      event.type === 'MARKED' && event.epoch === context.marked + 1 && event.epoch <= context.processed,
    isStorable: ({ context, event }) =>
      event.type === 'STORED' && event.epoch >= context.stored && event.epoch <= context.marked,
  },
  actions: {
    count: assign({ processed: ({ context }) => context.processed + 1 }),
    mark: assign({ marked: ({ event, context }) => (event.type === 'MARKED' ? event.epoch : context.marked) }),
    store: assign({ stored: ({ event, context }) => (event.type === 'STORED' ? event.epoch : context.stored) }),
  },
}).createMachine({
  id: 'epoch',
  context: ({ input }) => input,
  initial: 'filling',
  on: {
    MARKED: { guard: 'isNextMarked', actions: 'mark' },
    STORED: { guard: 'isStorable', actions: 'store' },
  },
  states: {
    filling: { on: { FILLED: 'processing' } },
    processing: { on: { PROCESSED: { target: 'appending', actions: 'count' } } },
    appending: { on: { APPENDED: 'filling' } },
  },
})
