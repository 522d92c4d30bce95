/**
 * Governs the firing of an operator's windows: which window is being emitted and how far it has come.
 *
 *            DUE                 FIRED
 *   waiting ------> firing ----------------> waiting
 *      |            |    ^
 *      | ENDED      +----+ PAUSED (the epoch is full; goes on behind `after`)
 *      v
 *   closed
 *
 * Driven by `window-aggregate.ts`, which persists the context with each store: a window is emitted once (PN-1) even if
 * its emission takes several epochs and a crash falls between them.
 */
import { assign, setup } from 'xstate'

export interface WindowContext {
  /** All windows that end at or before this have been emitted. */
  fired: number
  /** End of the window being emitted. */
  end: number | null
  /** The last key of it that was emitted: a number, or packed text. */
  after: string | number | null
}

export type WindowEvent =
  | { type: 'DUE'; end: number }
  | { type: 'PAUSED'; after: string | number }
  | { type: 'FIRED' }
  | { type: 'PASSED'; watermark: number }
  | { type: 'ENDED' }

export const windowMachine = setup({
  types: {
    context: {} as WindowContext,
    events: {} as WindowEvent,
    input: {} as WindowContext | undefined,
  },
  guards: {
    isNext: ({ context, event }) => event.type === 'DUE' && event.end > context.fired,
    isForward: ({ context, event }) => event.type === 'PASSED' && event.watermark > context.fired,
  },
  actions: {
    begin: assign({ end: ({ event }) => (event.type === 'DUE' ? event.end : null), after: null }),
    remember: assign({ after: ({ event, context }) => (event.type === 'PAUSED' ? event.after : context.after) }),
    finish: assign({ fired: ({ context }) => context.end!, end: null, after: null }),
    pass: assign({ fired: ({ event, context }) => (event.type === 'PASSED' ? event.watermark : context.fired) }),
  },
}).createMachine({
  id: 'window',
  context: ({ input }) => input ?? { fired: Number.NEGATIVE_INFINITY, end: null, after: null },
  initial: 'resuming',
  states: {
    resuming: {
      always: [{ guard: ({ context }) => context.end !== null, target: 'firing' }, { target: 'waiting' }],
    },
    waiting: {
      on: {
        DUE: { guard: 'isNext', target: 'firing', actions: 'begin' },
        PASSED: { guard: 'isForward', actions: 'pass' },
        ENDED: 'closed',
      },
    },
    firing: {
      on: {
        PAUSED: { actions: 'remember' },
        FIRED: { target: 'waiting', actions: 'finish' },
      },
    },
    closed: { type: 'final' },
  },
})
